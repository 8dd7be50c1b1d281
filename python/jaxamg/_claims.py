"""What is known of a matrix besides its entries, and what holds it against them."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import numpy as np


class Known(NamedTuple):
    """What `with_cache` attaches besides a pattern; `None`: nothing is known."""

    is_symmetric: bool | str | None = None
    nullspace: Any = None
    transpose_nullspace: Any = None
    labels: Any = None
    label_sum: Any = None


def known(A: Any) -> Known:
    """Return what is attached to A."""
    found = getattr(A, "known", None)
    return found if isinstance(found, Known) else Known()


def merge(old: Known, new: Known) -> Known:
    """Unite, or raise ValueError where both know something else."""
    return Known(*map(_merged, Known._fields, old, new))


def is_symmetric(A: Any, b: Any) -> bool:
    """Whether A is said to be symmetric.

    With JAXAMG_CHECK_PATTERN=1, hold uᴴ(A v) against (A u)ᴴ v for random vectors, and raise ValueError.
    """
    claimed = known(A).is_symmetric is True
    if claimed and checks_are_on():
        u, v = random_vectors(2, np.shape(b)[0], jnp.result_type(b, float))
        apply: Callable[[Any], Any] = A if callable(A) else A.__matmul__
        Au, Av = apply(u), apply(v)
        report_problem(_asymmetry, jnp.vdot(u, Av), jnp.vdot(Au, v), jnp.linalg.norm(u) * jnp.linalg.norm(Av))
    return claimed


def random_vectors(count: int, n: int, dtype: Any) -> list[jax.Array]:
    """Return vectors (n,) whose parts are normally distributed, other ones each time."""
    normal = np.random.default_rng().standard_normal
    imaginary = 1j if jnp.issubdtype(dtype, jnp.complexfloating) else 0
    return [jnp.asarray(normal(n) + imaginary * normal(n), dtype) for _ in range(count)]


def checks_are_on() -> bool:
    return os.environ.get("JAXAMG_CHECK_PATTERN") == "1"


def report_problem(message: Callable[..., str | None], *arrays: Any) -> None:
    """Raise ValueError with the message that concrete arrays give, if any; inside `jit` when it runs."""

    def report(*concrete: Any) -> None:
        if text := message(*map(np.asarray, concrete)):
            raise ValueError(text)

    arrays = jax.lax.stop_gradient(arrays)
    if any(isinstance(array, jax.core.Tracer) for array in arrays):
        jax.debug.callback(report, *arrays)
    else:
        report(*arrays)


def _merged(name: str, old: Any, new: Any) -> Any:
    if new is None or new is old:
        return old
    if old is not None and not _same(old, new):
        raise ValueError(f"A already carries another {name}, {old!r}: give the bare matrix, or the same")
    return new


def _same(one: Any, other: Any) -> bool:
    leaves, structure = jax.tree_util.tree_flatten(one)
    others, other_structure = jax.tree_util.tree_flatten(other)
    return structure == other_structure and all(map(_same_leaf, leaves, others))


def _same_leaf(one: Any, other: Any) -> bool:
    if isinstance(one, jax.core.Tracer) or isinstance(other, jax.core.Tracer):
        return one is other
    if all(isinstance(leaf, np.ndarray | jax.Array) for leaf in (one, other)):
        return bool(np.array_equal(one, other))
    return type(one) is type(other) and one == other


def _asymmetry(one: np.ndarray, other: np.ndarray, size: np.ndarray) -> str | None:
    if abs(one - other) <= np.sqrt(np.finfo(size.dtype).eps) * size:
        return None
    return f"A is said to be symmetric, but uᴴA v = {one} and (A u)ᴴv = {other} for two random vectors"
