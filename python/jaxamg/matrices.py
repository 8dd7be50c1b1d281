"""Model problems: sparse matrices, the same operators without a matrix, and right-hand sides.

Matrices are `jax.experimental.sparse.BCSR` with sorted, unique columns, float32 unless a dtype is given.
Unknowns on a grid are numbered x fastest; the grid spacing is scaled out unless stated otherwise.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jax.experimental.sparse import BCSR
from jax.typing import ArrayLike, DTypeLike

from ._suitesparse import read_suitesparse_matrix

__all__ = [
    "convection_diffusion_matrix_2d",
    "download_suitesparse_matrix",
    "poisson3d_matrix",
    "poisson3d_operator",
    "poisson_matrix",
    "poisson_matrix_stretched",
    "poisson_operator",
    "random_matrix",
    "rhs_linear",
    "rhs_ones",
    "rhs_random",
    "tridiagonal_matrix",
    "tridiagonal_operator",
]

Operator = Callable[[ArrayLike], jax.Array]


def tridiagonal_matrix(n: int, diagonal_value: float = 2.0, dtype: DTypeLike = jnp.float32) -> BCSR:
    """Matrix (n, n) with stencil [-1, diagonal_value, -1].

    >>> tridiagonal_matrix(3).todense().tolist()
    [[2.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 2.0]]
    """
    return _to_bcsr(_tridiagonal(n, -1.0, diagonal_value, -1.0), dtype)


def poisson_matrix(n: int, skew: float = 0.0, dtype: DTypeLike = jnp.float32) -> BCSR:
    """Five-point Poisson matrix (n², n²) of an n x n grid, Dirichlet boundary.

    Along each axis the stencil is [-(1 + skew), 2, -(1 - skew)]: the centred differences of -u'' + p u' for a
    cell Péclet number p h = 2 skew. A is symmetric for skew = 0 and an M-matrix for |skew| <= 1.

    >>> poisson_matrix(2).todense()[0].tolist()
    [4.0, -1.0, -1.0, 0.0]
    """
    return _to_bcsr(_grid_sum(*[_second_difference_matrix(n, skew)] * 2), dtype)


def poisson3d_matrix(n: int, skew: float = 0.0, dtype: DTypeLike = jnp.float32) -> BCSR:
    """Seven-point Poisson matrix (n³, n³) of an n x n x n grid; `skew` as in `poisson_matrix`.

    >>> poisson3d_matrix(10).shape
    (1000, 1000)
    """
    return _to_bcsr(_grid_sum(*[_second_difference_matrix(n, skew)] * 3), dtype)


def poisson_matrix_stretched(
    nx: int,
    ny: int,
    stretch: float = 1.1,
    *,
    normalize: bool = False,
    periodic_x: bool = False,
    dtype: DTypeLike = jnp.float32,
) -> tuple[BCSR, jax.Array]:
    """Finite-volume -Δ on the unit square with cells that grow geometrically away from the wall y = 0.

    Cells are uniform in x; in y each is `stretch` times as high as the one below. A face of length |f|
    between centres a distance d apart couples its two cells by |f| / d. No flux leaves the domain (Neumann;
    periodic in x if asked), so constants span the null space of A.

    Returns:
        `(A, volumes)`: A (nx ny, nx ny) is symmetric; `normalize` divides each row by its cell's volume, and
        then `volumes`, shape (nx ny,), spans the null space of Aᵀ.

    >>> A, volumes = poisson_matrix_stretched(8, 6, 1.2, normalize=True)
    >>> bool(abs(volumes @ A.todense()).max() < 1e-5)
    True
    """
    widths = np.full(nx, 1 / nx)
    heights = stretch ** np.arange(ny)
    heights /= heights.sum()
    x_fluxes, y_fluxes = _flux_matrix(widths, periodic_x), _flux_matrix(heights, periodic=False)
    matrix = sp.kron(sp.diags_array(heights), x_fluxes) + sp.kron(y_fluxes, sp.diags_array(widths))
    volumes = np.kron(heights, widths)
    if normalize:
        matrix = sp.diags_array(1 / volumes) @ matrix
    return _to_bcsr(matrix, dtype), jnp.asarray(volumes, dtype)


def convection_diffusion_matrix_2d(
    n: int,
    epsilon: float = 1e-2,
    theta: float = np.pi / 4,
    velocity: float = 1.0,
    dtype: DTypeLike = jnp.float32,
) -> BCSR:
    """-epsilon Δu + velocity (cos theta, sin theta)·∇u on the unit square with Dirichlet boundary, times h².

    The grid has n x n inner points, h = 1 / (n + 1) apart. Diffusion by the five-point stencil, convection by
    first-order upwind differences: an M-matrix (n², n²) for every epsilon > 0, at the price of a numerical
    diffusion of about |velocity| h / 2. `theta`, in radians, turns the wind from x to y.

    >>> convection_diffusion_matrix_2d(1, epsilon=1.0, theta=0.0, velocity=2.0).todense().tolist()
    [[5.0]]
    """
    h = 1 / (n + 1)
    wind = velocity * h * np.array([np.cos(theta), np.sin(theta)])
    along_x, along_y = (epsilon * _second_difference_matrix(n) + _upwind_matrix(n, speed) for speed in wind)
    return _to_bcsr(_grid_sum(along_x, along_y), dtype)


def random_matrix(n: int, density: float = 0.01, dtype: DTypeLike = jnp.float32, seed: int = 0) -> BCSR:
    """Nonsymmetric, strictly diagonally dominant matrix (n, n) of about density n² random entries.

    Off-diagonal entries are uniform in (-1, 1) at uniform places, added up where two fall together; each
    diagonal entry is 1 plus the sum of the absolute values of its row.

    >>> random_matrix(50, density=0.1).shape
    (50, 50)
    """
    generator = np.random.default_rng(seed)
    count = round(density * n * n)
    rows, cols = generator.integers(n, size=(2, count))
    values = generator.uniform(-1, 1, count) * (rows != cols)
    off_diagonal = sp.csr_array((values, (rows, cols)), shape=(n, n))
    off_diagonal.eliminate_zeros()
    return _to_bcsr(off_diagonal + sp.diags_array(1 + abs(off_diagonal).sum(axis=1)), dtype)


def tridiagonal_operator(diagonal_value: float = 2.0) -> Operator:
    """`x -> A x` for A = `tridiagonal_matrix(n, diagonal_value)`, n = the length of x.

    >>> tridiagonal_operator()(jnp.ones(4)).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """

    def apply(x: ArrayLike) -> jax.Array:
        u = _on_grid(x, 1)
        return _apply_stencil(u) + (diagonal_value - 2) * u

    return apply


def poisson_operator(skew: float = 0.0) -> Operator:
    """`x -> A x` for A = `poisson_matrix(n, skew)`, n² = the length of x.

    >>> poisson_operator()(jnp.ones(9)).tolist()
    [2.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 2.0]
    """

    def apply(x: ArrayLike) -> jax.Array:
        return _apply_stencil(_on_grid(x, 2), skew).ravel()

    return apply


def poisson3d_operator(robin: float = 0.0, diagonal_value: float = 6.0) -> Operator:
    """`x -> A x` for the seven-point stencil with `diagonal_value` on the diagonal, n³ = the length of x.

    A point at the boundary gets `robin` added to its diagonal for each neighbour it lacks, which is the
    condition u_outside = -robin u: 0 is Dirichlet (`poisson3d_matrix`), -1 is Neumann, and between them it is
    Robin's. A is symmetric positive definite for robin > -1 and diagonal_value >= 6.

    >>> poisson3d_operator()(jnp.ones(27))[:3].tolist()
    [3.0, 2.0, 3.0]
    """

    def apply(x: ArrayLike) -> jax.Array:
        u = _on_grid(x, 3)
        n = u.shape[0]
        at_ends = jnp.zeros(n, u.dtype).at[0].add(1).at[-1].add(1)  # both when n = 1
        missing = at_ends[:, None, None] + at_ends[:, None] + at_ends
        return (_apply_stencil(u) + (diagonal_value - 6 + robin * missing) * u).ravel()

    return apply


def rhs_ones(n: int, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Vector (n,) of ones.

    >>> rhs_ones(3).tolist()
    [1.0, 1.0, 1.0]
    """
    return jnp.ones(n, dtype)


