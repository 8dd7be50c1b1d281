"""A preconditioner in single precision inside of a Krylov method in double, against one in double.

    python benchmarks/precision.py --points 64 --repeats 5

Poisson's equation on points³, conjugate gradients with classical AMG to 1e-10. Both are measured in turn in
one run; ratios are medians over `--repeats`, with the smallest and the largest in brackets.
"""

import argparse
import statistics
from collections.abc import Iterable
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

import jaxamg  # noqa: E402
import numpy as np  # noqa: E402
from solve import laplacian  # noqa: E402


class Run(NamedTuple):
    iterations: int
    setup: float
    solve: float
    bytes: int


def measure(matrix, b: np.ndarray, precond_dtype: str | None) -> Run:
    """A setup and a solve, and a second solve, which is the one that is timed."""
    jaxamg.clear_solver_cache()
    setup, solve = (
        jaxamg.solve(matrix, b, {"solver": "PCG"}, tolerance=1e-10, precond_dtype=precond_dtype)[1]
        for _ in range(2)
    )
    size = jaxamg.get_solver_cache_info()["bytes"]
    return Run(solve["iterations"], setup["setup_time"], solve["solve_time"], size)


def spread(ratios: Iterable[float]) -> str:
    """Median and range."""
    ratios = list(ratios)
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    matrix = laplacian(arguments.points, 3)
    b = np.random.default_rng(0).standard_normal(matrix.shape[0])
    measure(matrix, b, None), measure(matrix, b, "float32")  # compiles
    runs = [(measure(matrix, b, None), measure(matrix, b, "float32")) for _ in range(arguments.repeats)]

    double, single = runs[0]
    print(f"p3d_{arguments.points}: iterations {double.iterations} in double, {single.iterations} in single")
    print(f"in double: setup {double.setup:.3f} s, solve {double.solve:.3f} s, {double.bytes / 1e6:.1f} MB")
    for what in ("setup", "solve", "bytes"):
        print(f"{what}, single / double: {spread(getattr(s, what) / getattr(d, what) for d, s in runs)}")


if __name__ == "__main__":
    main()
