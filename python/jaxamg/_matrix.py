"""From what the user calls a matrix to the arrays the engine takes, with checks that name the culprit."""

import sys
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

_NO_INDEX = np.zeros(0, np.int32)


class Operands(NamedTuple):
    """A square matrix as `_ffi` describes it; arrays are NumPy's, JAX's or tracers."""

    format: str
    row_index: Any
    col_index: Any
    values: Any
    n: int

    @property
    def arrays(self) -> tuple[Any, Any, Any]:
        return self.row_index, self.col_index, self.values

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, columns and values without the padding; concrete matrices only."""
        values = np.asarray(self.values)
        if self.format == "dense":
            rows, columns = np.divmod(np.arange(values.size), self.n)
            return rows, columns, values.ravel()
        row_index, columns = np.asarray(self.row_index), np.asarray(self.col_index)
        if self.format == "csr":
            nnz = row_index[-1]
            return np.repeat(np.arange(self.n), np.diff(row_index)), columns[:nnz], values[:nnz]
        stored = row_index < self.n
        return row_index[stored], columns[stored], values[stored]


def operands(A: Any, b: Any = None) -> Operands:
    """Take A apart; a callable without a pattern needs b, which tells size and precision.

    Raises:
        TypeError: A is no matrix.
        ValueError: A is not square, is empty, has batch or dense dimensions, or indices out of range; a
            callable without a cached pattern inside `jit`.
    """
    if isinstance(A, Operands):
        return A
    found = _scipy(A) or _jax_sparse(A) or _dense(A) or _callable(A, b)
    if found is None:
        raise TypeError(
            f"A must be a BCSR, BCOO, SciPy sparse or dense array, or a callable, not {type(A).__name__}"
        )
    _check_pattern(found)
    return found


def right_hand_side(b: ArrayLike, n: int) -> Any:
    """Return b as an array (n,) or (n, m), or raise ValueError."""
    rhs = as_array(b)
    if rhs.ndim not in (1, 2) or rhs.shape[0] != n or rhs.size == 0:
        raise ValueError(f"b has shape {rhs.shape}; with A of shape {(n, n)} it must be ({n},) or ({n}, m)")
    return rhs


def initial_guess(x0: ArrayLike | None, shape: tuple[int, ...]) -> Any:
    """Return x0 as an array of b's shape, or raise ValueError."""
    if x0 is None:
        return None
    guess = as_array(x0)
    if guess.shape != shape:
        raise ValueError(f"x0 has shape {guess.shape}; it must be b's, {shape}")
    return guess


def working_dtype(values: Any, b: Any) -> np.dtype:
    """Return the precision A and b ask for together, real or complex; integers become JAX's default."""
    try:
        if not (values.dtype.isnative and b.dtype.isnative):  # which not every JAX says
            raise TypeError
        dtype = jnp.result_type(values, b, float)
        if dtype in (jnp.float32, jnp.float64, jnp.complex64, jnp.complex128):
            return dtype
    except TypeError:  # none of JAX's: long double, another byte order, objects
        dtype = f"{values.dtype} and {b.dtype}"
    raise TypeError(f"A and b of {dtype} cannot be solved with: convert them to float32 or float64")


def is_traced(*arrays: Any) -> bool:
    return any(isinstance(array, jax.core.Tracer) for array in arrays)


def as_array(value: Any) -> Any:
    """Return NumPy's and JAX's arrays as they are, and whatever can be one, such as a list, as JAX's."""
    return value if isinstance(value, np.ndarray | jax.Array) else jnp.asarray(value)


# A can be an instance of a library's class only if that library is imported: no need to import it here.
def _scipy(A: Any) -> Operands | None:
    sp = sys.modules.get("scipy.sparse")
    if sp is None or not sp.issparse(A):
        return None
    n = _rows(A.shape)
    A = A.tocsr()
    row_index, col_index = A.indptr, A.indices
    if row_index.dtype == np.int64 and jax.dtypes.canonicalize_dtype(np.int64) == np.int32:
        if A.nnz > np.iinfo(np.int32).max:
            raise ValueError(f"A has {A.nnz} nonzeros, more than 32 bits count: enable jax_enable_x64")
        row_index, col_index = row_index.astype(np.int32), col_index.astype(np.int32)
    return Operands("csr", row_index, col_index, A.data, n)


def _jax_sparse(A: Any) -> Operands | None:
    sparse = sys.modules.get("jax.experimental.sparse")
    if sparse is None or not isinstance(A, sparse.BCSR | sparse.BCOO):
        return None
    if A.n_batch or A.n_dense or A.n_sparse != 2:
        raise ValueError(
            f"A, a {type(A).__name__} of shape {A.shape}, has {A.n_batch} batch and {A.n_dense} dense "
            "dimensions; it must have two sparse ones and no others"
        )
    n = _rows(A.shape)
    if isinstance(A, sparse.BCSR):
        return Operands("csr", _index(A.indptr), _index(A.indices), A.data, n)
    indices = _index(A.indices)
    return Operands("coo", indices[:, 0], indices[:, 1], A.data, n)


def _index(array: Any) -> Any:
    """Other integers than the engine's two, such as uint32, as one of them."""
    return array if array.dtype in (np.int32, np.int64) else jnp.asarray(array, int)


def _dense(A: Any) -> Operands | None:
    if not isinstance(A, np.ndarray | jax.Array | list | tuple):
        return None
    A = as_array(A)
    return Operands("dense", _NO_INDEX, _NO_INDEX, A, _rows(A.shape))


def _callable(A: Any, b: Any) -> Operands | None:
    if not callable(A):
        return None
    from . import _operator  # which imports SciPy

    operator: Any = A
    pattern = getattr(A, "cached_pattern", None)
    dtype = jnp.result_type(float) if b is None else jnp.result_type(b, float)
    if pattern is None:
        if b is None:
            raise ValueError("A is a callable without a cached pattern: attach one with jaxamg.with_cache")
        pattern = _operator.pattern_of(operator, np.shape(b)[0] if np.ndim(b) else 0, dtype)
    n = _rows(pattern.shape)
    values = _operator.entries(operator, pattern, dtype)
    return Operands("csr", pattern.row_index, pattern.col_index, values, n)


def _rows(shape: tuple[int, ...]) -> int:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"A has shape {tuple(shape)}; it must be square, (n, n)")
    if shape[0] == 0:
        raise ValueError("A has shape (0, 0): nothing to solve")
    return shape[0]


def _check_pattern(A: Operands) -> None:
    """Raise ValueError for indices that lead out of the matrix, as far as they are concrete.

    The engine checks them again, which is for traced ones; its error surfaces from the running computation.
    """
    if A.format == "dense" or is_traced(A.row_index, A.col_index):
        return
    row_index, columns = np.asarray(A.row_index), np.asarray(A.col_index)
    if A.format == "csr":
        first, last = row_index[0], row_index[-1]
        falls = np.diff(row_index).min() < 0
        if first != 0 or falls or last > columns.size:
            course = f"it goes from {first} to {last}" + (" and falls between" if falls else "")
            raise ValueError(
                f"A's indptr must rise from 0 to at most its {columns.size} stored entries; {course}"
            )
        columns = columns[:last]
    else:
        _check_range("row", row_index, A.n + 1)  # row n is padding
        columns = columns[row_index < A.n]
    _check_range("column", columns, A.n)


def _check_range(what: str, index: np.ndarray, end: int) -> None:
    if index.size and (index.min() < 0 or index.max() >= end):
        place = np.flatnonzero((index < 0) | (index >= end))[0]
        raise ValueError(f"A's stored entry {place} has {what} {index[place]}, out of range for its shape")
