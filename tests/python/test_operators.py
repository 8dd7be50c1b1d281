"""Solving with a callable: it is turned into its matrix, which is differentiable in what it closes over."""

from functools import partial

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
from jax.experimental.sparse import BCSR
from systems import relative_error, solve_and_wait
from test_sparsity import OPERATORS, jacobian

N = 12
B = jnp.asarray(np.random.default_rng(2).standard_normal(N))
TIGHT = {"tolerance": 1e-12, "max_iters": 200}


def as_bcsr(operator, n, dtype=jnp.float64):
    """The operator's matrix by its dense Jacobian."""
    rows, cols, _, _, shape = jaxamg.cache_coloring(operator, n, dtype)
    dense = np.stack([np.asarray(operator(unit)) for unit in jnp.eye(n, dtype=dtype)], axis=1)
    indptr = np.searchsorted(rows, np.arange(n + 1))
    return BCSR((jnp.asarray(dense[rows, cols]), jnp.asarray(cols), jnp.asarray(indptr)), shape=shape)


@pytest.mark.parametrize(
    "name", [name for name in OPERATORS if jax.eval_shape(OPERATORS[name], B).shape == (N,)]
)
def test_materialised_values_are_the_jacobian(name):
    from jaxamg._operator import entries

    operator = OPERATORS[name]
    pattern = jaxamg.with_cache(operator, coloring=jaxamg.cache_coloring(operator, N)).cached_pattern
    values = entries(operator, pattern, jnp.float64)
    ours = np.zeros((N, N))
    ours[pattern.rows, pattern.col_index] = values
    np.testing.assert_allclose(ours, jacobian(operator), rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("operator", "n"),
    [
        (jaxamg.matrices.tridiagonal_operator(), 50),
        (jaxamg.matrices.poisson_operator(0.25), 100),
        (jaxamg.matrices.poisson3d_operator(0.5), 125),
    ],
    ids=["tridiagonal", "poisson", "poisson3d"],
)
def test_solves_bit_for_bit_like_its_matrix(operator, n, dtype):
    b = jnp.asarray(np.random.default_rng(0).standard_normal(n), dtype)
    A = as_bcsr(operator, n, dtype)
    x, info = jaxamg.solve(A, b)
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    np.testing.assert_array_equal(jaxamg.solve(operator, b)[0], x)
    cached = jaxamg.with_cache(operator, coloring=jaxamg.cache_coloring(operator, n, dtype))
    np.testing.assert_array_equal(jax.jit(jaxamg.solve)(cached, b)[0], x)
    assert x.dtype == dtype


def test_several_right_hand_sides():
    b = jnp.asarray(np.random.default_rng(0).standard_normal((25, 3)))
    operator = jaxamg.matrices.poisson_operator()
    x, _ = jaxamg.solve(operator, b, **TIGHT)
    assert relative_error(jax.vmap(operator, 1, 1)(x), b) < 1e-10


def test_more_colours_than_products_at_once():
    dense = jnp.asarray(np.random.default_rng(0).standard_normal((70, 70)) + 70 * np.eye(70))
    x, _ = jaxamg.solve(lambda v: dense @ v, jnp.ones(70), **TIGHT)
    assert relative_error(x, np.linalg.solve(dense, np.ones(70))) < 1e-10


def by_callback(v):
    return jax.pure_callback(
        lambda u: np.asarray(3 * u - np.roll(u, 1)), jax.ShapeDtypeStruct(v.shape, v.dtype), v
    )


def by_numpy(v):
    return jnp.asarray(3 * np.asarray(v) - np.roll(np.asarray(v), 1))


@pytest.mark.parametrize("operator", [by_callback, by_numpy])
def test_operators_that_cannot_be_vmapped(operator):
    x, _ = jaxamg.solve(operator, B, **TIGHT)
    assert relative_error(operator(x), B) < 1e-10


# ---- derivatives ---------------------------------------------------------------------------------
def diffusion(theta, x):
    """-(k u')' with k = exp(θ) between points, and a convection that makes it nonsymmetric."""
    k = jnp.exp(theta)
    padded = jnp.pad(x, 1)
    flux = k * jnp.diff(padded)
    return -jnp.diff(flux) + 0.3 * (x - padded[:-2])


THETA = jnp.asarray(np.random.default_rng(3).standard_normal(N + 1)) / 2
COLORING = jaxamg.cache_coloring(partial(diffusion, THETA), N)


def objective(theta, b=B):
    A = jaxamg.with_cache(partial(diffusion, theta), coloring=COLORING)
    x, _ = jaxamg.solve(A, b, **TIGHT)
    return jnp.sum(jnp.sin(x))


