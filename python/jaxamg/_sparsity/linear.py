"""What a value of the operator's jaxpr can be: a known array, `Unknown`, or `Linear` in x."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp


class NotLinearError(ValueError):
    """The operator is not linear."""


class Unknown(NamedTuple):
    """Independent of x, but its value is not known: it depends on a tracer that the operator closes over."""

    shape: tuple[int, ...]


class Linear(NamedTuple):
    """The value `(matrix @ x).reshape(shape)`, up to a constant; x is flat.

    A coefficient that is not known is NaN, which no sum or product makes zero.
    """

    matrix: sp.csr_array
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return self.matrix.shape[0]


Value = Any  # an array, Unknown or Linear


def depends_on_x(value: Value) -> bool:
    return isinstance(value, Linear)


def shape_of(value: Value) -> tuple[int, ...]:
    return value.shape if isinstance(value, Linear | Unknown) else np.shape(value)


def coefficient_dtype(dtype: Any) -> np.dtype:
    """The precision of coefficients: the value's own, as far as SciPy has it."""
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return dtype
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def constants(value: Value, dtype: Any) -> np.ndarray:
    """The coefficients that a value independent of x stands for."""
    if isinstance(value, Unknown):
        return np.full(value.shape, np.nan, coefficient_dtype(dtype))
    return np.asarray(value).astype(coefficient_dtype(dtype))


def row_counts(matrix: sp.csr_array) -> np.ndarray:
    return np.diff(matrix.indptr)


def csr(data: Any, rows: Any, columns: Any, shape: tuple[int, int]) -> sp.csr_array:
    """Entries at rows and columns, summed; without zeros."""
    matrix = sp.csr_array((data, (rows, columns)), shape=shape)
    matrix.eliminate_zeros()
    return matrix


def empty(size: int, n: int, dtype: Any) -> sp.csr_array:
    return sp.csr_array((size, n), dtype=coefficient_dtype(dtype))


def product(left: sp.csr_array, right: sp.csr_array) -> sp.csr_array:
    """Left @ right without the zeros that cancel."""
    result = sp.csr_array(left @ right)
    result.sort_indices()
    result.eliminate_zeros()
    return result


def selected(sources: Sequence[sp.csr_array], place: np.ndarray, shape: tuple[int, ...]) -> Linear:
    """Row `place - 1` of the stacked sources for each element; an element of place 0 is constant."""
    nothing = sp.csr_array((1, sources[0].shape[1]), dtype=sources[0].dtype)
    stacked = sp.csr_array(sp.vstack([nothing, *sources], format="csr"))
    return Linear(stacked[place.ravel()], shape)


def united(values: Sequence[Linear]) -> Linear:
    """Where any of them has an entry, an unknown one."""
    total = empty(values[0].size, values[0].matrix.shape[1], values[0].matrix.dtype)
    for value in values:
        unknown = value.matrix.copy()
        unknown.data[:] = np.nan
        total = total + unknown
    return Linear(sp.csr_array(total), values[0].shape)
