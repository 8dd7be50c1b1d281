"""`vmap` of the engine's operations: one call each, whatever is batched.

Vectors alone become lanes: the batch is the last axis of (n, m · size), so that one hierarchy and one pass
over A serve all of them. Values, of one pattern, become members: an axis in front of A's values and of all
vectors, over which the engine goes with one symbolic setup. Lanes within members are both.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import batching

from ._ffi import apply_p, member_axes, multiply_p, no_guess, outer_p, solve_p


def _size(arrays: Sequence[Any], axes: Sequence[int | None]) -> int:
    return next(array.shape[axis] for array, axis in zip(arrays, axes, strict=True) if axis is not None)


def _refuse_batched_pattern(axes: Sequence[int | None]) -> None:
    if axes[0] is not None or axes[1] is not None:
        raise NotImplementedError(
            "vmap over the row or column indices of A: matrices of one batch share their pattern; batch A's "
            "values alone, or go through different patterns with jax.lax.map"
        )


def _moved(array: Any, axis: int | None, size: int, to: int) -> jax.Array:
    """The batch as axis 0 or -1."""
    if axis is not None:
        return jnp.moveaxis(array, axis, to)
    array = jnp.expand_dims(array, to)
    return jnp.broadcast_to(array, (size, *array.shape[1:]) if to == 0 else (*array.shape[:-1], size))


def _as_lanes(array: Any, axis: int | None, size: int, is_vector: bool) -> jax.Array:
    array = _moved(array, axis, size, -1)
    return array if is_vector else array.reshape(*array.shape[:-2], -1)


def _as_members(array: Any, axis: int | None, size: int, nested: bool) -> jax.Array:
    array = _moved(array, axis, size, 0)
    return array.reshape(-1, *array.shape[2:]) if nested else array


def _from_lanes(array: jax.Array, axis: int, size: int) -> tuple[jax.Array, int]:
    shape = array.shape
    return array.reshape(*shape[:axis], -1, size, *shape[axis + 1 :]), axis + 1


def _from_members(array: jax.Array, size: int, nested: bool) -> tuple[jax.Array, int]:
    return (array.reshape(size, -1, *array.shape[1:]) if nested else array), 0


def _rank(array: Any, axis: int | None) -> int:
    return array.ndim - (axis is not None)


def _solve_batch(arrays, axes, **params: Any):
    _refuse_batched_pattern(axes)
    row_index, col_index, values, b, x0, *null, near = arrays
    _, _, values_axis, b_axis, x0_axis, *null_axes, near_axis = axes
    if null_axes[2:] != [None, None]:
        raise NotImplementedError("vmap over labels: matrices of one batch share their components")
    if near_axis is not None:
        raise NotImplementedError(
            "vmap over near_nullspace: matrices of one batch share their near null space"
        )
    size = _size(arrays, axes)
    members = member_axes(_rank(values, values_axis), params["format"])  # of a vmap before this one: 0 or 1
    guessed = x0.size > 0

    if values_axis is not None or null_axes[:2] != [None, None]:
        values, b = (
            _as_members(array, axis, size, members > 0)
            for array, axis in ((values, values_axis), (b, b_axis))
        )
        x0 = _as_members(x0, x0_axis, size, members > 0) if guessed else no_guess(b)
        null = [
            *_null_members(null[:2], null_axes[:2], size, values.shape[0] // size, members > 0),
            *null[2:],
        ]
        results = solve_p.bind(row_index, col_index, values, b, x0, *null, near, **params)
        return tuple(zip(*(_from_members(result, size, members > 0) for result in results), strict=True))

    is_vector = _rank(b, b_axis) == 1 + members
    b = _as_lanes(b, b_axis, size, is_vector)
    x0 = _as_lanes(x0, x0_axis, size, is_vector) if guessed else no_guess(b)
    results = solve_p.bind(row_index, col_index, values, b, x0, *null, near, **params)
    x, *lanes, residual, history, times = results
    by_lane = [_from_lanes(result, members, size) for result in (*lanes, residual, history)]
    solution = (x, x.ndim - 1) if is_vector else _from_lanes(x, members + 1, size)
    return tuple(zip(solution, *by_lane, (times, None), strict=True))


def _null_members(bases: Any, axes: Sequence[int | None], size: int, inner: int, nested: bool) -> list[Any]:
    """Both bases with an axis of members, unless neither has one: (members, vectors, n)."""
    ranks = [_rank(basis, axis) for basis, axis in zip(bases, axes, strict=True)]
    if max(ranks) < 3 and all(axis is None for axis in axes):
        return list(bases)
    batched = []
    for basis, axis, rank in zip(bases, axes, ranks, strict=True):
        moved = _moved(basis, axis, size, 0)
        if nested and rank == 2:
            moved = jnp.repeat(moved[:, None], inner, 1)
        batched.append(moved.reshape(-1, *moved.shape[-2:]))
    return batched


def _product_batch(primitive, arrays, axes, **params: Any):
    """Of a linear map that a matrix gives: A x, or M x for a method M."""
    _refuse_batched_pattern(axes)
    row_index, col_index, values, x = arrays
    _, _, values_axis, x_axis = axes
    size = _size(arrays, axes)
    members = member_axes(_rank(values, values_axis), params["format"])
    if values_axis is not None:
        values = _as_members(values, values_axis, size, members > 0)
        x = _as_members(x, x_axis, size, members > 0)
        return _from_members(primitive.bind(row_index, col_index, values, x, **params), size, members > 0)
    is_vector = _rank(x, x_axis) == 1 + members
    y = primitive.bind(row_index, col_index, values, _as_lanes(x, x_axis, size, is_vector), **params)
    return (y, y.ndim - 1) if is_vector else _from_lanes(y, members + 1, size)


def _outer_batch(arrays, axes, **params: Any):
    """Each member has a result of its own; where a shared A wants their sum, they are lanes by then."""
    _refuse_batched_pattern(axes)
    row_index, col_index, u, v = arrays
    _, _, u_axis, v_axis = axes
    size = _size(arrays, axes)
    nested = _rank(u, u_axis) == 3
    u, v = (_as_members(array, axis, size, nested) for array, axis in ((u, u_axis), (v, v_axis)))
    if u.ndim == 2:
        u, v = u[..., None], v[..., None]
    return _from_members(outer_p.bind(row_index, col_index, u, v, **params), size, nested)


batching.primitive_batchers[solve_p] = _solve_batch
for _product in (apply_p, multiply_p):
    batching.primitive_batchers[_product] = partial(_product_batch, _product)
batching.primitive_batchers[outer_p] = _outer_batch
