"""`jaxamg.AMG`, `SparseLinearOperator` and `make_lineax_preconditioner` in lineax's hands."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
from problems import poisson2d
from systems import CONDITION, DENSE, MATRIX, B, N, X, bcoo, bcsr, relative_error, with_values

lx = pytest.importorskip("lineax")

TOLERANCE = 1e-12
ERROR = 10 * CONDITION * TOLERANCE
SOLVER = jaxamg.AMG(tolerance=TOLERANCE)
PATTERN = jaxamg.pattern(*MATRIX.tocoo().coords, MATRIX.shape)


def function_operator(A):
    return lx.FunctionLinearOperator(lambda x: A @ x, jax.ShapeDtypeStruct((N,), np.float64))


OPERATORS = {
    "dense": (lambda v: lx.MatrixLinearOperator(with_values(bcsr(MATRIX), v).todense()), SOLVER),
    "BCSR": (lambda v: jaxamg.SparseLinearOperator(with_values(bcsr(MATRIX), v)), SOLVER),
    "BCOO": (lambda v: jaxamg.SparseLinearOperator(with_values(bcoo(MATRIX), v)), SOLVER),
    "dense in sparse": (
        lambda v: jaxamg.SparseLinearOperator(with_values(bcsr(MATRIX), v).todense()),
        SOLVER,
    ),
    "tagged": (lambda v: lx.TaggedLinearOperator(OPERATORS["BCSR"][0](v), ()), SOLVER),
    "transposed twice": (lambda v: OPERATORS["BCSR"][0](v).T.T, SOLVER),
    "function": (
        lambda v: function_operator(with_values(bcsr(MATRIX), v)),
        jaxamg.AMG(tolerance=TOLERANCE, pattern=PATTERN),
    ),
}
VALUES = bcsr(MATRIX).data


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("name", OPERATORS)
def test_solution_and_gradients(name, jitted):
    operator, solver = OPERATORS[name]

    def loss(values, b):
        solution = lx.linear_solve(operator(values), b, solver)
        return jnp.sum(jnp.cos(solution.value)), solution.value

    def reference(values, b):
        return jnp.sum(jnp.cos(jnp.linalg.solve(with_values(bcsr(MATRIX), values).todense(), b)))

    ours = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    (_, x), gradients = (jax.jit(ours) if jitted else ours)(VALUES, jnp.asarray(B))
    assert relative_error(x, X) <= ERROR
    expected = jax.grad(reference, argnums=(0, 1))(VALUES, jnp.asarray(B))
    for found, wanted in zip(gradients, expected, strict=True):
        assert relative_error(found, wanted) <= ERROR


@pytest.mark.parametrize("name", OPERATORS)
def test_forward_mode(name):
    operator, solver = OPERATORS[name]
    tangent = jnp.sin(VALUES)
    solve = lambda v: lx.linear_solve(operator(v), jnp.asarray(B), solver).value  # noqa: E731
    _, found = jax.jvp(solve, (VALUES,), (tangent,))
    expected = -np.linalg.solve(DENSE, with_values(bcsr(MATRIX), tangent) @ X)
    assert relative_error(found, expected) <= ERROR


def test_gradient_sets_up_once():
    operator, solver = OPERATORS["BCSR"]
    jax.grad(lambda v: jnp.sum(lx.linear_solve(operator(v), jnp.asarray(B), solver).value))(VALUES)
    info = jaxamg.get_solver_cache_info()
    assert (info["setups"], info["refreshes"]) == (1, 0)


def test_transposed_operator():
    operator = OPERATORS["BCSR"][0](VALUES)
    x = lx.linear_solve(operator.T, jnp.asarray(B), SOLVER).value
    assert relative_error(x, np.linalg.solve(DENSE.T, B)) <= ERROR
    state, _ = SOLVER.transpose(SOLVER.init(operator, {}), {})
    assert relative_error(SOLVER.compute(state, jnp.asarray(B), {})[0], x) <= 1e-14
    assert relative_error(operator.T.as_matrix(), DENSE.T) == 0


def test_conjugate_is_itself():
    operator = OPERATORS["BCSR"][0](VALUES)
    state, _ = SOLVER.conj(SOLVER.init(operator, {}), {})
    assert relative_error(SOLVER.compute(state, jnp.asarray(B), {})[0], X) <= ERROR


def test_symmetric_operator_is_its_transpose():
    A = bcsr(poisson2d(9))
    operator = jaxamg.SparseLinearOperator(A, lx.symmetric_tag)
    assert operator.T is operator
    gradient = jax.grad(lambda b: jnp.sum(lx.linear_solve(operator, b, SOLVER).value ** 2))(jnp.asarray(B))
    inverse = np.linalg.inv(poisson2d(9).toarray())
    assert relative_error(gradient, 2 * inverse @ inverse @ B) <= 1e-9


def test_vectors_may_be_trees():
    def apply(v):
        y = MATRIX_J @ jnp.concatenate([v["a"].ravel(), v["b"]])
        return {"a": y[:60].reshape(6, 10), "b": y[60:]}

    MATRIX_J = bcsr(MATRIX)
    structure = {
        "a": jax.ShapeDtypeStruct((6, 10), np.float64),
        "b": jax.ShapeDtypeStruct((N - 60,), np.float64),
    }
    operator = lx.FunctionLinearOperator(apply, structure)
    b = {"a": jnp.asarray(B[:60]).reshape(6, 10), "b": jnp.asarray(B[60:])}
    solver = jaxamg.AMG(tolerance=TOLERANCE, pattern=PATTERN)
    x = lx.linear_solve(operator, b, solver).value
    assert relative_error(np.concatenate([x["a"].ravel(), x["b"]]), X) <= ERROR


def test_results_and_statistics():
    operator = OPERATORS["BCSR"][0]

    def solve(values, **keys):
        return lx.linear_solve(operator(values), jnp.asarray(B), jaxamg.AMG(**keys), throw=False)

    good = solve(VALUES)
    assert good.result == lx.RESULTS.successful
    assert 0 < good.stats["num_steps"] < 20
    assert good.stats["residual"] <= 1e-6 * np.linalg.norm(B)
    assert solve(VALUES, max_iters=1, tolerance=1e-14).result == lx.RESULTS.max_steps_reached
    assert solve(VALUES.at[3].set(jnp.nan)).result == lx.RESULTS.nonfinite_input
    assert solve(VALUES.at[MATRIX.indptr[5] : MATRIX.indptr[6]].set(0.0)).result == lx.RESULTS.singular
    with pytest.raises(Exception, match="maximum number of solver steps"):
        lx.linear_solve(operator(VALUES), jnp.asarray(B), jaxamg.AMG(max_iters=1, tolerance=1e-14))


def test_preconditioner_saves_iterations():
    A = bcsr(poisson2d(30))
    b, tags = jnp.ones(900), lx.positive_semidefinite_tag
    operator = jaxamg.SparseLinearOperator(A, tags)

    def steps(options):
        solution = lx.linear_solve(operator, b, lx.CG(rtol=1e-8, atol=1e-8), options=options)
        assert np.linalg.norm(b - A @ solution.value) <= 1e-6 * np.linalg.norm(b)
        return solution.stats["num_steps"]

    M = jaxamg.make_lineax_preconditioner(operator)
    assert lx.is_positive_semidefinite(M)
    assert steps({"preconditioner": M}) <= steps({}) / 3


@pytest.mark.parametrize("transposed", [False, True])
def test_preconditioner_is_the_map_of_make_preconditioner(transposed):
    operator = OPERATORS["BCSR"][0](VALUES)
    M = jaxamg.make_lineax_preconditioner(operator.T if transposed else operator, tags=())
    expected = np.stack([jaxamg.make_preconditioner(bcsr(MATRIX))(e) for e in np.eye(N)], axis=1)
    found = np.stack([M.mv(e) for e in jnp.eye(N)], axis=1)
    assert relative_error(found, expected.T if transposed else expected) <= 1e-13
    assert relative_error(M.T.mv(jnp.asarray(B)), found.T @ B) <= 1e-13


def test_gradient_through_a_preconditioned_lineax_solve():
    A = bcsr(poisson2d(9))

    def solve(values):
        operator = jaxamg.SparseLinearOperator(with_values(A, values), lx.positive_semidefinite_tag)
        options = {"preconditioner": jaxamg.make_lineax_preconditioner(operator)}
        return jnp.sum(
            lx.linear_solve(operator, jnp.asarray(B), lx.CG(rtol=1e-13, atol=1e-13), options=options).value
        )

    expected = jax.grad(lambda v: jnp.sum(jnp.linalg.solve(with_values(A, v).todense(), B)))(A.data)
    assert relative_error(jax.grad(solve)(A.data), expected) <= 1e-9


def test_misuse():
    with pytest.raises(ValueError, match=r"jaxamg\.pattern"):
        lx.linear_solve(function_operator(bcsr(MATRIX)), jnp.asarray(B), SOLVER)
    with pytest.raises(ValueError, match="square"):
        lx.linear_solve(lx.MatrixLinearOperator(jnp.ones((3, 2))), jnp.ones(3), SOLVER)
    with pytest.raises(ValueError, match="solvr"):
        jaxamg.AMG(solvr="PCG")


def test_import_is_light():
    code = "import jaxamg, sys; sys.exit(any(name in sys.modules for name in ('lineax', 'equinox')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
