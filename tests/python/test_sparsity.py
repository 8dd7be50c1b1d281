"""Patterns from tracing equal the nonzeros of the dense Jacobian; colourings are valid."""

import io
import sys
from functools import partial

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jax import lax
from jax.experimental import sparse
from jaxamg._progress import progress

N = 12
rng = np.random.default_rng(0)
DENSE = jnp.asarray(rng.standard_normal((N, N)) * (rng.random((N, N)) < 0.3))
MASK = jnp.asarray(rng.random(N) < 0.5)
WEIGHTS = jnp.asarray(rng.standard_normal(N))
PLACES = jnp.asarray([3, 0, 3, 11, 7, 3, 2, 2, 9, 1, 5, 4])
SHUFFLED = jnp.asarray(rng.permutation(N))
GROUPED = jnp.asarray(rng.integers(-1, 2, (4, 2, 2)), float)
BCOO, BCSR = sparse.BCOO.fromdense(DENSE), sparse.BCSR.fromdense(DENSE)


def grid(x):
    return x.reshape(3, 4)


def convolution(kernel, **options):
    kernel = jnp.asarray(kernel, float)

    def apply(x):
        image = x.reshape(1, 1, 3, 4)
        return lax.conv_general_dilated(image, kernel, **options).ravel()

    return apply


@jax.custom_jvp
def with_own_derivative(x):
    return 2 * x + jnp.roll(x, 1)


with_own_derivative.defjvp(lambda p, t: (with_own_derivative(p[0]), with_own_derivative(t[0])))


@jax.custom_vjp
def with_own_adjoint(x):
    return x[::-1]


with_own_adjoint.defvjp(lambda x: (x[::-1], None), lambda _, g: (g[::-1],))


def by_callback(x):
    return jax.pure_callback(
        lambda v: np.asarray(2 * v + np.roll(v, 1)), jax.ShapeDtypeStruct(x.shape, x.dtype), x
    )


def jacobi(x, steps):
    return lax.fori_loop(0, steps, lambda _, u: (jnp.roll(u, 1) + jnp.roll(u, -1)) / 2, x)


def while_counting(x):
    def body(state):
        k, u = state
        return k + 1, u + jnp.pad(u[1:], (0, 1))

    return lax.while_loop(lambda state: state[0] < 3, body, (0, x))[1]


def forward_substitution(x):
    return lax.scan(lambda carry, xi: (xi, xi - 0.5 * carry), jnp.zeros(()), x)[1]


def running_sum(x):
    return lax.scan(lambda carry, xi: (carry + xi, carry + xi), 0.0, x, reverse=True)[1]


