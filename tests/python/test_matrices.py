"""Matrices against the equations they stand for, operators against matrices, gallery against its source."""

import importlib.util
import io
import tarfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from jax.experimental.sparse import BCSR
from jaxamg import matrices as jm
from problems import GALLERY, Problem, jumps3d
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

EPS = np.finfo(np.float32).eps

BUILDERS = {
    "tridiagonal": lambda dtype: jm.tridiagonal_matrix(7, 3.0, dtype),
    "poisson": lambda dtype: jm.poisson_matrix(5, 0.3, dtype),
    "poisson3d": lambda dtype: jm.poisson3d_matrix(4, 0.3, dtype),
    "random": lambda dtype: jm.random_matrix(40, 0.1, dtype),
    "convection_diffusion": lambda dtype: jm.convection_diffusion_matrix_2d(6, 0.1, 2.0, 3.0, dtype),
    "stretched": lambda dtype: jm.poisson_matrix_stretched(5, 4, 1.3, dtype=dtype)[0],
}


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS.keys())
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float16])
def test_matrices_are_canonical_bcsr_of_the_dtype(build, dtype):
    A = build(dtype)
    assert isinstance(A, BCSR)
    assert A.dtype == dtype
    for start, stop in zip(A.indptr[:-1], A.indptr[1:], strict=True):
        assert np.all(np.diff(A.indices[start:stop]) > 0)


def test_float32_is_the_default():
    vectors = [jm.rhs_ones(3), jm.rhs_linear(3), jm.rhs_random(3, 0)]
    defaults = [jm.tridiagonal_matrix(3), jm.poisson_matrix(2), jm.poisson3d_matrix(2), jm.random_matrix(5)]
    defaults += [jm.convection_diffusion_matrix_2d(2), *jm.poisson_matrix_stretched(3, 2)]
    assert {array.dtype for array in vectors + defaults} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize(("build", "dimensions"), [(jm.poisson_matrix, 2), (jm.poisson3d_matrix, 3)])
def test_poisson_has_the_known_eigenvalues(build, dimensions):
    n = 4
    skew = 0.6  # eigenvalues of the tridiagonal [l, d, u]: d - 2 sqrt(l u) cos(kπ/(n+1)), summed over axes
    modes = 2 - 2 * np.sqrt(1 - skew**2) * np.cos(np.arange(1, n + 1) * np.pi / (n + 1))
    expected = sum(np.meshgrid(*[modes] * dimensions)).ravel()
    computed = np.linalg.eigvals(np.asarray(build(n, skew).todense(), np.float64))
    np.testing.assert_allclose(np.sort(computed.real), np.sort(expected), atol=1e-5)


def test_skew_is_the_antisymmetric_part():
    symmetric, skewed = (np.asarray(jm.poisson_matrix(4, skew).todense()) for skew in (0.0, 0.25))
    np.testing.assert_array_equal((skewed + skewed.T) / 2, symmetric)
    assert skewed[1, 0] == -1.25  # upstream
    assert skewed[0, 1] == -0.75


@pytest.mark.parametrize(
    ("operator", "matrix", "n"),
    [
        (jm.tridiagonal_operator(3.0), jm.tridiagonal_matrix(9, 3.0), 9),
        (jm.poisson_operator(), jm.poisson_matrix(5), 25),
        (jm.poisson_operator(0.25), jm.poisson_matrix(5, 0.25), 25),
        (jm.poisson3d_operator(), jm.poisson3d_matrix(4), 64),
        (jm.poisson3d_operator(), jm.poisson3d_matrix(1), 1),
    ],
)
class TestOperators:
    def test_equals_the_matrix(self, operator, matrix, n):
        # Small multiples of 1/4 are exact in float32, so the operator's matrix is, too.
        np.testing.assert_array_equal(jax.vmap(operator, out_axes=1)(jnp.eye(n)), matrix.todense())

    def test_is_jittable_and_differentiable(self, operator, matrix, n):
        x, y = jm.rhs_random(n, 1), jm.rhs_random(n, 2)
        (transposed,) = jax.jit(lambda y: jax.vjp(operator, x)[1](y))(y)
        bound = 4 * EPS * abs(matrix.todense()).sum(axis=0).max() * abs(y).max()
        np.testing.assert_allclose(transposed, matrix.todense().T @ y, atol=bound)


