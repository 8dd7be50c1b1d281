"""Times of setup, refresh and solve, with peers measured in the same run.

    python benchmarks/solve.py --problems p3d_64 p3d_100 --threads 1 2 --peers pyamg --json out.json

Every case runs in a process of its own, so that its peak memory is its own, and reports medians over
`--repeats` and the spread (largest - smallest) in percent. Setup is that of an empty cache, refresh that of
new values on a known pattern; compilation is in none of them. The matrix lies where JAX has it: on a GPU
machine the same command measures the GPU.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

CONFIGS: dict[str, dict[str, Any]] = {
    "default": {},
    "PCG+AMG": {"solver": "PCG"},
    "PCG+AMG D2 of 4": {"solver": "PCG", "preconditioner": {"interp_max_elements": 4}},
    "PCG+SIZE_2": {
        "solver": "PCG",
        "preconditioner": {"solver": "AMG", "algorithm": "AGGREGATION", "selector": "SIZE_2", "max_iters": 1},
    },
}
THREAD_VARIABLES = ["JAXAMG_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
PEERS = {"pyamg": ["pyamg ruge_stuben", "pyamg smoothed_aggregation"]}


def laplacian(points: int, dimensions: int) -> sp.csr_matrix:
    """The standard stencil on points^dimensions with Dirichlet boundaries."""
    line = sp.diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(points, points))
    grid = line
    for _ in range(dimensions - 1):
        size = grid.shape[0]
        grid = sp.kron(grid, sp.eye(points)) + sp.kron(sp.eye(size), line)
    return sp.csr_matrix(grid)


def problem(name: str) -> sp.csr_matrix:
    """p2d_N or p3d_N."""
    kind, points = name.split("_")
    A = laplacian(int(points), int(kind[1]))
    A.sort_indices()
    return A


def ours(A: sp.csr_matrix, b: np.ndarray, config: dict[str, Any], dtype: str, repeats: int) -> dict[str, Any]:
    """Cold setup + solve, and refresh + solve, through jaxamg.solve."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import jaxamg
    from jax.experimental.sparse import BCSR

    def matrix(values: np.ndarray) -> BCSR:
        indices = (jnp.asarray(A.indices, jnp.int32), jnp.asarray(A.indptr, jnp.int32))
        return BCSR((jnp.asarray(values, dtype), *indices), shape=A.shape)

    rhs = jnp.asarray(b, dtype)
    first, second = matrix(A.data), matrix(A.data * 2.0)
    jaxamg.solve(first, rhs, config)  # compiles, and fills the workspace's pool
    runs: dict[str, list[float]] = {"setup": [], "solve": [], "refresh": [], "cached": []}
    x, info = None, {}
    for _ in range(repeats):
        jaxamg.clear_solver_cache()
        x, info = jaxamg.solve(first, rhs, config)
        runs["setup"].append(info["setup_time"])
        runs["solve"].append(info["solve_time"])
        _, again = jaxamg.solve(first, rhs, config)
        runs["cached"].append(again["solve_time"])
        _, refreshed = jaxamg.solve(second, rhs, config)
        runs["refresh"].append(refreshed["setup_time"])
    result = {key: summary(times) for key, times in runs.items()}
    return result | {
        "iterations": info["iterations"],
        "status": info["status"].name,
        "residual": true_residual(A, b, np.asarray(x)),
        "hierarchy_mib": jaxamg.get_solver_cache_info()["bytes"] / 2**20,
        "device": str(jax.devices()[0].device_kind),
    }


