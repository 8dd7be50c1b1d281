"""Null spaces for `make_preconditioner`, `jaxamg.AMG` and `make_lineax_preconditioner`, against pinv."""

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from problems import rhs
from singular import CONVECTION, LEFT, neumann2d
from systems import bcoo, bcsr, relative_error, with_values

lx = pytest.importorskip("lineax")

N = 36
NEUMANN = neumann2d(6)
PHASE = np.exp(1j * np.arange(N))

# {name: (A, what declares its null spaces)}
SINGULAR = {
    "Neumann": (NEUMANN, {"nullspace": "constant"}),
    "components": (
        sp.csr_array(sp.block_diag([neumann2d(3), 2 * neumann2d(3), neumann2d(3), neumann2d(3)])),
        {"nullspace": "constant", "labels": (4, np.arange(N) // 9)},
    ),
    "convection": (CONVECTION, {"nullspace": "constant", "transpose_nullspace": LEFT}),
    "complex": (
        sp.csr_array((1 + 0.3j) * sp.diags_array(PHASE) @ CONVECTION @ sp.diags_array(PHASE.conj())),
        {"nullspace": PHASE, "transpose_nullspace": PHASE.conj() * LEFT},
    ),
}


class System:
    """One of them, with a b that is not in A's range."""

    def __init__(self, name):
        A, self.declared = SINGULAR[name]
        self.dtype = A.dtype
        self.A = bcsr(A, A.dtype)
        self.dense = jnp.asarray(A.toarray())
        self.pinv = np.linalg.pinv(A.toarray(), rcond=1e-10)
        self.b = jnp.asarray(rhs(N) + (1j * rhs(N)[::-1] if A.dtype == complex else 0))
        self.null = np.eye(N) - self.pinv @ A.toarray()
        self.unreachable = np.eye(N) - A.toarray() @ self.pinv


@pytest.fixture(params=SINGULAR)
def system(request):
    return System(request.param)


# ---- preconditioners


def test_a_preconditioner_acts_between_what_the_null_spaces_leave(system):
    M = jaxamg.make_preconditioner(system.A, **system.declared)
    z = M(system.b)
    assert np.linalg.norm(system.null @ z) <= 1e-13 * np.linalg.norm(z)
    assert np.linalg.norm(M(system.unreachable @ system.b)) <= 1e-13 * np.linalg.norm(z)
    many = M(jnp.stack([system.b, jnp.cos(system.b)], axis=1))
    assert relative_error(many[:, 0], z) <= 1e-13
    batched = jax.jit(jax.vmap(lambda M, r: M(r), (None, 0)))(M, many.T)
    assert relative_error(batched[1], M(many[:, 1])) <= 1e-13


def test_its_transpose(system):
    """Re Σ y M r = Re Σ (Mᵀ y) r."""
    M = jaxamg.make_preconditioner(system.A, **system.declared)
    r, y = system.b, jnp.cos(system.b)
    (transposed,) = jax.linear_transpose(M, r)(y)
    z = M(r)
    bound = 1e-12 * np.linalg.norm(y) * np.linalg.norm(z)
    assert abs(jnp.sum(y * z).real - jnp.sum(transposed * r).real) <= bound


@pytest.mark.parametrize("how", ["attached", "keyword"])
def test_conjugate_gradients_of_jax(how):
    system = System("components")
    declared = system.declared
    A = jaxamg.with_cache(system.A, **declared) if how == "attached" else system.A

    def solve(b):
        M = jaxamg.make_preconditioner(A, **({} if how == "attached" else declared))
        return jax.scipy.sparse.linalg.cg(lambda x: system.A @ x, b, M=M, tol=1e-13, maxiter=30)[0]

    b = system.b - system.unreachable @ system.b
    assert relative_error(solve(b), system.pinv @ b) <= 1e-10
    # Of a loss that does not see the null space: JAX's method does not know that there is one.
    gradient = jax.grad(lambda b: jnp.sum(solve(b) ** 2))(b)
    assert relative_error(gradient, 2 * system.pinv @ (system.pinv @ b)) <= 1e-10


@pytest.mark.parametrize("complex_r", [False, True])
def test_until_a_tolerance(complex_r):
    """Then M is a solve, and tells how it went."""
    system = System("Neumann")
    config = {"solver": "PCG", "tolerance": 1e-12, "max_iters": 100}
    M = jaxamg.make_preconditioner(system.A, config, nullspace="constant", return_info=True)
    r = system.b + (1j * system.b[::-1] if complex_r else 0)
    z, info = M(r)
    assert relative_error_of(z, system.pinv @ r) <= 1e-10
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    expected = np.linalg.norm(system.unreachable @ r) / np.linalg.norm(r)
    assert info["rhs_inconsistency"] == pytest.approx(expected)


def relative_error_of(x, reference):
    return np.linalg.norm(np.asarray(x) - reference) / np.linalg.norm(reference)


# ---- lineax


def test_solution_of_lineax(system):
    solver = jaxamg.AMG(tolerance=1e-12, **system.declared)
    for operator in (jaxamg.SparseLinearOperator(system.A), lx.MatrixLinearOperator(system.dense)):
        solution = lx.linear_solve(operator, system.b, solver)
        assert solution.result == lx.RESULTS.successful
        assert relative_error_of(solution.value, system.pinv @ system.b) <= 1e-9


def test_states_of_the_transpose_and_the_conjugate(system):
    solver = jaxamg.AMG(tolerance=1e-12, **system.declared)
    state = solver.init(jaxamg.SparseLinearOperator(system.A), {})
    maps = {"T": system.pinv.T, "conj": system.pinv.conj(), "H": system.pinv.conj().T}
    transposed, conjugate = solver.transpose(state, {})[0], solver.conj(state, {})[0]
    states = {"T": transposed, "conj": conjugate, "H": solver.transpose(conjugate, {})[0]}
    for name, inverse in maps.items():
        x, *_ = solver.compute(states[name], system.b, {})
        assert relative_error_of(x, inverse @ system.b) <= 1e-9


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_gradient_of_lineax(system, jitted):
    solver = jaxamg.AMG(tolerance=1e-13, **system.declared)
    rows = np.repeat(np.arange(N), np.diff(system.A.indptr))

    def loss(x):
        return jnp.sum(jnp.sin(x.real) + jnp.cos(x.imag))

    def ours(values, b):
        operator = jaxamg.SparseLinearOperator(with_values(system.A, values))
        return loss(lx.linear_solve(operator, b, solver).value)

    def reference(values, b):
        A = jnp.zeros((N, N), system.dtype).at[rows, system.A.indices].add(values)
        return loss(jnp.linalg.pinv(A, rtol=1e-8) @ b)

    gradient = jax.grad(ours, (0, 1))
    found = (jax.jit(gradient) if jitted else gradient)(system.A.data, system.b)
    for one, expected in zip(found, jax.grad(reference, (0, 1))(system.A.data, system.b), strict=True):
        assert relative_error_of(one, expected) <= 1e-8


def test_forward_mode_of_lineax():
    system = System("convection")
    solver = jaxamg.AMG(tolerance=1e-13, **system.declared)
    solve = lambda b: lx.linear_solve(jaxamg.SparseLinearOperator(system.A), b, solver).value  # noqa: E731
    tangent = jnp.cos(system.b)
    assert relative_error(jax.jvp(solve, (system.b,), (tangent,))[1], system.pinv @ tangent) <= 1e-9


def test_a_preconditioner_of_lineax():
    A = neumann2d(24)
    tags = lx.positive_semidefinite_tag
    operator = jaxamg.SparseLinearOperator(bcsr(A), tags)
    b = jnp.asarray(A @ rhs(24**2))

    def steps(options):
        solution = lx.linear_solve(operator, b, lx.CG(rtol=1e-8, atol=1e-8), options=options)
        assert np.linalg.norm(b - A @ solution.value) <= 1e-6 * np.linalg.norm(b)
        return solution.stats["num_steps"]

    M = jaxamg.make_lineax_preconditioner(operator, nullspace="constant")
    assert abs(jnp.sum(M.mv(b))) <= 1e-12 * jnp.linalg.norm(b)
    assert steps({"preconditioner": M}) <= steps({}) / 3


@pytest.mark.parametrize("kind", [bcsr, bcoo])
def test_what_is_attached_belongs_to_the_solver(kind):
    A = jaxamg.with_cache(kind(NEUMANN), nullspace="constant")
    with pytest.raises(ValueError, match=r"jaxamg\.AMG .* nullspace="):
        jaxamg.SparseLinearOperator(A)
    jaxamg.SparseLinearOperator(jaxamg.with_cache(kind(NEUMANN), is_symmetric=True))


def test_label_sum_is_a_function():
    A, declared = SINGULAR["components"]
    expected, _ = jaxamg.solve(A, rhs(N), **declared)

    def of_all_ranks(sums):
        raise AssertionError("there is one rank")

    attached = jaxamg.with_cache(A, **declared, label_sum=of_all_ranks)
    for x in (
        jaxamg.solve(A, rhs(N), **declared, label_sum=of_all_ranks)[0],
        jax.jit(lambda A: jaxamg.solve(A, rhs(N))[0])(attached),
    ):
        assert np.array_equal(x, expected)
    with pytest.raises(TypeError, match="label_sum must be a function, not float"):
        jaxamg.solve(A, rhs(N), **declared, label_sum=1.0)
    with pytest.raises(ValueError, match='pass nullspace="constant" too'):
        jaxamg.solve(A, rhs(N), label_sum=of_all_ranks)