def test_robin_minus_one_is_neumann():
    ones = jnp.ones(27)
    np.testing.assert_array_equal(jm.poisson3d_operator(robin=-1.0)(ones), 0 * ones)


def test_robin_adds_per_missing_neighbour_and_diagonal_value_everywhere():
    x = jnp.ones(27)
    change = jm.poisson3d_operator(robin=0.5, diagonal_value=7.0)(x) - jm.poisson3d_operator()(x)
    corner, edge, face, centre = 0, 1, 4, 13
    np.testing.assert_array_equal(change[jnp.array([corner, edge, face, centre])], [2.5, 2.0, 1.5, 1.0])


@pytest.mark.parametrize("operator", [jm.poisson_operator(), jm.poisson3d_operator()])
def test_operators_refuse_what_is_no_grid(operator):
    with pytest.raises(ValueError, match="length 10 is no grid"):
        operator(jnp.ones(10))
    with pytest.raises(ValueError, match=r"shape \(4, 4\)"):
        operator(jnp.ones((4, 4)))


@pytest.mark.parametrize("periodic_x", [False, True])
def test_stretched_grid_conserves(periodic_x):
    nx, ny, stretch = 6, 5, 1.5
    A, volumes = jm.poisson_matrix_stretched(nx, ny, stretch, periodic_x=periodic_x)
    dense = np.asarray(A.todense())
    np.testing.assert_array_equal(dense, dense.T)
    assert abs(volumes.sum() - 1) < nx * ny * EPS
    np.testing.assert_allclose(volumes[nx:] / volumes[:-nx], stretch, rtol=4 * EPS)
    np.testing.assert_allclose(dense.sum(axis=1), 0, atol=4 * EPS * abs(dense).max())
    assert np.linalg.matrix_rank(dense) == nx * ny - 1
    assert (dense[0, nx - 1] != 0) == periodic_x

    normalized, same_volumes = jm.poisson_matrix_stretched(
        nx, ny, stretch, normalize=True, periodic_x=periodic_x
    )
    np.testing.assert_array_equal(volumes, same_volumes)
    np.testing.assert_allclose(volumes[:, None] * normalized.todense(), dense, rtol=4 * EPS)


def test_stretched_grid_is_exact_for_linear_fluxes_inside():
    """-u'' of u = y is zero between faces, however the cells are stretched."""
    nx, ny, stretch = 3, 8, 1.4
    A, _ = jm.poisson_matrix_stretched(nx, ny, stretch)
    heights = stretch ** np.arange(ny)
    heights /= heights.sum()
    y = np.repeat(np.cumsum(heights) - heights / 2, nx).astype(np.float32)
    dense = np.asarray(A.todense())
    np.testing.assert_allclose((dense @ y)[nx:-nx], 0, atol=8 * EPS * abs(dense).max())


@pytest.mark.parametrize("theta", [0.0, 0.7, 2.0, 4.0])
def test_convection_diffusion_is_an_m_matrix_exact_for_linear_functions(theta):
    """The stencil annihilates constants and turns x into h² velocity cos theta (y into sin theta) inside."""
    n, velocity = 5, 3.0
    dense = np.asarray(jm.convection_diffusion_matrix_2d(n, 0.01, theta, velocity).todense())
    assert np.all(dense - np.diag(dense.diagonal()) <= 0)
    h = 1 / (n + 1)
    y, x = (grid.ravel() for grid in np.mgrid[1 : n + 1, 1 : n + 1] * h)
    inside = (np.minimum(x, y) > 1.5 * h) & (np.maximum(x, y) < 1 - 1.5 * h)
    tolerance = 8 * EPS * abs(dense).max()
    np.testing.assert_allclose((dense @ np.ones(n * n))[inside], 0, atol=tolerance)
    np.testing.assert_allclose((dense @ x)[inside], h**2 * velocity * np.cos(theta), atol=tolerance)
    np.testing.assert_allclose((dense @ y)[inside], h**2 * velocity * np.sin(theta), atol=tolerance)


