"""Elementwise equations, linear ones: sums, products with constants, parts of complex numbers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from .linear import Linear, NotLinearError, Value, coefficient_dtype, constants, empty, row_counts

SCALES = {"add", "add_any", "sub", "neg", "mul", "div", "complex", "real", "imag", "conj"}
# The value itself.
IDENTITIES = {
    "copy",
    "copy_p",
    "device_put",
    "optimization_barrier",
    "pbroadcast",
    "pvary",
    "reduce_precision",
    "sharding_constraint",
    "stop_gradient",
}


def scale(name: str, operands: Sequence[Value], shape: tuple[int, ...], dtype: Any) -> Linear:
    operands = [_broadcast(v, shape) if isinstance(v, Linear) else v for v in operands]
    with np.errstate(all="ignore"):
        return Linear(_scaled(name, operands, shape, dtype), shape)


def _broadcast(value: Linear, shape: tuple[int, ...]) -> Linear:
    """Axes of length 1 stretch."""
    if value.shape == shape:
        return value
    element = np.broadcast_to(np.arange(value.size).reshape(value.shape), shape)
    return Linear(value.matrix[element.ravel()], shape)


def _scaled(name: str, operands: Sequence[Value], shape: tuple[int, ...], dtype: Any) -> sp.csr_array:
    if name in ("mul", "div"):
        return _times(name, operands[0], operands[1], shape, dtype)
    n = next(value for value in operands if isinstance(value, Linear)).matrix.shape[1]
    # A constant summand has no coefficients.
    nothing = empty(math.prod(shape), n, dtype)
    matrices = [value.matrix if isinstance(value, Linear) else nothing for value in operands]
    first = matrices[0]
    match name:
        case "add" | "add_any":
            result = first + matrices[1]
        case "sub":
            result = first - matrices[1]
        case "neg":
            result = -first
        case "complex":
            result = first + 1j * matrices[1]
        # x is real wherever parts are taken: `trace` refuses them otherwise.
        case "real":
            result = first.real
        case "imag":
            result = first.imag if np.iscomplexobj(first.data) else nothing
        case _:
            result = first.conj()
    result = sp.csr_array(result)
    result.eliminate_zeros()
    return result


def _times(name: str, left: Value, right: Value, shape: tuple[int, ...], dtype: Any) -> sp.csr_array:
    value, known = (left, right) if isinstance(left, Linear) else (right, left)
    if isinstance(known, Linear) or (name == "div" and value is right):
        raise NotLinearError(f"the operator is not linear: {name} of values that depend on x")
    factors = constants(known, dtype)
    matrix = value.matrix
    if factors.ndim:
        factors = np.repeat(np.broadcast_to(factors, shape).ravel(), row_counts(matrix))
    data = matrix.data * factors if name == "mul" else matrix.data / factors
    result = sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    if (data == 0).any():
        result = result.copy()  # its indices are the operand's, too
        result.eliminate_zeros()
    return result


def converted(value: Linear, dtype: Any) -> Linear:
    if not np.issubdtype(np.dtype(dtype), np.inexact):
        raise NotLinearError(f"the operator is not linear: it converts x to {np.dtype(dtype)}")
    matrix = value.matrix
    target = coefficient_dtype(dtype)
    if np.iscomplexobj(matrix.data) and target.kind != "c":
        matrix = matrix.real
    return Linear(sp.csr_array(matrix.astype(target)), value.shape)
