"""Complex systems beside what every transform does (test_transforms.py): kinds of A, what only they have."""

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
from problems import convection_diffusion2d, magnetic2d, poisson2d, rhs
from systems import KINDS, bcoo, bcsr, padded_bcsr, relative_error, with_values

GRID = 8
N = GRID**2
HERMITIAN = magnetic2d(GRID, 0.7)
SKEWED = convection_diffusion2d(GRID, 20.0) + 1j * magnetic2d(GRID, 0.3)
CONDITION = max(np.linalg.cond(A.toarray()) for A in (HERMITIAN, SKEWED))
B = rhs(N) + 1j * rhs(N)[::-1]
TOLERANCE = {np.complex64: 1e-6, np.complex128: 1e-12}


def check(x, A, b, dtype=np.complex128):
    assert x.dtype == dtype
    assert relative_error(x, np.linalg.solve(A.toarray(), b)) <= 10 * CONDITION * TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_matrix(kind, dtype):
    x, info = jaxamg.solve(KINDS[kind](SKEWED, dtype), B.astype(dtype), tolerance=TOLERANCE[dtype])
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    check(x, SKEWED, B, dtype)


@pytest.mark.parametrize(
    ("A", "b"),
    [(poisson2d(GRID), B), (HERMITIAN, B.real), (HERMITIAN, np.stack([B, 2 * B.conj()], axis=1))],
    ids=["real A", "real b", "lanes"],
)
@pytest.mark.parametrize("form", [bcoo, lambda A, dtype: A.toarray().astype(dtype)], ids=["BCOO", "dense"])
def test_parts_that_are_real(A, b, form):
    x, info = jaxamg.solve(form(A, A.dtype), b, tolerance=1e-12)
    check(x, A, b)
    assert np.shape(info["residual"]) == b.shape[1:]


def test_an_operator():
    def operator(x):
        return phase * (4 * x - jnp.roll(x, 1)) + jnp.roll(x, -1)

    phase = jnp.exp(0.4j * jnp.arange(N))
    dense = jax.jacfwd(operator, holomorphic=True)(jnp.zeros(N, complex))
    A = jaxamg.with_cache(operator, coloring=jaxamg.cache_coloring(operator, (N, N), complex))
    for b in (B, B.real):
        x, _ = jax.jit(lambda A, b: jaxamg.solve(A, b, tolerance=1e-12))(A, b)
        assert relative_error(x, jnp.linalg.solve(dense, b)) <= 1e-10


def test_conjugate_gradients_are_the_complex_ones():
    """The residuals of Hestenes and Stiefel's recurrence with complex numbers."""
    _, info = jaxamg.solve(HERMITIAN, B, {"solver": "CG"}, max_iters=12)
    r = p = B
    norms = [np.linalg.norm(r)]
    for _ in range(12):
        Ap = HERMITIAN @ p
        alpha = np.vdot(r, r) / np.vdot(p, Ap)
        last, r = r, r - alpha * Ap
        p = r + np.vdot(r, r) / np.vdot(last, last) * p
        norms.append(np.linalg.norm(r))
    np.testing.assert_allclose(info["residual_history"], norms, rtol=1e-10)


def test_guesses_and_padding():
    A = padded_bcsr(SKEWED, complex)
    x, _ = jaxamg.solve(A, B, tolerance=1e-12)
    _, info = jaxamg.solve(A, B, x0=x, convergence="ABSOLUTE", tolerance=1e-8)
    assert info["iterations"] == 0
    gradient = jax.grad(lambda v: jnp.sum(jnp.abs(jaxamg.solve(with_values(A, v), B)[0])))(A.data)
    assert np.array_equal(gradient[-5:], np.zeros(5))


def test_misuse_names_the_complex_entry():
    broken = SKEWED.copy()
    broken.data[7] = complex(0, np.nan)
    with pytest.raises(ValueError, match=r"A has NaN or infinite entries: A.* is .*nanj"):
        jaxamg.solve(broken, B)


def test_a_report_of_the_real_form(tmp_path):
    file = tmp_path / "stats.txt"
    for A in (SKEWED, poisson2d(GRID)):
        jaxamg.clear_solver_cache()
        jaxamg.solve(A, B, save_stats_file=file)
        assert f" {2 * N} " in file.read_text()
        assert jaxamg.get_solver_cache_info()["setups"] == 1  # the report is of the hierarchy that solved


