"""The gallery: linear systems shared by tests and benchmarks, float64 SciPy CSR, b = `rhs(n)`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class Problem:
    """A matrix of the gallery and what is known about it.

    Attributes:
        build: assembles the matrix.
        spd: symmetric positive definite.
        block_dim: unknowns per node, interleaved.
        amgx_iterations: what AmgX takes with the default configuration to 1e-6, float64.
        suits_default: AMG-preconditioned BiCGStab, the default, is meant for it.
    """

    build: Callable[[], sp.csr_array]
    spd: bool = True
    block_dim: int = 1
    amgx_iterations: int | None = None
    suits_default: bool = True


def rhs(n: int) -> np.ndarray:
    """A right-hand side with low and high frequencies and no symmetry."""
    return np.sin(1 + 0.37 * np.arange(n)) + 1


def tridiagonal(n: int, diagonal: float = 2.0) -> sp.csr_array:
    return sp.diags_array([-1.0, diagonal, -1.0], offsets=[-1, 0, 1], shape=(n, n), format="csr")


def poisson2d(n: int) -> sp.csr_array:
    return anisotropic2d(n, 1.0)


def poisson3d(n: int) -> sp.csr_array:
    return sp.kronsum(poisson2d(n), tridiagonal(n), format="csr")


def anisotropic2d(n: int, weak: float) -> sp.csr_array:
    """-weak u_xx - u_yy, five-point, x fastest."""
    return sp.kronsum(weak * tridiagonal(n), tridiagonal(n), format="csr")


def convection_diffusion2d(n: int, peclet: float) -> sp.csr_array:
    """-Δu + peclet (u_x / 2 + u_y), times h², first-order upwind."""
    upwind = sp.diags_array([-1.0, 1.0], offsets=[-1, 0], shape=(n, n), format="csr")
    along_y = tridiagonal(n) + peclet / (n + 1) * upwind
    along_x = tridiagonal(n) + 0.5 * peclet / (n + 1) * upwind
    return sp.kronsum(along_x, along_y, format="csr")


def periodic_convection(n: int) -> sp.csr_array:
    """-Δu + v(x) u_x / h on n x n points, periodic and upwind: rows sum to 0, columns do not, as v varies."""
    shift = sp.csr_array(np.roll(np.eye(n), 1, axis=0))
    identity = sp.eye_array(n)
    laplacian = 2 * identity - shift - shift.T
    velocity = sp.diags_array(2 + np.sin(2 * np.pi * np.arange(n) / n))
    return sp.csr_array(sp.kronsum(laplacian + velocity @ (identity - shift), laplacian))


def magnetic2d(n: int, flux: float) -> sp.csr_array:
    """poisson2d in a magnetic field of `flux` a cell: a step in x turns the phase; Hermitian and definite."""
    y, x = np.divmod(np.arange(n * n), n)
    right = np.flatnonzero(x > 0)
    hop = sp.coo_array((-np.exp(1j * flux * y[right]), (right, right - 1)), (n * n, n * n))
    along_x = hop + hop.conj().T
    along_y = sp.kron(tridiagonal(n, 0.0), sp.eye_array(n))
    return sp.csr_array(along_x + along_y + 4 * sp.eye_array(n * n))


def helmholtz2d(n: int, shift: complex) -> sp.csr_array:
    """-Δu - shift u, times h²; indefinite once a real shift exceeds 8 sin²(π h / 2), its least eigenvalue."""
    return poisson2d(n) - shift * sp.eye_array(n * n, format="csr")


def elasticity2d(n: int, young: float = 1e5, poisson: float = 0.3) -> sp.csr_array:
    """Plane stress, bilinear elements on n x n unit cells, clamped at x = 0, unknowns (u, v) interleaved.

    A bilinear element is a product of two linear ones, so every integral over the square is a Kronecker
    product of integrals over an interval (y ⊗ x).
    """
    inner = np.ones(n + 1)
    inner[[0, -1]] = 0.5  # the end nodes have one element, not two
    ends = np.zeros(n + 1)
    ends[0], ends[-1] = -0.5, 0.5

    def tridiagonal_integrals(lower: float, diagonal: np.ndarray, upper: float) -> sp.csr_array:
        return sp.diags_array(
            [lower, diagonal, upper], offsets=[-1, 0, 1], shape=(n + 1, n + 1), format="csr"
        )

    mass = tridiagonal_integrals(1 / 6, 2 / 3 * inner, 1 / 6)  # ∫ φᵢ φⱼ
    stiffness = tridiagonal_integrals(-1.0, 2 * inner, -1.0)  # ∫ φᵢ' φⱼ'
    mixed = tridiagonal_integrals(0.5, ends, -0.5)  # ∫ φᵢ' φⱼ

    clamped_mass, clamped_stiffness, clamped_mixed = (m[1:, 1:] for m in (mass, stiffness, mixed))
    uxux, uyuy = sp.kron(mass, clamped_stiffness), sp.kron(stiffness, clamped_mass)
    uxvy = sp.kron(mixed.T, clamped_mixed)  # ∫ ∂ₓφᵢ ∂ᵧφⱼ

    plane = young / (1 - poisson**2)
    lame, shear = plane * poisson, plane * (1 - poisson) / 2
    blocks = {
        (0, 0): plane * uxux + shear * uyuy,
        (0, 1): lame * uxvy + shear * uxvy.T,
        (1, 0): lame * uxvy.T + shear * uxvy,
        (1, 1): plane * uyuy + shear * uxux,
    }

    def unit(i: int, j: int) -> sp.csr_array:
        return sp.csr_array(([1.0], ([i], [j])), shape=(2, 2))

    return sp.csr_array(sum(sp.kron(block, unit(*place)) for place, block in blocks.items()))


def elasticity3d(nx: int, ny: int, nz: int, young: float = 1.0, poisson: float = 0.3) -> sp.csr_array:
    """A beam of nx x ny x nz unit cells with trilinear elements, clamped at x = 0, unknowns interleaved."""
    corners = np.indices((2, 2, 2)).reshape(3, -1).T[:, ::-1]  # x runs fastest
    lame, shear = young * poisson / ((1 + poisson) * (1 - 2 * poisson)), young / (2 * (1 + poisson))
    stiffness = np.zeros((8, 3, 8, 3))
    for point in 0.5 + (corners - 0.5) / np.sqrt(3):  # Gauss
        factors = np.where(corners, point, 1 - point)
        slopes = np.where(corners, 1.0, -1.0)
        grad = np.stack([slopes[:, d] * np.delete(factors, d, 1).prod(1) for d in range(3)], 1)
        stiffness += (
            lame * np.einsum("ai,bj->aibj", grad, grad)
            + shear * np.einsum("aj,bi->aibj", grad, grad)
            + shear * np.einsum("ak,bk,ij->aibj", grad, grad, np.eye(3))
        ) / 8
    cells = np.indices((nz, ny, nx)).reshape(3, -1).T[:, ::-1]
    nodes = (cells[:, None] + corners) @ [1, nx + 1, (nx + 1) * (ny + 1)]
    unknowns = (3 * nodes[:, :, None] + np.arange(3)).reshape(len(cells), 24)
    rows, cols = np.repeat(unknowns, 24, axis=1), np.tile(unknowns, 24)
    values = np.tile(stiffness.reshape(-1), len(cells))
    n = 3 * (nx + 1) * (ny + 1) * (nz + 1)
    A = sp.csr_array(sp.coo_array((values, (rows.ravel(), cols.ravel())), shape=(n, n)))
    free = np.repeat(np.arange(n // 3) % (nx + 1) != 0, 3)
    return A[free][:, free]


def jumps3d(n: int, contrast: float = 1e4, cell: int = 4) -> sp.csr_array:
    """-div(k grad u) on n³ points, k = 1 or `contrast` in a checkerboard of cubes `cell` points wide.

    Seven-point, Dirichlet; the coefficient between two points is the harmonic mean of theirs.
    """
    cube = np.arange(n) // cell
    k = np.where((cube[:, None, None] + cube[:, None] + cube) % 2 == 0, 1.0, contrast)
    gradient = sp.diags_array([1.0, -1.0], offsets=[0, -1], shape=(n + 1, n), format="csr")
    identity = sp.eye_array(n, format="csr")
    total = sp.csr_array((n**3, n**3))
    for axis in range(3):
        padded = np.pad(k, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        before, after = (np.take(padded, range(start, start + n + 1), axis) for start in (0, 1))
        between = sp.diags_array((2 * before * after / (before + after)).ravel())
        factors = [gradient if a == axis else identity for a in range(3)]
        difference = sp.kron(sp.kron(factors[0], factors[1]), factors[2], format="csr")
        total = total + difference.T @ between @ difference
    return total


def random_dominant(n: int, entries_per_row: int = 5, seed: int = 0) -> sp.csr_array:
    """Nonsymmetric, random places and values; a diagonal entry exceeds its row's sum of magnitudes by 1."""
    generator = np.random.default_rng(seed)
    count = n * entries_per_row
    places = generator.integers(n, size=(2, count))
    off_diagonal = sp.csr_array((generator.uniform(-1, 1, count), places), shape=(n, n))
    off_diagonal.setdiag(0)
    off_diagonal.eliminate_zeros()
    return sp.csr_array(off_diagonal + sp.diags_array(1 + abs(off_diagonal).sum(axis=1)))