OPERATORS = {
    "identity": lambda x: x,
    "zero": jnp.zeros_like,
    "zero times x": lambda x: 0 * x,
    "x - x": lambda x: 3 * x - x - 2 * x,
    "slices": lambda x: 2 * x - jnp.pad(x[1:], (0, 1)) - jnp.pad(x[:-1], (1, 0)),
    "strided slice": lambda x: x[1::3],
    "roll": lambda x: 2 * x - jnp.roll(x, 1) - jnp.roll(x, -1),
    "roll on a grid": lambda x: jnp.roll(grid(x), (1, -1), (0, 1)).ravel() + x,
    "pad": lambda x: jnp.pad(grid(x), 1)[1:-1, 2:].ravel(),
    "wrapping pad": lambda x: jnp.pad(x, 2, mode="wrap")[: N + 1],
    "interior pad": lambda x: lax.pad(x, 0.0, [(1, -2, 1)]),
    "reversed": lambda x: x[::-1] + grid(x).T.ravel(),
    "gather": lambda x: x[PLACES] * WEIGHTS,
    "gather out of bounds": lambda x: x.at[jnp.arange(N) + 3].get(mode="fill", fill_value=7) - 7 * (
        jnp.arange(N) + 3 >= N),
    "gather clipped": lambda x: x.at[jnp.arange(N) + 3].get(mode="clip"),
    "take rows": lambda x: jnp.take(grid(x), jnp.asarray([2, 0, 2]), axis=0).ravel(),
    "dynamic slice": lambda x: lax.dynamic_slice(x, (3,), (5,)),
    "dynamic update": lambda x: lax.dynamic_update_slice(x, 2 * x[:2], (7,)),
    "at add": lambda x: x.at[PLACES].add(x),
    "at add out of bounds": lambda x: jnp.zeros(N).at[jnp.arange(N) + 5].add(x),
    "at subtract": lambda x: x.at[:5].add(-x[:5]),
    "at set": lambda x: x.at[jnp.asarray([2, 5])].set(0),
    "at set to x": lambda x: jnp.zeros(N).at[SHUFFLED].set(x),
    "at multiply": lambda x: x.at[2:4].multiply(0.0),
    "add rows": lambda x: jnp.zeros((5, 4)).at[jnp.asarray([4, 1, 4])].add(grid(x)).ravel(),
    "segment sum": lambda x: jax.ops.segment_sum(WEIGHTS * x, PLACES, N),
    "reshape and transpose": lambda x: x.reshape(2, 3, 2).transpose(2, 0, 1).ravel(),
    "concatenate": lambda x: jnp.concatenate([x[:3], jnp.ones(2), 2 * x[5:]]) - jnp.pad(jnp.ones(2), (3, 7)),
    "stack and split": lambda x: jnp.stack(jnp.split(x, 3)[::-1], axis=1).ravel(),
    "tile and repeat": lambda x: jnp.tile(x[:3], 4) + jnp.repeat(x[3:6], 4),
    "broadcast": lambda x: (grid(x) + grid(x)[:1]).ravel(),
    "where": lambda x: jnp.where(MASK, x, 2 * jnp.roll(x, 1)),
    "where or zero": lambda x: jnp.where(MASK, x, 0.0),
    "matmul": lambda x: DENSE @ x,
    "matmul from the left": lambda x: x @ DENSE,
    "matmul along an axis": lambda x: (DENSE[:5, :3] @ grid(x)).ravel(),
    "batched matmul": lambda x: jnp.einsum("bij,bj->bi", DENSE[:, :4].reshape(3, 4, 4), grid(x)).ravel(),
    "einsum": lambda x: jnp.einsum("ij,kj->ki", grid(x), DENSE[:2, :4]).ravel(),
    "sum": lambda x: grid(x).sum(0),
    "sum of all": lambda x: x.sum()[None],
    "mean": lambda x: x - x.mean(),
    "diff": lambda x: jnp.diff(x, 2),
    "gradient": jnp.gradient,
    "cumsum": jnp.cumsum,
    "cumsum along an axis": lambda x: jnp.cumsum(grid(x), 1).ravel(),
    "convolve": lambda x: jnp.convolve(x, jnp.asarray([1.0, 0.0, -2.0]), mode="same"),
    "conv": convolution([[[[0, 1, 0], [1, -4, 1], [0, 1, 0]]]], window_strides=(1, 1), padding="SAME"),
    "strided conv": convolution([[[[1, 2]]], [[[0, 3]]]], window_strides=(2, 1), padding=[(1, 0), (0, 1)]),
    "dilated conv": convolution(
        [[[[1, 0, 2]]]],
        window_strides=(1, 1),
        padding=[(0, 0), (2, 2)],
        lhs_dilation=(2, 1),
        rhs_dilation=(1, 2),
    ),
    "window sum": lambda x: lax.reduce_window(grid(x), 0.0, lax.add, (2, 2), (1, 2), "SAME").ravel(),
    "sparse BCOO": lambda x: BCOO @ x,
    "sparse BCSR": lambda x: BCSR @ x,
    "transposed BCOO": lambda x: BCOO.T @ x,
    "vector times BCOO": lambda x: x @ BCOO,
    "BCOO times a matrix": lambda x: (BCOO @ jnp.stack([x, 2 * x], axis=1)).ravel(),
    "fori_loop": partial(jacobi, steps=3),
    "fori_loop of no steps": partial(jacobi, steps=0),
    "fori_loop that builds": lambda x: lax.fori_loop(0, N, lambda i, y: y.at[i].add(x[N - 1 - i]), 0 * x),
    "while": while_counting,
    "scan": forward_substitution,
    "scan in reverse": running_sum,
    "cond": lambda x: lax.cond(True, lambda v: v, jnp.cumsum, x),
    "switch": lambda x: lax.switch(1, [jnp.cumsum, lambda v: 2 * v, lambda v: v[::-1]], x),
    "vmap": lambda x: jax.vmap(jnp.diff)(grid(x)).ravel(),
    "vmapped gather": lambda x: jax.vmap(lambda row, i: row[i])(grid(x), jnp.asarray([1, 3, 0])),
    "vmapped while": lambda x: jax.vmap(
        lambda row, k: lax.fori_loop(0, k, lambda _, u: jnp.roll(u, 1) + u, row)
    )(grid(x), jnp.asarray([0, 2, 1])).ravel(),
    "vmapped cond": lambda x: jax.vmap(lambda row, p: lax.cond(p, jnp.cumsum, lambda u: 2 * u, row))(
        grid(x), jnp.asarray([True, False, True])
    ).ravel(),
    "half precision": lambda x: (x / 3).astype(jnp.float16).astype(x.dtype),
    "grouped conv": lambda x: lax.conv_general_dilated(
        x.reshape(1, 4, 3), GROUPED, (1,), "SAME", feature_group_count=2
    ).ravel(),
    "channels last": lambda x: lax.conv_general_dilated(
        x.reshape(1, 3, 4), GROUPED.transpose(2, 1, 0), (2,), "SAME", None, None, ("NWC", "WIO", "NWC"), 2
    ).ravel(),
    "conv of batch groups": lambda x: lax.conv_general_dilated(
        x.reshape(2, 2, 3), GROUPED, (1,), "SAME", batch_group_count=2
    ).ravel(),
    "jit in jit": lambda x: jax.jit(lambda v: jax.jit(jnp.roll, static_argnums=1)(v, 2) + v)(x),
    "custom_jvp": with_own_derivative,
    "custom_vjp": with_own_adjoint,
    "checkpoint": jax.checkpoint(lambda x: jnp.roll(x, 1) - x),
    "jvp": lambda x: jax.jvp(lambda v: v**2 * WEIGHTS, (WEIGHTS,), (x,))[1],
    "vjp": lambda x: jax.vjp(lambda v: jnp.roll(v, 1) ** 2, WEIGHTS)[1](x)[0],
    "linear_transpose": lambda x: jax.linear_transpose(lambda v: BCOO @ v, x)(x)[0],
    "callback": by_callback,
    "triangular solve": lambda x: jax.scipy.linalg.solve_triangular(
        jnp.eye(N) + jnp.diag(WEIGHTS[1:], -1) * (jnp.arange(N)[:, None] % 3 == 0), x, lower=True
    ),
    "sort of a constant": lambda x: x[jnp.argsort(WEIGHTS)],
    "parts of an FFT's zero": lambda x: jnp.real(1j * x.astype(complex)),
    "dead code": lambda x: (jnp.sin(x), 2 * x)[1],
    "stop_gradient": lambda x: 2 * x + jnp.zeros(N).at[0].add(x[3]),
}  # fmt: skip