# ---- symmetry: A = Aᴴ


def test_gradients_of_a_hermitian_matrix_need_no_transpose():
    A = jaxamg.with_cache(bcsr(HERMITIAN, complex), is_symmetric="auto")
    assert A.known.is_symmetric is True

    def loss(A, b):
        return jnp.sum(jnp.sin(jnp.abs(jaxamg.solve(A, b, {"solver": "PCG"}, tolerance=1e-12)[0])))

    claimed, plain = (jax.grad(loss, 1)(matrix, jnp.asarray(B)) for matrix in (A, bcsr(HERMITIAN, complex)))
    assert relative_error(claimed, plain) <= 10 * CONDITION * 1e-12


@pytest.mark.parametrize(
    ("A", "holds"),
    [(HERMITIAN, True), (HERMITIAN * 1j, False), (poisson2d(GRID) + 1j * poisson2d(GRID), False)],
)
def test_what_is_symmetric(A, holds, monkeypatch):
    assert jaxamg.with_cache(A, is_symmetric="auto").known.is_symmetric is holds
    monkeypatch.setenv("JAXAMG_CHECK_PATTERN", "1")
    claimed = jaxamg.with_cache(A, is_symmetric=True)
    if holds:
        jaxamg.solve(claimed, B)
    else:
        with pytest.raises(ValueError, match="A is said to be symmetric"):
            jaxamg.solve(claimed, B)


# ---- for other solvers


@pytest.mark.parametrize("A", [HERMITIAN, poisson2d(GRID)], ids=["complex A", "real A"])
def test_a_preconditioner_of_jaxs_solvers(A):
    M = jaxamg.make_preconditioner(A)
    dense = jnp.asarray(A.toarray())
    x, _ = jax.scipy.sparse.linalg.gmres(lambda x: dense @ x, jnp.asarray(B), M=M, tol=1e-11, maxiter=3)
    check(x, A, B)


@pytest.mark.parametrize("A", [SKEWED, convection_diffusion2d(GRID, 20.0)], ids=["complex A", "real A"])
def test_a_preconditioner_transposes(A):
    """JAX's transpose of a function that is linear over the real numbers: Re Σ y M r = Re Σ (Mᵀ y) r."""
    M = jaxamg.make_preconditioner(A)
    r, y = jnp.asarray(B), jnp.asarray(np.cos(B))
    (transposed,) = jax.linear_transpose(M, r)(y)
    z = M(r)
    bound = 1e-12 * np.linalg.norm(y) * np.linalg.norm(z)
    assert abs(jnp.sum(y * z).real - jnp.sum(transposed * r).real) <= bound
    many = M(jnp.stack([r, y], axis=1))
    assert relative_error(many[:, 0], z) <= 1e-14
    z, info = jaxamg.make_preconditioner(A, return_info=True)(r)
    assert z.dtype == complex
    assert info["iterations"] == 1


@pytest.mark.parametrize("is_definite", [False, True])
def test_lineax(is_definite):
    lx = pytest.importorskip("lineax")
    operator = jaxamg.SparseLinearOperator(HERMITIAN, lx.positive_semidefinite_tag if is_definite else ())
    dense = jnp.asarray(HERMITIAN.toarray())
    assert relative_error(operator.mv(B), dense @ B) <= 1e-14
    assert relative_error(operator.T.mv(B), dense.T @ B) <= 1e-14
    assert relative_error(lx.conj(operator).mv(B), dense.conj() @ B) <= 1e-14

    def loss(solve):
        return lambda b: jnp.sum(jnp.sin(jnp.abs(solve(b))))

    solver = jaxamg.AMG({"solver": "PCG"}, tolerance=1e-12)
    ours = loss(lambda b: lx.linear_solve(operator, b, solver).value)
    reference = loss(lambda b: jnp.linalg.solve(dense, b))
    for f in (lambda f: f, jax.grad):
        found, expected = f(ours)(jnp.asarray(B)), f(reference)(jnp.asarray(B))
        assert relative_error(found, expected) <= 10 * CONDITION * 1e-12
