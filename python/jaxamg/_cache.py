"""The solver cache: the engine's hierarchies by configuration and pattern."""

import atexit
from typing import Any

from . import _engine

# Before the interpreter goes, and with it the GPU's driver, which has to free what lies there.
atexit.register(_engine.finalize)


def clear_solver_cache() -> None:
    """Forget cached hierarchies and zero the counters; a running solve keeps what it uses until it ends."""
    _engine.clear_cache()


def get_solver_cache_info() -> dict[str, Any]:
    """Return what the solver cache holds and what it did since it was cleared.

    `entries` of at most `capacity` (environment variable JAXAMG_CACHE_SIZE, default 8; 0: no reuse) have
    `bytes`, of at most `byte_capacity` (JAXAMG_CACHE_BYTES; default None, unlimited). That is what setups
    made, transposes for gradients included, temporaries of solves not. The least recently used goes first; an
    entry larger than the limit serves its call and goes.

    Calls that found the very matrix, or kept a hierarchy of other values (`reuse_setup`), are `hits`; its
    pattern with other values, `refreshes`, of which `rebuilds` changed a decision of the hierarchy; nothing,
    `misses`. `setups` are those and what `reuse_setup="full"` set up anew.

    `solvers` lists the entries, most recently used first: `rows`, `nonzeros`, `dtype`, `bytes` (a pattern
    that entries share counts in each), `calls`, `last_use` (seconds since 1970, as `time.time()`) and
    `config`, in AmgX's notation.

    >>> import jaxamg
    >>> jaxamg.clear_solver_cache()
    >>> A, b = jaxamg.matrices.poisson_matrix(8).todense(), jaxamg.matrices.rhs_ones(64)
    >>> _ = jaxamg.solve(A, b), jaxamg.solve(A, 2 * b), jaxamg.solve(2 * A, b)
    >>> info = jaxamg.get_solver_cache_info()
    >>> info["setups"], info["hits"], info["refreshes"]
    (1, 1, 1)
    >>> [(solver["rows"], solver["calls"]) for solver in info["solvers"]]
    [(64, 3)]
    """
    return _engine.cache_info()


def finalize() -> None:
    """Free all that the package holds, also what `setup` returned, with which nothing can be solved any more.

    The package can be used afterwards, and this be called more than once.
    """
    _engine.finalize()
    clear_solver_cache()
