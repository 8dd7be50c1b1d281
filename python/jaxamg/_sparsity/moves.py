"""Equations that only move elements: each element of the result is one of an operand's, or a constant.

Which one is found by moving numbers: the primitive itself is applied to the operands' element numbers,
counted from 1, with 0 for constants. So padding and indices out of bounds follow JAX by construction.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .linear import Linear, NotLinearError, Unknown, Value, empty, selected, shape_of

# primitive: positions of the operands that are moved; None: all. The others say where to.
MOVES: dict[str, slice | None] = {
    "broadcast_in_dim": slice(0, 1),
    "concatenate": None,
    "dynamic_slice": slice(0, 1),
    "dynamic_update_slice": slice(0, 2),
    "expand_dims": slice(0, 1),
    "gather": slice(0, 1),
    "pad": None,
    "reshape": slice(0, 1),
    "rev": None,
    "select_n": slice(1, None),
    "slice": None,
    "split": None,
    "squeeze": None,
    "stack": None,
    "tile": None,
    "transpose": None,
    "unstack": None,
}


def move(primitive: Any, operands: Sequence[Value], params: dict[str, Any]) -> list[Value]:
    moved = range(len(operands))[MOVES[primitive.name] or slice(None)]
    require_known(primitive.name, [value for k, value in enumerate(operands) if k not in moved])
    if primitive.name == "gather":
        params = params | {"fill_value": 0}
    numbers, sources = numbered([operands[k] for k in moved])
    arguments = list(operands)
    arguments[moved.start : moved.stop] = numbers
    places = primitive.bind(*map(jnp.asarray, arguments), **params)
    places = places if primitive.multiple_results else [places]
    return [selected(sources, np.asarray(place), place.shape) for place in places]


def scatter(operands: Sequence[Value], params: dict[str, Any]) -> Linear:
    """`operand.at[...].set(updates)`; with duplicate indices, the update that XLA takes."""
    operand, indices, updates = operands
    require_known("scatter", [indices])
    numbers, sources = numbered([operand, updates])
    place = jax.lax.scatter(numbers[0], indices, numbers[1], **_scatter_options(params))
    return selected(sources, np.asarray(place), place.shape)


def scatter_targets(operand_shape: tuple[int, ...], indices: Value, updates_shape: tuple[int, ...],
                    params: dict[str, Any]) -> np.ndarray:  # fmt: skip
    """The number, from 1, of the operand's element that each update goes to; 0: dropped."""
    require_known("scatter-add", [indices])
    numbers = jnp.arange(1, np.prod(operand_shape, dtype=int) + 1, dtype=jnp.int32).reshape(operand_shape)
    # The gather that reads what the scatter writes.
    scattered = params["dimension_numbers"]
    gathered = jax.lax.GatherDimensionNumbers(
        offset_dims=scattered.update_window_dims,
        collapsed_slice_dims=scattered.inserted_window_dims,
        start_index_map=scattered.scatter_dims_to_operand_dims,
        operand_batching_dims=scattered.operand_batching_dims,
        start_indices_batching_dims=scattered.scatter_indices_batching_dims,
    )
    window = iter(scattered.update_window_dims)
    single = {*scattered.inserted_window_dims, *scattered.operand_batching_dims}
    sizes = [1 if axis in single else updates_shape[next(window)] for axis in range(len(operand_shape))]
    target = jax.lax.gather(numbers, jnp.asarray(indices), gathered, sizes, mode=params["mode"], fill_value=0)
    return np.asarray(target)


def require_known(name: str, values: Sequence[Value]) -> None:
    for value in values:
        if isinstance(value, Linear):
            raise NotLinearError(f"the operator is not linear: indices or conditions of {name} depend on x")
        if isinstance(value, Unknown):
            raise NotImplementedError(
                f"the operator's pattern cannot be traced: indices or conditions of {name} depend on a "
                "traced value; close over a concrete one, or declare the entries with jaxamg.pattern"
            )


def numbered(operands: Sequence[Value]) -> tuple[list[jax.Array], list[Any]]:
    """Element numbers in place of the operands, and the matrices that they number."""
    linear = [value for value in operands if isinstance(value, Linear)]
    total = sum(value.size for value in linear)
    if total >= np.iinfo(np.int32).max:
        raise NotImplementedError(f"{total} elements in one equation: more than 32 bits count")
    n, dtype = linear[0].matrix.shape[1], linear[0].matrix.dtype
    numbers, first = [], 1
    for value in operands:
        if isinstance(value, Linear):
            numbers.append(jnp.arange(first, first + value.size, dtype=jnp.int32).reshape(value.shape))
            first += value.size
        else:
            numbers.append(jnp.zeros(shape_of(value), jnp.int32))
    return numbers, [value.matrix for value in linear] or [empty(0, n, dtype)]


def _scatter_options(params: dict[str, Any]) -> dict[str, Any]:
    names = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    return {name: params[name] for name in names}
