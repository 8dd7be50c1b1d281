"""A callable as a matrix: its values from one product a colour."""

from collections.abc import Callable
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from ._claims import checks_are_on, random_vectors, report_problem
from ._coloring import find_pattern
from ._pattern import Pattern

Operator = Callable[[jax.Array], jax.Array]

_AT_ONCE = 32  # products that are computed together


def pattern_of(operator: Operator, n: int, dtype: Any) -> Pattern:
    """Trace an operator for an eager solve.

    Raises:
        ValueError: inside `jit`, where the pattern's size would depend on traced values.
    """
    if is_staged():
        raise ValueError(
            "A is a callable without a cached pattern, which is no matrix inside jit. Outside "
            "of it, make one: coloring = jaxamg.cache_coloring(A, (n, n)); then inside, solve with "
            "jaxamg.with_cache(A, coloring=coloring)"
        )
    return find_pattern(operator, (n, n), dtype)


def entries(operator: Operator, pattern: Pattern, dtype: Any) -> Any:
    """Values (nnz,) of a linear operator at the entries of its pattern.

    They are differentiable in what the operator closes over, being products with it.
    """
    m, n = pattern.shape
    if m == 0 or pattern.nnz == 0:
        return jnp.zeros(pattern.nnz, dtype)
    colors = jnp.arange(pattern.n_colors, dtype=jnp.int32)
    seeds = (pattern.column_colors == colors[:, None]).astype(dtype)
    products = _products(operator, seeds)
    if products.size != m * pattern.n_colors:
        raise ValueError(f"the operator maps ({n},) to {products.shape[1:]}; its pattern has {m} rows")
    values = products.reshape(pattern.n_colors, m)[pattern.entry_colors, pattern.rows]
    if checks_are_on():
        _check(operator, pattern, values, dtype)
    return values


def is_staged() -> bool:
    """Whether operations are recorded for a compiled function, as inside of jit."""
    return isinstance(jnp.zeros(0) + 0, jax.core.Tracer)


def _products(operator: Operator, seeds: jax.Array) -> jax.Array:
    try:
        if len(seeds) <= _AT_ONCE:
            return jax.vmap(operator)(seeds)
        return jax.lax.map(operator, seeds, batch_size=_AT_ONCE)
    except (jax.errors.JAXTypeError, NotImplementedError, ValueError):
        # A callback without a vmap_method, or NumPy on a concrete x: one product after the other. An error of
        # the operator itself comes again.
        return jnp.stack([operator(seed) for seed in seeds])


def _check(operator: Operator, pattern: Pattern, values: jax.Array, dtype: Any) -> None:
    (v,) = random_vectors(1, pattern.shape[1], dtype)

    def row_sums(terms: jax.Array) -> jax.Array:
        return jax.ops.segment_sum(terms, pattern.rows, pattern.shape[0], indices_are_sorted=True)

    terms = values * v[pattern.col_index]
    report_problem(_missing_entries, jnp.ravel(operator(v)), row_sums(terms), row_sums(jnp.abs(terms)))


def _missing_entries(product: np.ndarray, ours: np.ndarray, size: np.ndarray) -> str | None:
    tolerance = np.sqrt(np.finfo(ours.dtype).eps)
    wrong = ~(np.abs(product - ours) <= tolerance * np.maximum(size, np.mean(size)))
    if not wrong.any():
        return None
    row = int(np.argmax(wrong))
    return (
        f"the operator has values outside of its cached pattern: in row {row} its product with a vector "
        f"is {product[row]}, its entries give {ours[row]}; call jaxamg.cache_coloring for this operator"
    )
