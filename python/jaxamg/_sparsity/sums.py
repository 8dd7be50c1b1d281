"""Equations that add up elements: each is the product with a sparse matrix of its own."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from .linear import Linear, NotLinearError, Value, constants, csr, product, row_counts
from .moves import scatter_targets


def add_up(value: Linear, target: np.ndarray, shape: tuple[int, ...]) -> Linear:
    """Element k goes to element `target[k]` of the result, where it meets others."""
    matrix = value.matrix
    rows = np.repeat(target.ravel(), row_counts(matrix))
    size = math.prod(shape)
    return Linear(csr(matrix.data, rows, matrix.indices, (size, matrix.shape[1])), shape)


def reduce_sum(value: Linear, axes: Sequence[int]) -> Linear:
    axes = [axis % len(value.shape) for axis in axes]
    kept = [1 if axis in axes else length for axis, length in enumerate(value.shape)]
    target = np.broadcast_to(np.arange(math.prod(kept)).reshape(kept), value.shape)
    return add_up(value, target, tuple(k for axis, k in enumerate(value.shape) if axis not in axes))


def scatter_add(operands: Sequence[Value], params: dict[str, Any], sign: int) -> Linear:
    operand, indices, updates = operands
    shape = np.shape(operand) if not isinstance(operand, Linear) else operand.shape
    if not isinstance(updates, Linear):  # a constant is added
        return operand
    target = scatter_targets(shape, indices, updates.shape, params).ravel()
    kept = target > 0
    added = add_up(Linear(sign * updates.matrix[kept], (int(kept.sum()),)), target[kept] - 1, shape)
    return Linear(operand.matrix + added.matrix, shape) if isinstance(operand, Linear) else added


def along(matrix: Any, value: Linear, axis: int, axes: int = 1) -> sp.csr_array:
    """A matrix that acts along some consecutive axes, applied to the value."""
    before = sp.eye_array(math.prod(value.shape[:axis]), dtype=matrix.dtype)
    after = sp.eye_array(math.prod(value.shape[axis + axes :]), dtype=matrix.dtype)
    return product(sp.csr_array(sp.kron(sp.kron(before, matrix), after)), value.matrix)


def cumsum(value: Linear, axis: int, reverse: bool) -> Linear:
    n = value.shape[axis]
    triangle = np.tril(np.ones((n, n), value.matrix.dtype))
    return Linear(along(sp.csr_array(triangle.T if reverse else triangle), value, axis), value.shape)


def fft(value: Linear, kind: Any, lengths: Sequence[int]) -> Linear:
    """Dense along the transformed axes."""
    axes = len(lengths)
    first = len(value.shape) - axes
    shape = value.shape[first:]
    units = np.eye(math.prod(shape)).reshape(-1, *shape)
    name = str(getattr(kind, "name", kind)).lower()
    over = tuple(range(1, axes + 1))
    transform = {
        "fft": lambda v: np.fft.fftn(v, axes=over),
        "ifft": lambda v: np.fft.ifftn(v, axes=over),
        "rfft": lambda v: np.fft.rfftn(v, lengths, axes=over),
        "irfft": lambda v: np.fft.irfftn(v, lengths, axes=over),
    }[name]

    def matrix(v: np.ndarray) -> sp.csr_array:
        return sp.csr_array(transform(v).reshape(len(units), -1).T)

    result_shape = value.shape[:first] + transform(units[:1]).shape[1:]
    if name != "irfft":
        return Linear(along(matrix(units), value, first, axes), result_shape)
    # Not complex linear: real and imaginary part have a matrix each.
    real = Linear(sp.csr_array(value.matrix.real), value.shape)
    imaginary = Linear(sp.csr_array(value.matrix.imag), value.shape)
    sum_of_both = along(matrix(units), real, first, axes) + along(matrix(1j * units), imaginary, first, axes)
    return Linear(sp.csr_array(sum_of_both), result_shape)


def dot_general(operands: Sequence[Value], params: dict[str, Any], dtype: Any) -> Linear:
    """Product with a constant array; its zeros make no entries."""
    linear_first = isinstance(operands[0], Linear)
    value, known = operands if linear_first else operands[::-1]
    if isinstance(known, Linear):
        raise NotLinearError("the operator is not linear: dot_general multiplies two values that depend on x")
    contracted, batched = params["dimension_numbers"]
    own, other = (0, 1) if linear_first else (1, 0)

    def arranged(array: np.ndarray, side: int) -> tuple[np.ndarray, tuple[int, ...]]:
        """As (batch, contracted, free), and the free axes' lengths."""
        front = (*batched[side], *contracted[side])
        free = tuple(axis for axis in range(array.ndim) if axis not in front)
        lengths = [[array.shape[axis] for axis in group] for group in (batched[side], contracted[side], free)]
        return array.transpose((*front, *free)).reshape([math.prod(group) for group in lengths]), tuple(
            lengths[2]
        )

    positions, own_free = arranged(np.arange(value.size).reshape(value.shape), own)
    factors, other_free = arranged(constants(known, dtype), other)
    batch, contract, free = np.nonzero(factors)
    batches, J, K = positions.shape[0], positions.shape[2], factors.shape[2]
    if linear_first:
        rows = (batch[:, None] * J + np.arange(J)) * K + free[:, None]
    else:
        rows = (batch[:, None] * K + free[:, None]) * J + np.arange(J)
    local = csr(
        np.repeat(factors[batch, contract, free], J),
        rows.ravel(),
        positions[batch, contract].ravel(),
        (batches * J * K, value.size),
    )
    batch_shape = tuple(value.shape[axis] for axis in batched[own])
    shape = batch_shape + (own_free + other_free if linear_first else other_free + own_free)
    return Linear(product(local, value.matrix), shape)
