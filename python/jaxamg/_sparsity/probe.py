"""What cannot be traced is applied to unit vectors, in batches."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from .._progress import progress
from .linear import NotLinearError, coefficient_dtype

_BATCH_ELEMENTS = 1 << 22  # of one batch's results


def probe(
    function: Callable[[jax.Array], Sequence[Any]], shape: tuple[int, ...], dtype: Any, name: str
) -> list[sp.csr_array]:
    """Matrices (size of a result, size of x) of a function from an array of `shape` to some arrays.

    Raises:
        NotLinearError: the function is not linear up to a constant.
    """
    n = math.prod(shape)
    constant = [np.asarray(result) for result in function(jnp.zeros(shape, dtype))]
    _check_linear(function, constant, shape, dtype, name)
    per_batch = max(1, min(n, _BATCH_ELEMENTS // max(1, n + sum(result.size for result in constant))))
    parts: list[list[sp.csc_array]] = [[] for _ in constant]
    for units in progress(_unit_vectors(n, shape, per_batch, dtype), -(-n // per_batch), f"probing {name}"):
        for part, results, zero in zip(parts, _batched(function, units), constant, strict=True):
            columns = (results - zero).reshape(len(units), -1).T
            part.append(sp.csc_array(columns.astype(coefficient_dtype(columns.dtype))))
    return [sp.csr_array(sp.hstack(part, format="csr")) for part in parts]


def _unit_vectors(n: int, shape: tuple[int, ...], count: int, dtype: Any) -> Iterator[jax.Array]:
    for start in range(0, n, count):
        block = np.zeros((min(count, n - start), n), dtype)
        np.fill_diagonal(block[:, start:], 1)
        yield jnp.asarray(block).reshape((-1, *shape))


def _batched(function: Callable[[jax.Array], Sequence[Any]], units: jax.Array) -> list[np.ndarray]:
    try:
        results = jax.vmap(function)(units)
    except Exception:  # a callback without a vmap_method, NumPy on a concrete x: whatever it is, one by one
        each = [function(unit) for unit in units]
        results = [np.stack([np.asarray(result) for result in column]) for column in zip(*each, strict=True)]
    return [np.asarray(result) for result in results]


def _check_linear(
    function: Callable[[jax.Array], Sequence[Any]],
    constant: Sequence[np.ndarray],
    shape: tuple[int, ...],
    dtype: Any,
    name: str,
) -> None:
    """Hold f(v - 2 w) against f(v) - 2 f(w) for two random vectors, before much work is done."""
    generator = np.random.default_rng(0)
    v, w = (generator.standard_normal(shape).astype(dtype) for _ in range(2))
    both = [np.asarray(result) for result in function(jnp.asarray(v - 2 * w))]
    alone = [[np.asarray(result) for result in function(jnp.asarray(vector))] for vector in (v, w)]
    for c, sum_of_both, of_v, of_w in zip(constant, both, *alone, strict=True):
        if not np.issubdtype(c.dtype, np.inexact):
            raise NotLinearError(f"the operator is not linear: {name} depends on x")
        eps = max(np.finfo(rounded).eps for rounded in (c.dtype, dtype))  # v - 2 w is rounded, too
        tolerance = 1e3 * eps * math.sqrt(math.prod(shape))
        size = max(np.abs(array).max(initial=0) for array in (sum_of_both, of_v, of_w, c))
        if not np.allclose(sum_of_both - c, (of_v - c) - 2 * (of_w - c), rtol=0, atol=tolerance * size):
            raise NotLinearError(f"the operator is not linear: {name} is not")