def pyamg_solver(
    A: sp.csr_matrix, b: np.ndarray, name: str, tolerance: float, repeats: int
) -> dict[str, Any]:
    """A PyAMG hierarchy with conjugate gradients."""
    import pyamg

    build: Callable[..., Any] = getattr(pyamg, f"{name.split()[1]}_solver")
    runs: dict[str, list[float]] = {"setup": [], "solve": []}
    residuals: list[float] = []
    x = b
    for _ in range(repeats):
        start = time.perf_counter()
        hierarchy = build(A)
        middle = time.perf_counter()
        residuals = []
        x = hierarchy.solve(b, tol=tolerance, accel="cg", residuals=residuals, maxiter=200)
        runs["setup"].append(middle - start)
        runs["solve"].append(time.perf_counter() - middle)
    result = {key: summary(times) for key, times in runs.items()}
    return result | {"iterations": len(residuals) - 1, "status": "", "residual": true_residual(A, b, x)}


def summary(times: list[float]) -> dict[str, float]:
    """Median in s and spread in percent."""
    median = statistics.median(times)
    return {"median": median, "spread": 100 * (max(times) - min(times)) / max(median, 1e-12)}


def true_residual(A: sp.csr_matrix, b: np.ndarray, x: np.ndarray) -> float:
    """‖b - A x‖ / ‖b‖ in double precision."""
    return float(np.linalg.norm(b - A @ x.astype(np.float64)) / np.linalg.norm(b))


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """One case, in this process."""
    A = problem(case["problem"])
    b = np.ones(A.shape[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if case["solver"] in CONFIGS:
        config = CONFIGS[case["solver"]] | {"tolerance": case["tolerance"]}
        result = ours(A, b, config, case["dtype"], case["repeats"])
    else:
        result = pyamg_solver(A, b, case["solver"], case["tolerance"], case["repeats"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return case | result | {"peak_mib": peak / 1024, "peak_beyond_problem_mib": (peak - before) / 1024}


def main() -> None:
    """Run the cases named on the command line and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", nargs="+", default=["p3d_64"])
    parser.add_argument("--configs", nargs="+", default=["default", "PCG+AMG"], choices=list(CONFIGS))
    parser.add_argument("--peers", nargs="*", default=[], choices=list(PEERS))
    parser.add_argument("--threads", nargs="+", type=int, default=[os.cpu_count()])
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--tolerance", type=float, default=1e-8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", help="write the results to this file")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(run_case(json.loads(arguments.case))))
        return

    print(f"{'problem':<12}{'solver':<28}{'threads':>7}{'setup':>9}{'refresh':>9}{'solve':>9}{'total':>9}"
          f"{'spread':>8}{'its':>5}{'residual':>10}{'MiB':>7}")  # fmt: skip
    results = []
    for name in arguments.problems:
        for threads in arguments.threads:
            peers = [solver for peer in arguments.peers for solver in PEERS[peer]]
            for solver in [*arguments.configs, *peers]:
                case = {
                    "problem": name,
                    "solver": solver,
                    "threads": threads,
                    "dtype": arguments.dtype,
                    "tolerance": arguments.tolerance,
                    "repeats": arguments.repeats,
                }
                limits = dict.fromkeys(
                    ["JAXAMG_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], str(threads)
                )
                command = [sys.executable, __file__, "--case", json.dumps(case)]
                output = subprocess.run(command, env=os.environ | limits, capture_output=True, text=True)
                if output.returncode:
                    print(
                        f"{name:<12}{solver:<28}{threads:>7} failed: {output.stderr.strip().splitlines()[-1]}"
                    )
                    continue
                r = json.loads(output.stdout.splitlines()[-1])
                results.append(r)
                total = r["setup"]["median"] + r["solve"]["median"]
                refresh = f"{r['refresh']['median']:9.3f}" if "refresh" in r else f"{'-':>9}"
                spread = max(r["setup"]["spread"], r["solve"]["spread"])
                print(f"{name:<12}{solver:<28}{threads:>7}{r['setup']['median']:9.3f}{refresh}"
                      f"{r['solve']['median']:9.3f}{total:9.3f}{spread:7.0f}%{r['iterations']:>5}"
                      f"{r['residual']:10.1e}{r['peak_beyond_problem_mib']:7.0f}", flush=True)  # fmt: skip
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
