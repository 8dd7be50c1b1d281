"""Assembles a real finite-element system and writes it to Matrix Market, for `python -m jaxamg solve`.

Steady heat conduction in a plate with a round hole, on an unstructured triangulation of scattered points:

    -div(k grad u) = 1,   u = 0 on the outer edge, no flux through the hole,

where k is 1 in the plate and 100 in the fibres laid in it. Run with

    pip install scikit-fem
    python examples/finite_elements.py --unknowns 100000
    python -m jaxamg solve A.mtx --rhs b.mtx
"""

import argparse
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse as sp
from scipy.spatial import Delaunay
from skfem import Basis, BilinearForm, ElementTriP1, LinearForm, MeshTri, asm, condense
from skfem.helpers import dot

CENTRE, RADIUS = np.array([[0.6], [0.45]]), 0.2


def plate_with_hole(points: int, seed: int = 0) -> MeshTri:
    """Delaunay triangulation of about so many scattered points of the unit square outside the hole."""
    side = round(np.sqrt(points / (1 - np.pi * RADIUS**2)))
    h = 1 / side
    generator = np.random.default_rng(seed)
    inner = np.stack(np.meshgrid(np.arange(1, side), np.arange(1, side))).reshape(2, -1) * h
    inner += generator.uniform(-0.3 * h, 0.3 * h, inner.shape)
    inner = inner[:, np.linalg.norm(inner - CENTRE, axis=0) > RADIUS + 0.5 * h]

    edge = np.arange(side) * h
    zero = np.zeros(side)
    outer = np.block([[edge, zero + 1, 1 - edge, zero], [zero, edge, zero + 1, 1 - edge]])
    angle = np.linspace(0, 2 * np.pi, round(2 * np.pi * RADIUS / h), endpoint=False)
    hole = CENTRE + RADIUS * np.stack([np.cos(angle), np.sin(angle)])

    p = np.concatenate([inner, outer, hole], axis=1)
    t = Delaunay(p.T).simplices.T
    outside = np.linalg.norm(p[:, t].mean(axis=1) - CENTRE, axis=0) > RADIUS
    return MeshTri(p, np.ascontiguousarray(t[:, outside]))


def conductivity(x: np.ndarray) -> np.ndarray:
    """Fibres 1/32 wide and as far apart, lying across the diagonal."""
    return np.where((16 * (x[0] + 0.5 * x[1])) % 1 < 0.5, 100.0, 1.0)


@BilinearForm
def diffusion(u, v, w):
    """∫ k ∇u·∇v."""
    return conductivity(w.x) * dot(u.grad, v.grad)


@LinearForm
def source(v, w):
    """∫ v."""
    return v


def assemble(unknowns: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """The system with the outer edge's unknowns eliminated."""
    mesh = plate_with_hole(unknowns)
    basis = Basis(mesh, ElementTriP1())
    edge = mesh.nodes_satisfying(lambda x: np.isclose(np.abs(x - 0.5).max(axis=0), 0.5))
    A, b, *_ = condense(asm(diffusion, basis), asm(source, basis), D=edge)
    return A, b


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a finite-element system A x = b to A.mtx and b.mtx.")
    parser.add_argument("--output", type=Path, default=Path(), help="folder to write to (default: this one)")
    parser.add_argument(
        "--unknowns", type=int, default=120_000, help="approximate size (default: %(default)s)"
    )
    arguments = parser.parse_args()

    A, b = assemble(arguments.unknowns)
    arguments.output.mkdir(parents=True, exist_ok=True)
    scipy.io.mmwrite(arguments.output / "A.mtx", A, symmetry="symmetric")
    scipy.io.mmwrite(arguments.output / "b.mtx", b[:, None])
    print(f"{b.size} unknowns, {A.nnz} nonzeros: {arguments.output / 'A.mtx'}, {arguments.output / 'b.mtx'}")


if __name__ == "__main__":
    main()