def jacobian(operator, n=N):
    """Column by column: the operator applied to unit vectors."""
    return np.stack([np.asarray(operator(unit)).ravel() for unit in jnp.eye(n)], axis=1)


def pattern_matrix(coloring):
    rows, cols, _, _, shape = coloring
    entries = np.zeros(shape, bool)
    entries[rows, cols] = True
    return entries


def assert_valid(coloring):
    rows, cols, colors, n_colors, shape = coloring
    assert colors.shape == (shape[1],)
    assert colors.min() >= 0
    assert colors.max() == n_colors - 1
    assert len(set(zip(rows.tolist(), cols.tolist(), strict=True))) == len(rows)
    assert (np.diff(rows.astype(np.int64) * shape[1] + cols) > 0).all()
    assert len(set(zip(rows.tolist(), colors[cols].tolist(), strict=True))) == len(rows)


@pytest.mark.parametrize("name", OPERATORS)
def test_pattern_is_that_of_the_jacobian(name):
    operator = OPERATORS[name]
    dense = jacobian(operator)
    coloring = jaxamg.cache_coloring(operator, dense.shape)
    np.testing.assert_array_equal(pattern_matrix(coloring), dense != 0)
    assert_valid(coloring)


MODEL_OPERATORS = {
    "tridiagonal": (jaxamg.matrices.tridiagonal_operator(), 11, 3),
    "tridiagonal without diagonal": (jaxamg.matrices.tridiagonal_operator(0.0), 11, 2),
    "poisson": (jaxamg.matrices.poisson_operator(), 49, 7),
    "upwind": (jaxamg.matrices.poisson_operator(1.0), 49, 7),
    "poisson3d": (jaxamg.matrices.poisson3d_operator(), 64, 12),
    "robin": (jaxamg.matrices.poisson3d_operator(0.5, 7.0), 64, 12),
}


