"""`config="auto"` against every preset, on the gallery of the tests and larger relatives.

    python benchmarks/auto.py [--problems p2d_256 convdiff_128] [--tolerance 1e-8]

One line a problem: what was chosen, the CPU time of look, setup and solve on one thread, and its ratio to the
best preset; `FAILS` where a preset succeeds and the choice does not. Best of `--repeats`, float64. What else
runs disturbs CPU time little. Matrices that take less than a millisecond measure the look, not the choice.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's: threads that wait for each other count as CPU time

import jaxamg.matrices as matrices
import numpy as np
import scipy.sparse as sp
from jaxamg import _engine
from jaxamg._auto import choose
from jaxamg._grid import set_up
from jaxamg._matrix import operands
from jaxamg._method import method
from jaxamg._presets import PRESETS

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/python"))
import problems

RELATIVES: dict[str, Callable[[], sp.csr_array]] = {
    "p2d_100": lambda: problems.poisson2d(100),
    "p2d_128": lambda: problems.poisson2d(128),
    "p3d_64": lambda: problems.poisson3d(64),
    "aniso1e-1_90": lambda: problems.anisotropic2d(90, 1e-1),
    "aniso1e-2_256": lambda: problems.anisotropic2d(256, 1e-2),
    "aniso1e-4_128": lambda: problems.anisotropic2d(128, 1e-4),
    "convdiff20_256": lambda: problems.convection_diffusion2d(256, 20.0),
    "convdiff200_64": lambda: problems.convection_diffusion2d(64, 200.0),
    "convdiff2000_128": lambda: problems.convection_diffusion2d(128, 2000.0),
    "elast2d_150": lambda: problems.elasticity2d(150),
    "elast3d_16": lambda: problems.elasticity3d(16, 6, 6),
    "helm_128": lambda: problems.helmholtz2d(128, 0.005),
    "helm2e-2_128": lambda: problems.helmholtz2d(128, 0.02),
    "jumps1e2_24": lambda: problems.jumps3d(24, 1e2),
    "jumps1e6_32": lambda: problems.jumps3d(32, 1e6, 8),
    "jumps1e8_24": lambda: problems.jumps3d(24, 1e8),
    "line_20000": lambda: problems.tridiagonal(20000),
    "stretched_128": lambda: concrete(matrices.poisson_matrix_stretched(128, 128, 1.02)[0]),
    "skew_128": lambda: concrete(matrices.poisson_matrix(128, 0.5)),
    "wind_128": lambda: concrete(matrices.convection_diffusion_matrix_2d(128, 1e-3, 0.3, 1.0)),
    "random_5000": lambda: concrete(matrices.random_matrix(5000, 0.002)),
}
# With block_dim, the unknowns of a node.
OF_NODES: dict[str, tuple[Callable[[], sp.csr_array], int]] = {
    "elast2d_100_nodes": (lambda: problems.elasticity2d(100), 2),
    "elast3d_24_nodes": (lambda: problems.elasticity3d(24, 10, 10), 3),
    "kron2_120_nodes": (lambda: sp.csr_array(sp.kron(problems.poisson2d(120), [[2, 0.5], [0.5, 1]])), 2),
}


def concrete(A: object) -> sp.csr_array:
    found = operands(A)
    rows, columns, values = found.entries()
    return sp.csr_array((values.astype(np.float64), (rows, columns)), shape=(found.n, found.n))


def seconds(A: sp.csr_array, config: str, repeats: int) -> tuple[float, bool]:
    """CPU time of setup and solve, and whether b - A x says that it is solved."""
    b, best = problems.rhs(A.shape[0]), np.inf
    for _ in range(repeats):
        start = time.process_time()
        x, info = set_up(config, A).solve(b)
        best = min(best, time.process_time() - start)
        if best > 1:  # long enough to be known
            break
    return best, info["status"][0] == 0 and bool(np.isfinite(x).all())


def main() -> None:
    builders = {name: problem.build for name, problem in problems.GALLERY.items()} | RELATIVES
    gallery = {name: (build, 1) for name, build in builders.items()} | OF_NODES
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", nargs="*", default=list(gallery), choices=list(gallery), metavar="NAME")
    parser.add_argument("--tolerance", type=float, default=1e-8)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    _engine.set_num_threads(1)
    for name in options.problems:
        build, block_dim = gallery[name]
        keys = {"tolerance": options.tolerance} | ({"block_dim": block_dim} if block_dim > 1 else {})
        A = sp.csr_array(build())
        A.sort_indices()
        results = {
            preset: seconds(A, method(config, keys).canonical, options.repeats)
            for preset, config in PRESETS.items()
        }
        looks = []
        for _ in range(options.repeats):
            start = time.process_time()
            choice = choose(A, block_dim)
            looks.append(time.process_time() - start)
        solved = {preset: time_taken for preset, (time_taken, success) in results.items() if success}
        best = min(solved, key=lambda preset: solved[preset], default=None)
        took, succeeded = results[choice.preset]
        took += min(looks)
        verdict = (
            "nothing solves it" if best is None else f"{took / solved[best]:.2f}" if succeeded else "FAILS"
        )
        print(
            f"{name:30} {A.shape[0]:7,} rows  {verdict:>6}  {choice.preset} {took * 1e3:.1f} ms "
            f"(look {min(looks) * 1e3:.1f}), best {best} {solved.get(best, 0) * 1e3:.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