def pyamg_example(name: str) -> sp.csr_array:
    """A finite-element matrix that PyAMG ships."""
    from pyamg.gallery import load_example

    return sp.csr_array(load_example(name)["A"])


GALLERY = {
    "tri100": Problem(lambda: tridiagonal(100, 4.0), amgx_iterations=3),
    "p2d_64": Problem(lambda: poisson2d(64), amgx_iterations=7),
    "p2d_256": Problem(lambda: poisson2d(256), amgx_iterations=8),
    "p3d_40": Problem(lambda: poisson3d(40), amgx_iterations=6),
    "aniso1e-3_128": Problem(lambda: anisotropic2d(128, 1e-3), amgx_iterations=7),
    "convdiff_128": Problem(lambda: convection_diffusion2d(128, 200.0), spd=False, amgx_iterations=11),
    "elast2d_60": Problem(lambda: elasticity2d(60), block_dim=2, amgx_iterations=54),
    "helm_64": Problem(lambda: helmholtz2d(64, 0.005), spd=False, amgx_iterations=8),
    "jumps3d_32": Problem(lambda: jumps3d(32)),
    "random_20000": Problem(lambda: random_dominant(20000), spd=False),
    # PyAMG's: Laplacians on unstructured meshes.
    "airfoil": Problem(lambda: pyamg_example("airfoil")),
    "knot": Problem(lambda: pyamg_example("knot")),
    "unit_cube": Problem(lambda: pyamg_example("unit_cube")),
    # Elasticity in 3D: classical interpolation misses the rigid-body modes, so the default is slow.
    "bar": Problem(lambda: pyamg_example("bar"), block_dim=3, suits_default=False),
    # Positive off-diagonals in half the places: no M-matrix, which is what classical AMG is built for.
    "local_disc_galerkin_diffusion": Problem(
        lambda: pyamg_example("local_disc_galerkin_diffusion"), suits_default=False
    ),
    "recirc_flow": Problem(lambda: pyamg_example("recirc_flow"), spd=False, suits_default=False),
    # Left out: unit_square is singular (Neumann), helmholtz_2D complex.
}