@pytest.mark.parametrize("name", MODEL_OPERATORS)
def test_colours_of_stencils_are_few(name):
    operator, n, most = MODEL_OPERATORS[name]
    coloring = jaxamg.cache_coloring(operator, n)
    np.testing.assert_array_equal(pattern_matrix(coloring), jacobian(operator, n) != 0)
    assert_valid(coloring)
    assert coloring[3] <= most


def test_fft_is_dense_and_says_so():
    with pytest.warns(UserWarning, match="FFT"):
        coloring = jaxamg.cache_coloring(lambda x: jnp.fft.irfft(WEIGHTS[:7] * jnp.fft.rfft(x), N), (N, N))
    assert pattern_matrix(coloring).all()


@pytest.mark.parametrize(
    "transform",
    [
        lambda x: jnp.fft.fft(x.astype(complex)).real,
        lambda x: jnp.fft.ifft2(grid(x)).imag.ravel(),
        lambda x: jnp.fft.rfft(x).imag,
        lambda x: jnp.fft.irfftn(jnp.fft.rfftn(grid(x)) * WEIGHTS[:3], (3, 4)).ravel(),
    ],
)
@pytest.mark.filterwarnings("ignore:the operator has an FFT")
def test_patterns_through_an_fft_miss_nothing(transform):
    dense = jacobian(transform)
    entries = pattern_matrix(jaxamg.cache_coloring(transform, dense.shape))
    assert not ((abs(dense) > 1e-12) & ~entries).any()


def test_complex_operators():
    def operator(x):
        return (1 + 2j) * x - 1j * jnp.roll(x, 1)

    coloring = jaxamg.cache_coloring(operator, (N, N), complex)
    np.testing.assert_array_equal(pattern_matrix(coloring), jacobian(operator) != 0)
    with pytest.raises(ValueError, match="not complex linear"):
        jaxamg.cache_coloring(lambda x: jnp.conj(x), (N, N), complex)


def test_untraceable_operator_is_probed():
    def operator(x):
        return jnp.asarray(np.roll(np.asarray(x), 1) - 2 * np.asarray(x))

    coloring = jaxamg.cache_coloring(operator, (N, N))
    np.testing.assert_array_equal(pattern_matrix(coloring), jacobian(operator) != 0)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_long_work_shows_a_bar_on_a_terminal_alone(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream())
    assert list(progress(range(4), 4, "probing f", patience=-1)) == [0, 1, 2, 3]
    shown = sys.stderr.getvalue()
    if stream is Terminal:
        assert "probing f [###############               ] 2/4" in shown
        assert shown.endswith("\r\x1b[K")  # and is gone at the end
    else:
        assert not shown
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress(range(4), 4, "probing f")) == [0, 1, 2, 3]
    assert not sys.stderr.getvalue()  # what is done at once needs no bar


def test_probing_allows_for_the_rounding_of_x():
    A = sp.diags_array([-1.0, 2.1, -1.0], offsets=[-1, 0, 1], shape=(N, N), format="csr")  # float64
    coloring = jaxamg.cache_coloring(lambda x: A @ x, (N, N), np.float32)
    np.testing.assert_array_equal(pattern_matrix(coloring), A.toarray() != 0)


def test_closed_over_tracers_have_unknown_coefficients():
    found = []

    def loss(theta):
        found.append(jaxamg.cache_coloring(lambda x: theta * x - x + jnp.roll(x, 2), (N, N)))
        return theta.sum()

    jax.grad(loss)(jnp.ones(N))
    eye = np.eye(N)
    np.testing.assert_array_equal(pattern_matrix(found[0]), (eye + np.roll(eye, 2, axis=0)) != 0)


NONLINEAR = {
    "sine": jnp.sin,
    "square": lambda x: x * x,
    "quotient": lambda x: 1 / x,
    "affine": lambda x: x + 1,
    "maximum": lambda x: jnp.maximum(x, 0),
    "where": lambda x: jnp.where(x > 0, x, 2 * x),
    "while": lambda x: lax.while_loop(lambda v: v.sum() < 5, lambda v: v + x, x),
    "index": lambda x: x[jnp.argsort(x)],
    "convert": lambda x: x.astype(int).astype(float),
    "callback": lambda x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x),
}


@pytest.mark.parametrize("name", NONLINEAR)
def test_nonlinear_operators_are_refused(name):
    with pytest.raises(ValueError, match="not linear"):
        jaxamg.cache_coloring(NONLINEAR[name], (N, N))


