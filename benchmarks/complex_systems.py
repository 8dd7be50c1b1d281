"""Complex systems: real and imaginary parts as unknowns of their own, or as nodes of two.

    python benchmarks/complex_systems.py --points 64

A Laplacian in a magnetic field, Hermitian, with PCG, and Helmholtz's equation with damping (a complex
diagonal) with BiCGStab, on points²; iterations and the time of a solve with a cached hierarchy, medians over
`--repeats`.
"""

import argparse
import statistics
import sys
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import jaxamg  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python"))
from problems import helmholtz2d, magnetic2d, rhs  # noqa: E402

_CLASSICAL = {"algorithm": "CLASSICAL", "selector": "PMIS", "interpolator": "D2"}
CONFIGS = {
    "parts alone": {},
    "nodes, aggregation": {"block_dim": 2},
    "nodes, classical": {"block_dim": 2, "preconditioner": _CLASSICAL},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    points = arguments.points

    def helmholtz(waves: float, damping: float):
        return helmholtz2d(points, (waves / (points + 1)) ** 2 * (1 + 1j * damping))

    systems = {
        "magnetic, flux 0.05": (magnetic2d(points, 0.05), "PCG"),
        "magnetic, flux 0.7": (magnetic2d(points, 0.7), "PCG"),
        "Helmholtz, k = 10": (helmholtz(10, 0.5), "PBICGSTAB"),
        "Helmholtz, k = 20": (helmholtz(20, 0.5), "PBICGSTAB"),
    }
    for name, (A, solver) in systems.items():
        b = rhs(A.shape[0]) + 1j * rhs(A.shape[0])[::-1]
        for parts, config in CONFIGS.items():
            options = {"tolerance": 1e-8, "max_iters": 300}
            runs = [
                jaxamg.solve(A, b, {"solver": solver} | config, **options)[1]
                for _ in range(arguments.repeats + 1)
            ]
            time = statistics.median(run["solve_time"] for run in runs[1:])
            status = runs[0]["status"].name
            print(f"{name:20} {parts:19} {runs[0]['iterations']:4} iterations, {time:.3f} s, {status}")


if __name__ == "__main__":
    main()
