"""Patterns and colourings of operators: times, colours, growth; cost of a cached pattern in jitted calls.

    python benchmarks/sparsity.py --sizes 256 512 1024

`growth` is the time per unknown over that of the size before: 1 is linear. The last line compares one jitted
call that takes a cached operator of five million entries with one that takes a scalar, and gives the time to
compile it: both would grow with the entries if these were static or constants of the computation.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jaxamg
from jaxamg._coloring import clear_patterns
from jaxamg._operator import entries


def by_rolling(x: jax.Array) -> jax.Array:
    n = round(x.size**0.5)
    u = x.reshape(n, n)
    neighbours = [jnp.roll(u, shift, axis) for axis in (0, 1) for shift in (1, -1)]
    return (4 * u - sum(neighbours)).ravel()


def by_convolution(x: jax.Array) -> jax.Array:
    n = round(x.size**0.5)
    kernel = jnp.asarray([[0.0, -1.0, 0.0], [-1.0, 4.0, -1.0], [0.0, -1.0, 0.0]], x.dtype)
    return jax.lax.conv(x.reshape(1, 1, n, n), kernel[None, None], (1, 1), "SAME").ravel()


def by_scatter(x: jax.Array) -> jax.Array:
    n = round(x.size**0.5)
    u = x.reshape(n, n)
    y = 4 * u
    for axis in (0, 1):
        ahead, behind = ([slice(None)] * 2 for _ in range(2))
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        y = y.at[tuple(ahead)].add(-u[tuple(behind)]).at[tuple(behind)].add(-u[tuple(ahead)])
    return y.ravel()


OPERATORS = {
    "five-point by slices": jaxamg.matrices.poisson_operator(),
    "five-point, periodic": by_rolling,
    "five-point by conv": by_convolution,
    "five-point by at[].add": by_scatter,
}


def seconds(call: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512, 1024])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    print(
        f"{'operator':<24}{'n':>10}{'entries':>10}{'colours':>8}{'pattern s':>10}{'growth':>8}{'values s':>9}"
    )
    for name, operator in OPERATORS.items():
        before = None
        for size in arguments.sizes:
            n = size * size

            def find(n: int = n, operator: Any = operator) -> Any:
                clear_patterns()
                return jaxamg.cache_coloring(operator, n)

            coloring = find()
            pattern_time = seconds(find, arguments.repeats)
            pattern = jaxamg.with_cache(operator, coloring=coloring).cached_pattern
            values = jax.jit(lambda pattern, operator=operator: entries(operator, pattern, jnp.float32))
            jax.block_until_ready(values(pattern))
            value_time = seconds(lambda values=values, pattern=pattern: values(pattern), arguments.repeats)
            growth = f"{pattern_time / n / before:8.2f}" if before else f"{'-':>8}"
            before = pattern_time / n
            print(f"{name:<24}{n:>10}{pattern.nnz:>10}{pattern.n_colors:>8}{pattern_time:>10.2f}{growth}"
                  f"{value_time:>9.3f}", flush=True)  # fmt: skip

    operator = OPERATORS["five-point by slices"]
    cached = jaxamg.with_cache(operator, coloring=jaxamg.cache_coloring(operator, 1024**2))
    touch = jax.jit(lambda A, x: x + 1)
    bare = jax.jit(lambda x: x + 1)
    x = jnp.ones(())
    touch(cached, x), bare(x)
    with_operator, without = (seconds(call, 200) for call in (lambda: touch(cached, x), lambda: bare(x)))
    b = jnp.ones(1024**2)
    lowered = jax.jit(lambda A, b: jaxamg.solve(A, b)[0]).lower(cached, b)
    start = time.perf_counter()
    lowered.compile()
    nnz = cached.cached_pattern.nnz
    print(f"a jitted call with {nnz} entries: {1e6 * with_operator:.0f} us, with a scalar "
          f"{1e6 * without:.0f} us; compiling a solve: {time.perf_counter() - start:.2f} s, "
          f"{len(lowered.as_text())} bytes of HLO")  # fmt: skip


if __name__ == "__main__":
    main()