def dense_objective(theta, b=B):
    return jnp.sum(jnp.sin(jnp.linalg.solve(jax.jacfwd(partial(diffusion, theta))(jnp.zeros(N)), b)))


@pytest.mark.parametrize("compiled", [False, True])
def test_gradient_in_what_it_closes_over(compiled):
    gradient = jax.grad(objective)
    gradient = (jax.jit(gradient) if compiled else gradient)(THETA)
    assert relative_error(gradient, jax.grad(dense_objective)(THETA)) < 1e-9
    step = 1e-5
    differences = [
        (objective(THETA + step * unit) - objective(THETA - step * unit)) / (2 * step)
        for unit in jnp.eye(N + 1)
    ]
    assert relative_error(gradient, differences) < 1e-7


def test_forward_and_second_derivatives():
    tangent = jnp.ones(N + 1)
    _, ours = jax.jvp(objective, (THETA,), (tangent,))
    _, exact = jax.jvp(dense_objective, (THETA,), (tangent,))
    assert abs(ours - exact) < 1e-9 * abs(exact)
    _, ours = jax.jvp(jax.grad(objective), (THETA,), (tangent,))
    assert relative_error(ours, jax.hessian(dense_objective)(THETA) @ tangent) < 1e-8


def test_gradient_of_an_eager_solve_without_a_cached_pattern():
    def loss(theta):
        return jnp.sum(jnp.sin(jaxamg.solve(partial(diffusion, theta), B, **TIGHT)[0]))

    assert relative_error(jax.grad(loss)(THETA), jax.grad(dense_objective)(THETA)) < 1e-9


# ---- caching and errors --------------------------------------------------------------------------
def test_the_pattern_of_an_equal_operator_is_found_again():
    from jaxamg._coloring import find_pattern

    weights = np.linspace(1, 2, N)
    first = find_pattern(lambda x: weights * x, (N, N), jnp.float64)
    assert find_pattern(lambda x: weights.copy() * x, (N, N), jnp.float64) is first
    assert find_pattern(lambda x: jax.jit(lambda y: weights * y)(x), (N, N), jnp.float64).nnz == N
    weights[3] = 0
    assert find_pattern(lambda x: weights * x, (N, N), jnp.float64).nnz == N - 1
    assert find_pattern(lambda x: jax.jit(lambda y: weights * y)(x), (N, N), jnp.float64).nnz == N - 1


def test_inside_jit_a_pattern_is_needed():
    with pytest.raises(ValueError, match=r"jaxamg\.with_cache\(A, coloring=coloring\)"):
        jax.jit(lambda b: jaxamg.solve(jaxamg.matrices.tridiagonal_operator(), b)[0])(B)


@pytest.mark.parametrize("compiled", [False, True])
def test_values_outside_of_the_pattern_are_caught_by_the_check(monkeypatch, compiled):
    monkeypatch.setenv("JAXAMG_CHECK_PATTERN", "1")
    operator = jaxamg.matrices.tridiagonal_operator(3.0)
    diagonal = jaxamg.pattern(np.arange(N), np.arange(N), (N, N))
    right = jaxamg.with_cache(operator, coloring=jaxamg.cache_coloring(operator, N))
    solve_and_wait(right, B, compiled)
    wrong = jaxamg.with_cache(operator, pattern=diagonal)
    with pytest.raises(Exception, match="values outside of its cached pattern"):
        solve_and_wait(wrong, B, compiled)


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (lambda x: x[1:], "must be one of 12"),
        (jnp.sin, "not linear"),
        (lambda x: x + 1, "move the constant to the right-hand side"),
    ],
)
def test_what_is_no_matrix_is_refused(operator, message):
    with pytest.raises(ValueError, match=message):
        jaxamg.solve(operator, B)


def test_a_pattern_of_another_size_than_b():
    operator = jaxamg.matrices.tridiagonal_operator()
    A = jaxamg.with_cache(operator, coloring=jaxamg.cache_coloring(operator, N + 1))
    with pytest.raises(ValueError, match=r"b has shape \(12,\)"):
        jaxamg.solve(A, B)


def test_an_integer_dtype_is_that_of_its_right_hand_side():
    operator = jaxamg.matrices.tridiagonal_operator(3.0)
    _, _, colors, n_colors, shape = jaxamg.cache_coloring(operator, 9, np.arange(9).dtype)
    assert (n_colors, shape) == (3, (9, 9))
    assert np.array_equal(colors, jaxamg.cache_coloring(operator, 9)[2])
