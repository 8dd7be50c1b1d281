"""What JAX's transforms cost, as ratios measured in one run.

    python benchmarks/transforms.py --points 64 --lanes 16

Poisson's equation on points³, conjugate gradients with classical AMG. Medians over `--repeats`; compilation
is in none of them. The bounds in brackets are what the design aims at.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
import jaxamg  # noqa: E402
from jax.experimental.sparse import BCSR  # noqa: E402
from solve import laplacian  # noqa: E402


def median_time(
    f: Callable[..., Any], *args: Any, repeats: int, before: Callable[[], None] = lambda: None
) -> float:
    """In s, after one call that compiles."""
    times = []
    for _ in range(repeats + 1):
        before()
        start = time.perf_counter()
        jax.block_until_ready(f(*args))
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=64)
    parser.add_argument("--lanes", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    repeats, lanes = arguments.repeats, arguments.lanes

    matrix = laplacian(arguments.points, 3)
    matrix.sort_indices()
    indices = (jnp.asarray(matrix.indices), jnp.asarray(matrix.indptr))
    values = jnp.asarray(matrix.data)
    n = matrix.shape[0]
    b = jax.random.normal(jax.random.key(0), (lanes, n))
    many_values = jnp.stack([values, 2 * values, 3 * values, 4 * values])

    def solve(values: jax.Array, b: jax.Array) -> jax.Array:
        A = BCSR((values, *indices), shape=(n, n))
        return jaxamg.solve(A, b, {"solver": "PCG"}, tolerance=1e-8)[0]

    def loss(values: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.sum(solve(values, b) ** 2)

    single = jax.jit(solve)
    batch = jax.jit(jax.vmap(solve, (None, 0)))
    members = jax.jit(jax.vmap(solve, (0, None)))
    gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    clear = jaxamg.clear_solver_cache

    cold = median_time(single, values, b[0], repeats=repeats, before=clear)
    one = median_time(single, values, b[0], repeats=repeats)
    both = median_time(gradient, values, b[0], repeats=repeats, before=clear)
    both_again = median_time(gradient, values, b[0], repeats=repeats)
    many = median_time(batch, values, b, repeats=repeats)
    refreshed = median_time(members, many_values, b[0], repeats=repeats)

    setup = cold - one
    print(f"p3d_{arguments.points}: setup {setup:.3f} s, solve {one:.3f} s")
    print(f"value and gradient, beyond a setup: {(both - setup) / one:.2f} solves (<= 2.3)")
    print(f"value and gradient, with a cached hierarchy: {both_again / one:.2f} solves (<= 2.3)")
    print(f"vmap over {lanes} right-hand sides: {many / (lanes * one):.2f} of {lanes} solves (<= 0.45)")
    print(f"vmap over 4 matrices of one pattern: {refreshed / (4 * cold):.2f} of 4 setups and solves")


if __name__ == "__main__":
    main()