def test_convection_diffusion_without_wind_is_poisson():
    calm = jm.convection_diffusion_matrix_2d(5, epsilon=1.0, velocity=0.0)
    np.testing.assert_array_equal(calm.todense(), jm.poisson_matrix(5).todense())


def test_random_matrix_is_dominant_nonsymmetric_and_seeded():
    n, density = 200, 0.05
    dense = np.asarray(jm.random_matrix(n, density, seed=1).todense(), np.float64)
    off_diagonal = dense - np.diag(dense.diagonal())
    np.testing.assert_allclose(dense.diagonal(), 1 + abs(off_diagonal).sum(axis=1), rtol=8 * EPS)
    assert not np.array_equal(dense, dense.T)
    # density n² draws lose what falls on the diagonal (1/n) or twice on one place (about density/2).
    assert 0.9 * density * n**2 < np.count_nonzero(off_diagonal) <= density * n**2
    np.testing.assert_array_equal(dense, jm.random_matrix(n, density, seed=1).todense())
    assert not np.array_equal(dense, jm.random_matrix(n, density, seed=2).todense())


def test_right_hand_sides():
    np.testing.assert_array_equal(jm.rhs_ones(3), [1, 1, 1])
    np.testing.assert_array_equal(jm.rhs_linear(5), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(jm.rhs_random(9, 1), jm.rhs_random(9, seed=1))
    assert not np.array_equal(jm.rhs_random(9, 1), jm.rhs_random(9, 2))


def write_archive(path: Path, member: str, matrix) -> None:
    content = io.BytesIO()
    scipy.io.mmwrite(content, matrix)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = content.getbuffer().nbytes
        content.seek(0)
        tar.addfile(info, content)


class TestSuiteSparse:
    """Against a collection in a local folder, served through `file:` addresses."""

    matrix = sp.coo_array(np.array([[4.0, 1.0, 0.0], [1.0, 5.0, 2.0], [0.0, 2.0, 6.0]]))

    @pytest.fixture
    def collection(self, tmp_path):
        write_archive(tmp_path / "site/MM/HB/tiny.tar.gz", "tiny/tiny.mtx", self.matrix)
        index = tmp_path / "site/files/ssstats.csv"
        index.parent.mkdir()
        index.write_text("3\n24-Nov-2026\nHB,tiny,3,3\nA,twin,1,1\nB,twin,1,1\n")
        return {"cache_dir": tmp_path / "cache", "base_url": (tmp_path / "site/MM").as_uri()}

    @pytest.mark.parametrize("arguments", [("tiny", "HB"), ("HB/tiny",), ("tiny",)])
    def test_downloads(self, arguments, collection):
        A = jm.download_suitesparse_matrix(*arguments, **collection)
        assert A.dtype == jnp.float32
        np.testing.assert_array_equal(A.todense(), self.matrix.todense())

    def test_downloads_once(self, collection, tmp_path):
        first = jm.download_suitesparse_matrix("HB/tiny", **collection)
        (tmp_path / "site/MM/HB/tiny.tar.gz").unlink()
        second = jm.download_suitesparse_matrix("HB/tiny", **collection)
        np.testing.assert_array_equal(first.todense(), second.todense())

    def test_complex_stays_complex(self, collection, tmp_path):
        write_archive(tmp_path / "site/MM/HB/wave.tar.gz", "wave/wave.mtx", 1j * self.matrix)
        assert jm.download_suitesparse_matrix("HB/wave", **collection).dtype == jnp.complex64

    def test_offline_says_what_to_do(self, tmp_path):
        cache = tmp_path / "cache"
        with pytest.raises(ConnectionError, match=r"cannot download .*save it as .*HB/tiny\.tar\.gz"):
            # Nothing listens on the discard port, so this fails at once, with or without a network.
            jm.download_suitesparse_matrix("tiny", "HB", cache_dir=cache, base_url="http://127.0.0.1:9/MM")
        assert not [path for path in cache.rglob("*") if path.is_file()]

    def test_unknown_and_ambiguous_names(self, collection):
        with pytest.raises(ValueError, match="has no matrix 'nobody'"):
            jm.download_suitesparse_matrix("nobody", **collection)
        with pytest.raises(ValueError, match="pass group= one of A, B"):
            jm.download_suitesparse_matrix("twin", **collection)

    @pytest.mark.parametrize(
        "arguments", [("../tiny", None), ("tiny", ".."), ("tiny", "HB/.."), ("a/b/c", None)]
    )
    def test_names_cannot_leave_the_cache(self, arguments, collection):
        with pytest.raises(ValueError, match="of the SuiteSparse collection"):
            jm.download_suitesparse_matrix(*arguments, **collection)

    def test_damaged_archives_are_named(self, collection, tmp_path):
        archive = tmp_path / "cache/HB/tiny.tar.gz"
        archive.parent.mkdir(parents=True)
        archive.write_bytes((tmp_path / "site/MM/HB/tiny.tar.gz").read_bytes()[:60])
        with pytest.raises(ValueError, match=r"tiny\.tar\.gz holds no readable .*delete it and retry"):
            jm.download_suitesparse_matrix("HB/tiny", **collection)

    def test_an_archive_of_another_matrix_is_refused(self, collection, tmp_path):
        write_archive(tmp_path / "cache/HB/tiny.tar.gz", "../../tiny.mtx", self.matrix)
        with pytest.raises(ValueError, match=r"holds no readable tiny/tiny\.mtx"):
            jm.download_suitesparse_matrix("HB/tiny", **collection)


@pytest.mark.parametrize("problem", GALLERY.values(), ids=GALLERY.keys())
def test_gallery_is_labelled_truly(problem: Problem):
    A = problem.build()
    assert A.dtype == np.float64
    assert A.has_canonical_format
    assert A.shape[0] % problem.block_dim == 0
    symmetric = abs(A - A.T).max() <= 1e-12 * abs(A).max()
    assert (symmetric and (is_irreducibly_dominant(A) or has_positive_pivots(A))) == problem.spd


def is_irreducibly_dominant(A: sp.csr_array) -> bool:
    """Enough for symmetric A to be positive definite (Taussky); a factorisation in 3D would take long."""
    excess = 2 * A.diagonal() - abs(A).sum(axis=1)
    rounding = 16 * np.finfo(float).eps * abs(A).max()
    return excess.min() >= -rounding and excess.max() > rounding and connected_components(A)[0] == 1


def has_positive_pivots(A: sp.csr_array) -> bool:
    """Whether symmetric A is positive definite: the pivots of LU without row exchanges have A's inertia."""
    lu = splu(sp.csc_array(A), "MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True})
    assert np.array_equal(lu.perm_r, lu.perm_c)  # no exchanges happened
    return bool(np.all(lu.U.diagonal() > 0))


@pytest.fixture(scope="module")
def reference():
    path = Path(__file__).parents[3] / "shared/amgx/gen.py"
    if not path.exists():
        pytest.skip("the reference data's own generator is not beside this checkout")
    spec = importlib.util.spec_from_file_location("gen", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [name for name, problem in GALLERY.items() if problem.amgx_iterations])
def test_gallery_equals_the_references_matrices(name, reference):
    ours, theirs = GALLERY[name].build(), sp.csr_array(reference.MATRICES[name]())
    assert abs(ours - theirs).max() <= 16 * np.finfo(float).eps * abs(theirs).max()


def test_jumps_by_hand():
    """Two points per axis, one per cell: 1 and k meet across every face, harmonic mean 2k / (1 + k)."""
    k = 1e4
    mean = 2 * k / (1 + k)
    A = jumps3d(2, contrast=k, cell=1).toarray()
    assert A[0, 0] == pytest.approx(3 * (1 + mean))
    assert A[1, 1] == pytest.approx(3 * (k + mean))
    assert A[0, 1] == A[0, 2] == A[0, 4] == pytest.approx(-mean)
    assert A[0, 7] == 0