def rhs_linear(n: int, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Vector (n,) that grows linearly from 0 to 1.

    >>> rhs_linear(5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return jnp.linspace(0, 1, n, dtype=dtype)


def rhs_random(n: int, seed: int = 0, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Vector (n,) of standard normal numbers, the same for the same seed.

    >>> rhs_random(3).shape
    (3,)
    """
    return jnp.asarray(np.random.default_rng(seed).standard_normal(n), dtype)


def download_suitesparse_matrix(
    name: str,
    group: str | None = None,
    cache_dir: str | None = None,
    dtype: DTypeLike | None = None,
    base_url: str = "https://sparse.tamu.edu/MM",
    timeout: float = 60.0,
) -> BCSR:
    """Matrix of the SuiteSparse collection, downloaded once and then read from the cache.

    Args:
        name: the matrix's name, such as `"bcsstk01"`, or `"HB/bcsstk01"` with its group.
        group: the group; looked up in the collection's index if not given.
        cache_dir: where archives are kept; by default `jaxamg/suitesparse` in the user's cache directory.
        dtype: float32 by default, complex64 for a complex matrix.
        base_url: where `<group>/<name>.tar.gz` is found.
        timeout: of the network, in seconds.

    Raises:
        ValueError: no such matrix, or a damaged archive.
        ConnectionError: neither in the cache nor reachable; says where to put the archive by hand.

    >>> A = download_suitesparse_matrix("bcsstk01", "HB")  # doctest: +SKIP
    """
    matrix = read_suitesparse_matrix(name, group, cache_dir, base_url, timeout)
    default = jnp.complex64 if np.iscomplexobj(matrix.data) else jnp.float32
    return _to_bcsr(matrix, default if dtype is None else dtype)


def _to_bcsr(matrix: sp.sparray | sp.spmatrix, dtype: DTypeLike) -> BCSR:
    csr: Any = sp.csr_array(matrix)  # SciPy has no annotations, and the types inferred for it are wrong
    csr.sum_duplicates()  # sorts, too
    data = jnp.asarray(csr.data, dtype)
    indices, indptr = jnp.asarray(csr.indices, jnp.int32), jnp.asarray(csr.indptr, jnp.int32)
    return BCSR((data, indices, indptr), shape=csr.shape, indices_sorted=True, unique_indices=True)


def _tridiagonal(n: int, lower: float, diagonal: float, upper: float) -> sp.dia_array:
    return lower * sp.eye_array(n, k=-1) + diagonal * sp.eye_array(n) + upper * sp.eye_array(n, k=1)


def _second_difference_matrix(n: int, skew: float = 0.0) -> sp.dia_array:
    return _tridiagonal(n, -(1 + skew), 2.0, -(1 - skew))


def _upwind_matrix(n: int, speed: float) -> sp.dia_array:
    return _tridiagonal(n, -max(speed, 0.0), abs(speed), min(speed, 0.0))


def _flux_matrix(sizes: np.ndarray, periodic: bool) -> sp.sparray:
    """One-dimensional finite-volume -d²/dx² over cells of these sizes; no flux through the ends."""
    n = sizes.size
    left = np.arange(n if periodic else n - 1)
    right = (left + 1) % n
    cells = sp.csr_array(sp.eye_array(n))
    jump = cells[right] - cells[left]
    return jump.T @ sp.diags_array(2 / (sizes[left] + sizes[right])) @ jump


def _grid_sum(along_x: sp.sparray, *along_others: sp.sparray) -> sp.sparray:
    """I ⊗ I ⊗ X + I ⊗ Y ⊗ I + Z ⊗ I ⊗ I: each matrix acts along its own axis of the grid, x fastest."""
    return functools.reduce(sp.kronsum, along_others, along_x)


def _on_grid(x: ArrayLike, dimensions: int) -> jax.Array:
    x = jnp.asarray(x)
    if x.ndim != 1:
        raise ValueError(f"expected a vector, got shape {x.shape}; use jax.vmap for several")
    n = round(x.size ** (1 / dimensions))
    if n**dimensions != x.size:
        raise ValueError(f"a vector of length {x.size} is no grid of n^{dimensions} points")
    return x.reshape((n,) * dimensions)


def _apply_stencil(u: jax.Array, skew: float = 0.0) -> jax.Array:
    """Sum over the axes of [-(1 + skew), 2, -(1 - skew)], zero outside the grid."""
    total = 2 * u.ndim * u
    for axis, n in enumerate(u.shape):
        padded = jnp.pad(u, [(1, 1) if a == axis else (0, 0) for a in range(u.ndim)])
        before, after = (jax.lax.slice_in_dim(padded, start, start + n, axis=axis) for start in (0, 2))
        total = total - (1 + skew) * before - (1 - skew) * after
    return total
