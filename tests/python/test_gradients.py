"""Derivatives of `solve` against dense autodiff, finite differences and adjoint identities."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
from jax.experimental.sparse import BCOO, BCSR
from jaxamg import _engine
from jaxamg._coloring import _with_nested
from systems import (
    CONDITION,
    DENSE,
    MATRIX,
    B,
    N,
    bcoo,
    bcsr,
    padded_bcoo,
    padded_bcsr,
    relative_error,
    unsorted,
    with_values,
)

TOLERANCE = 1e-12
# Each of the two solves behind a gradient is off by κ times the tolerance, relative to its own solution.
ERROR = 10 * CONDITION * TOLERANCE


def rows_and_columns(A: BCSR | BCOO):
    if isinstance(A, BCOO):
        return A.indices[:, 0], A.indices[:, 1]
    rows = jnp.searchsorted(A.indptr, jnp.arange(A.nse), side="right") - 1
    return rows, A.indices


def dense(A, values):
    """A scatter that JAX differentiates itself; padding falls outside and is dropped."""
    return jnp.zeros(A.shape).at[rows_and_columns(A)].add(values, mode="drop")


def sparse_solution(A, values, b, **options):
    return jaxamg.solve(with_values(A, values), b, tolerance=TOLERANCE, **options)[0]


def dense_solution(A, values, b):
    return jnp.linalg.solve(dense(A, values), b)


def losses(A, **options):
    """The same nonlinear function of x = A⁻¹ b through both solves."""
    solves = (partial(sparse_solution, **options), dense_solution)
    return [lambda v, b, f=f: jnp.sum(jnp.cos(f(A, v, b)) ** 2) for f in solves]


PATTERNS = {
    "BCSR": bcsr(MATRIX),
    "BCOO": bcoo(MATRIX),
    "unsorted with duplicates": bcsr(unsorted(MATRIX)),
    "BCSR padded": padded_bcsr(MATRIX),
    "BCOO padded": padded_bcoo(MATRIX),
}


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("lanes", [None, 3])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_gradient_equals_dense_autodiff(pattern, lanes, jitted):
    A = PATTERNS[pattern]
    values = jnp.nan_to_num(A.data)
    b = jnp.asarray(B if lanes is None else np.stack([B, B**2, np.cos(B)], axis=1))
    ours, reference = (jax.grad(loss, argnums=(0, 1)) for loss in losses(A))
    ours = jax.jit(ours) if jitted else ours
    for found, expected in zip(ours(values, b), reference(values, b), strict=True):
        assert found.shape == expected.shape
        assert relative_error(found, expected) <= ERROR


def test_padding_has_no_gradient():
    for A in (padded_bcsr(MATRIX), padded_bcoo(MATRIX)):
        gradient = jax.grad(losses(A)[0])(A.data, B)  # the padding is NaN
        assert np.array_equal(gradient[-5:], np.zeros(5))
        assert np.isfinite(gradient).all()


def test_gradient_of_a_dense_matrix():
    ours = jax.grad(lambda A, b: jnp.sum(jnp.sin(jaxamg.solve(A, b, tolerance=TOLERANCE)[0])), argnums=(0, 1))
    reference = jax.grad(lambda A, b: jnp.sum(jnp.sin(jnp.linalg.solve(A, b))), argnums=(0, 1))
    for found, expected in zip(ours(DENSE, B), reference(DENSE, B), strict=True):
        assert relative_error(found, expected) <= ERROR


@pytest.mark.parametrize("kind", [bcsr, bcoo], ids=["BCSR", "BCOO"])
def test_gradient_in_the_matrix_itself(kind):
    A = kind(MATRIX)
    gradient = jax.grad(lambda A: jnp.sum(jaxamg.solve(A, B, tolerance=TOLERANCE)[0]), allow_int=True)(A)
    expected = jax.grad(lambda v: jnp.sum(dense_solution(A, v, B)))(A.data)
    assert type(gradient) is type(A)
    assert relative_error(gradient.data, expected) <= ERROR


@pytest.mark.parametrize("solver", ["PCG", "PBICGSTAB", "BICGSTAB", "AMG"])
def test_directional_derivative_by_finite_differences(solver):
    """Central differences err by h² |f'''| / 6 and by rounding / h; h = 1e-4 balances them near 1e-8."""
    symmetric = MATRIX + MATRIX.T  # and the direction too, for PCG
    A, h = bcsr(symmetric), 1e-4
    direction = bcsr(symmetric.multiply(np.cos(np.add.outer(np.arange(N), np.arange(N))))).data

    def loss(values):
        x = jaxamg.solve(with_values(A, values), B, {"solver": solver}, tolerance=1e-13)[0]
        return jnp.sum(jnp.sin(x))

    slope = float(loss(A.data + h * direction) - loss(A.data - h * direction)) / (2 * h)
    assert jnp.vdot(jax.grad(loss)(A.data), direction) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("method", sorted({*_engine.methods()} - {"NOSOLVER"}))
def test_every_method_is_differentiated_as_exactly_as_it_solves(method):
    """Whether or not it is linear: backwards it solves the transposed system to its tolerance."""
    A = bcsr(MATRIX + MATRIX.T if method in ("CG", "PCG", "PCGF") else MATRIX)
    config = {"solver": method, "max_iters": 20000} | ({"dense_lu_num_rows": 2} if method == "AMG" else {})
    ours, reference = losses(A, config=config)
    for found, expected in zip(
        jax.grad(ours, (0, 1))(A.data, B), jax.grad(reference, (0, 1))(A.data, B), strict=True
    ):
        assert relative_error(found, expected) <= ERROR


def test_forward_mode():
    A = bcsr(MATRIX)
    tangents = (jnp.sin(A.data), jnp.cos(B))
    for ours, reference in zip(
        jax.jvp(lambda v, b: sparse_solution(A, v, b), (A.data, B), tangents),
        jax.jvp(lambda v, b: dense_solution(A, v, b), (A.data, B), tangents),
        strict=True,
    ):
        assert relative_error(ours, reference) <= ERROR


def test_forward_and_reverse_mode_agree():
    """⟨w, J v⟩ = ⟨Jᵀ w, v⟩."""
    A = bcsr(MATRIX)
    v, w = (jnp.sin(A.data), jnp.cos(B)), jnp.sin(B)
    _, Jv = jax.jvp(lambda *args: sparse_solution(A, *args), (A.data, B), v)
    _, vjp = jax.vjp(lambda *args: sparse_solution(A, *args), A.data, B)
    JTw = vjp(w)
    size = float(jnp.linalg.norm(w) * jnp.linalg.norm(Jv))
    assert abs(jnp.vdot(w, Jv) - sum(map(jnp.vdot, JTw, v))) <= ERROR * size


def test_second_derivatives():
    A = bcsr(MATRIX)

    def hessian_product(loss):
        def slope(values, b):
            g = jax.grad(loss, argnums=(0, 1))(values, b)
            return jnp.vdot(g[0], jnp.sin(A.data)) + jnp.vdot(g[1], jnp.cos(B))

        return jax.grad(slope, argnums=(0, 1))(A.data, jnp.asarray(B))

    ours, reference = map(hessian_product, losses(A))
    for found, expected in zip(ours, reference, strict=True):
        assert relative_error(found, expected) <= 10 * ERROR  # a product of three solves


def test_float32():
    A = bcsr(MATRIX, np.float32)
    b = jnp.asarray(B, np.float32)
    gradient = jax.grad(lambda v: jnp.sum(jaxamg.solve(with_values(A, v), b, tolerance=1e-5)[0]))(A.data)
    expected = jax.grad(lambda v: jnp.sum(dense_solution(A, v, B)))(A.data.astype(np.float64))
    assert gradient.dtype == np.float32
    assert relative_error(gradient, expected) <= 10 * CONDITION * 1e-5


def test_the_initial_guess_and_the_report_have_no_derivative():
    A = bcsr(MATRIX)
    by_guess = jax.grad(lambda x0: jnp.sum(jaxamg.solve(A, B, x0=x0)[0]))(jnp.ones(N))
    by_report = jax.grad(lambda b: jaxamg.solve(A, b)[1]["residual"])(jnp.asarray(B))
    assert np.array_equal(by_guess, np.zeros(N))
    assert np.array_equal(by_report, np.zeros(N))


def test_the_initial_guess_does_not_change_the_gradient():
    A = bcsr(MATRIX)
    plain = jax.grad(lambda b: jnp.sum(sparse_solution(A, A.data, b) ** 2))(B)
    guessed = jax.grad(lambda b: jnp.sum(sparse_solution(A, A.data, b, x0=jnp.ones(N)) ** 2))(B)
    assert relative_error(guessed, plain) <= ERROR


def test_adjoint_tolerance_is_that_of_the_transposed_solve():
    A, g = bcsr(MATRIX), jnp.cos(B)

    def residual(adjoint_tolerance):
        _, vjp = jax.vjp(lambda b: sparse_solution(A, A.data, b, adjoint_tolerance=adjoint_tolerance), B)
        (lam,) = vjp(g)
        return np.linalg.norm(g - DENSE.T @ lam) / np.linalg.norm(g)

    loose, tight = residual(1e-2), residual(1e-11)
    assert 1e-11 < loose <= 1e-2
    assert tight <= 1e-11 * (1 + 1e-3)


def test_a_failed_solve_has_nan_gradients():
    A = bcsr(MATRIX)
    values = A.data.at[3].set(jnp.nan)
    gradient = jax.grad(lambda b: jnp.sum(sparse_solution(A, values, b)))(jnp.asarray(B))
    assert np.isnan(gradient).all()


@pytest.mark.parametrize("batched", [False, True])
def test_a_gradient_has_no_array_of_lanes_times_entries(batched):
    """Least of all one of n²: u vᵀ is computed at A's entries alone, and summed over the lanes."""
    lanes = 16
    A, b = bcsr(MATRIX), jnp.outer(jnp.arange(1.0, lanes + 1), B)
    solve = lambda v, b: sparse_solution(A, v, b)  # noqa: E731
    if batched:
        loss = lambda v: jnp.sum(jax.vmap(solve, (None, 0))(v, b))  # noqa: E731
    else:
        loss = lambda v: jnp.sum(solve(v, b.T))  # noqa: E731
    history = lanes * (1000 + 1)  # of max_iters + 1 residuals, a result of every solve
    jaxprs = _with_nested(jax.make_jaxpr(jax.grad(loss))(A.data))
    sizes = {math.prod(out.aval.shape) for jaxpr in jaxprs for eqn in jaxpr.eqns for out in eqn.outvars}
    assert max(sizes - {history}) <= max(lanes * N, A.nse)