@pytest.mark.parametrize(("shape", "message"), [((N + 1, N), "must be one of 13"), ((0, 0), "must be")])
def test_wrong_shapes_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        jaxamg.cache_coloring(lambda x: x, shape)


# ---- a grammar of operators ----------------------------------------------------------------------
# Coefficients are small integers, so that what cancels does so exactly.
INTEGERS = st.integers(-2, 2)
MASKS = st.lists(st.booleans(), min_size=N, max_size=N).map(np.array)
VECTORS = st.lists(INTEGERS, min_size=N, max_size=N).map(lambda v: np.array(v, float))
INDICES = st.lists(st.integers(0, N - 1), min_size=N, max_size=N).map(np.array)
KERNELS = st.lists(INTEGERS, min_size=3, max_size=3).map(lambda v: np.array(v, float))


@st.composite
def matrices(draw):
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    return (generator.integers(-1, 2, (N, N)) * (generator.random((N, N)) < 0.2)).astype(float)


def unary(inner):
    """Operators R^N -> R^N from others."""
    return st.one_of(
        st.builds(lambda f, k: lambda x: jnp.roll(f(x), k), inner, st.integers(-3, 3)),
        st.builds(lambda f, c: lambda x: c * f(x), inner, INTEGERS),
        st.builds(lambda f, c: lambda x: c * f(x), inner, VECTORS),
        st.builds(lambda f, k: lambda x: jnp.pad(f(x), (k, 0))[:N], inner, st.integers(0, 4)),
        st.builds(lambda f: lambda x: f(x)[::-1], inner),
        st.builds(lambda f: lambda x: grid(f(x)).T.ravel(), inner),
        st.builds(lambda f, i: lambda x: f(x)[i], inner, INDICES),
        st.builds(lambda f, i: lambda x: f(x).at[i].add(x), inner, INDICES),
        st.builds(lambda f, i: lambda x: f(x).at[i[:3]].set(0), inner, INDICES),
        st.builds(lambda f, i: lambda x: jax.ops.segment_sum(f(x), i, N), inner, INDICES),
        st.builds(lambda f, w: lambda x: jnp.convolve(f(x), w, mode="same"), inner, KERNELS),
        st.builds(lambda f, A: lambda x: A @ f(x), inner, matrices()),
        st.builds(lambda f, A: lambda x: A @ f(x), inner, matrices().map(sparse.BCOO.fromdense)),
        st.builds(lambda f: lambda x: (grid(f(x)) - grid(f(x)).sum(0)).ravel(), inner),
        st.builds(lambda f: lambda x: jax.jit(f)(x), inner),
        st.builds(lambda f: lambda x: jax.checkpoint(f)(x), inner),
        st.builds(
            lambda f, k: lambda x: lax.fori_loop(0, k, lambda _, u: jnp.roll(u, 1) - u, f(x)),
            inner,
            st.integers(0, 3),
        ),
        st.builds(
            lambda f: lambda x: lax.scan(lambda c, v: (v, v - c), jnp.zeros(4), grid(f(x)))[1].ravel(), inner
        ),
        st.builds(lambda f: lambda x: jax.vmap(lambda row: row - row[::-1])(grid(f(x))).ravel(), inner),
    )


def binary(inner):
    return st.one_of(
        st.builds(lambda f, g: lambda x: f(x) + g(x), inner, inner),
        st.builds(lambda f, g: lambda x: f(x) - g(x), inner, inner),
        st.builds(lambda f, g, m: lambda x: jnp.where(m, f(x), g(x)), inner, inner, MASKS),
        st.builds(lambda f, g, p: lambda x: lax.cond(p, f, g, x), inner, inner, st.booleans()),
        st.builds(lambda f, g: lambda x: jnp.concatenate([f(x)[:5], g(x)[5:]]), inner, inner),
        st.builds(lambda f, g: lambda x: f(g(x)), inner, inner),
    )


operators = st.recursive(
    st.just(lambda x: x), lambda inner: st.one_of(unary(inner), binary(inner)), max_leaves=5
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(operators)
def test_patterns_of_drawn_operators(operator):
    dense = jacobian(operator)
    coloring = jaxamg.cache_coloring(operator, (N, N))
    np.testing.assert_array_equal(pattern_matrix(coloring), dense != 0)
    assert_valid(coloring)
