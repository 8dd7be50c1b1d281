"""`Pattern`: where an operator has its entries, and how to find their values with few products."""

import hashlib
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from . import _engine


class Pattern:
    """The places of a sparse matrix's entries, row by row, and a colouring of its columns; see `pattern`.

    Immutable, hashable, picklable. It is a pytree whose leaves are index arrays, so as a part of an argument
    of a jitted function they are operands of the computation; what is static is hashed here, once.
    """

    __slots__ = (
        "_digest",
        "col_index",
        "column_colors",
        "entry_colors",
        "n_colors",
        "row_index",
        "rows",
        "shape",
    )

    shape: tuple[int, int]
    n_colors: int
    row_index: jax.Array
    """Offsets of the rows, (shape[0] + 1,)."""
    rows: jax.Array
    """Of each entry, (nnz,)."""
    col_index: jax.Array
    """Of each entry, (nnz,)."""
    column_colors: jax.Array
    """(shape[1],)."""
    entry_colors: jax.Array
    """Colour of each entry's column, (nnz,)."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int],
                 column_colors: np.ndarray, n_colors: int):  # fmt: skip
        """Take entries sorted by rows, then columns, and a valid colouring."""
        row_index = np.searchsorted(rows, np.arange(shape[0] + 1)).astype(np.int32)
        digest = hashlib.blake2b(repr((shape, n_colors)).encode(), digest_size=16)
        arrays = [np.asarray(array, np.int32) for array in (rows, columns, column_colors)]
        for array in arrays:
            digest.update(np.ascontiguousarray(array).data)
        rows, columns, column_colors = arrays
        self._set(shape, n_colors, digest.hexdigest())
        self._set_arrays(row_index, rows, columns, column_colors, column_colors[columns], to=_on_device)

    def _set(self, shape: tuple[int, int], n_colors: int, digest: str) -> None:
        for name, value in (("shape", shape), ("n_colors", n_colors), ("_digest", digest)):
            object.__setattr__(self, name, value)

    def _set_arrays(self, *arrays: Any, to: Any = lambda array: array) -> None:
        for name, array in zip(_ARRAYS, arrays, strict=True):
            object.__setattr__(self, name, to(array))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a Pattern is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Pattern is immutable")

    @property
    def nnz(self) -> int:
        return self.col_index.shape[0]

    @property
    def coloring(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, tuple[int, int]]:
        """As `cache_coloring` returns it."""
        rows, columns, colors = (
            np.asarray(array) for array in (self.rows, self.col_index, self.column_colors)
        )
        return rows, columns, colors, self.n_colors, self.shape

    def __eq__(self, other: object) -> bool:
        return self._digest == other._digest if isinstance(other, Pattern) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"Pattern(shape={self.shape}, nnz={self.nnz}, n_colors={self.n_colors})"

    def __reduce__(self) -> tuple[Any, ...]:
        rows, columns, colors, n_colors, shape = self.coloring
        return Pattern, (rows, columns, shape, colors, n_colors)

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(getattr(self, name) for name in _ARRAYS), (self.shape, self.n_colors, self._digest)

    @classmethod
    def tree_unflatten(cls, static: tuple[Any, ...], arrays: tuple[Any, ...]) -> "Pattern":
        self = object.__new__(cls)
        self._set(*static)
        self._set_arrays(*arrays)
        return self


_ARRAYS = ("row_index", "rows", "col_index", "column_colors", "entry_colors")
jax.tree_util.register_pytree_node_class(Pattern)


def pattern(
    rows: Any, cols: Any, shape: tuple[int, int], *, colors: Any = None, n_colors: int | None = None
) -> Pattern:
    """Declare where an operator has its entries, for `with_cache(operator, pattern=...)`.

    Args:
        rows: row of each entry (nnz,), in any order; duplicates count once.
        cols: column of each entry (nnz,).
        shape: of the matrix.
        colors: of each column (shape[1],), from 0, such that no row has two entries in columns of one colour.
            By default they are found, near the least possible number.
        n_colors: by default the largest colour + 1.

    Raises:
        ValueError: indices out of range; a colouring that mixes two entries of a row, which it names.

    >>> import jaxamg
    >>> jaxamg.pattern([0, 0, 1, 1, 2], [0, 1, 0, 1, 2], (3, 3))
    Pattern(shape=(3, 3), nnz=5, n_colors=2)
    """
    shape = _checked_shape(shape)
    rows, cols = _indices("rows", rows, shape[0]), _indices("cols", cols, shape[1])
    if rows.shape != cols.shape:
        raise ValueError(f"rows has {rows.size} entries and cols has {cols.size}; there must be one of each")
    entries = np.unique(rows.astype(np.int64) * shape[1] + cols)
    rows, cols = np.divmod(entries, max(shape[1], 1))
    if colors is None:
        if n_colors is not None:
            raise ValueError("n_colors without colors has no meaning: give both or neither")
        return colored(rows, cols, shape)
    colors = _indices("colors", colors, np.iinfo(np.int32).max)
    if colors.shape != (shape[1],):
        raise ValueError(f"colors has shape {colors.shape}; it must be one per column, ({shape[1]},)")
    needed = int(colors.max(initial=-1)) + 1
    if n_colors is not None and n_colors < needed:
        raise ValueError(f"n_colors is {n_colors}, but colors has {needed}")
    _check_coloring(rows, cols, colors)
    return Pattern(rows, cols, shape, colors, needed if n_colors is None else int(n_colors))


def colored(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> Pattern:
    """Colour the columns; rows and cols are sorted and unique."""
    offsets = np.searchsorted(rows, np.arange(shape[0] + 1)).astype(np.int64)
    colors, n_colors = _engine.column_coloring(offsets, np.asarray(cols, np.int32), shape[1])
    return Pattern(rows, cols, shape, colors, n_colors)


def from_coloring(coloring: Any) -> Pattern:
    """Take the 5-tuple that `cache_coloring` returns."""
    if isinstance(coloring, Pattern):
        return coloring
    try:
        rows, cols, colors, n_colors, shape = coloring
    except (TypeError, ValueError):
        raise TypeError(
            "coloring must be (rows, cols, column_colors, n_colors, shape), as jaxamg.cache_coloring has it"
        ) from None
    return pattern(rows, cols, shape, colors=colors, n_colors=n_colors)


def _on_device(array: np.ndarray) -> jax.Array:
    # Also where a pattern is made inside of jit, it is an array and no tracer.
    with jax.ensure_compile_time_eval():
        return jnp.asarray(array)


def _checked_shape(shape: Any) -> tuple[int, int]:
    try:
        m, n = map(int, shape)
    except (TypeError, ValueError):
        raise ValueError(f"shape is {shape!r}; it must be (rows, columns)") from None
    if min(m, n) < 0 or max(m, n) > np.iinfo(np.int32).max:
        raise ValueError(f"shape is {(m, n)}; rows and columns are counted by 32 bits")
    return m, n


def _indices(name: str, values: Any, end: int) -> np.ndarray:
    if isinstance(values, jax.core.Tracer):
        raise TypeError(f"{name} is a traced array; a pattern needs concrete indices: make it outside of jit")
    index = np.asarray(values)
    if index.ndim != 1 or not (np.issubdtype(index.dtype, np.integer) or index.size == 0):
        raise ValueError(f"{name} must be a vector of integers, not {index.dtype} of shape {index.shape}")
    outside = np.flatnonzero((index < 0) | (index >= end))
    if outside.size:
        raise ValueError(f"{name}[{outside[0]}] is {index[outside[0]]}, out of range for {end}")
    return index.astype(np.int32)


def _check_coloring(rows: np.ndarray, cols: np.ndarray, colors: np.ndarray) -> None:
    keys = rows * (int(colors.max(initial=0)) + 1) + colors[cols]
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(np.diff(keys[order]) == 0)
    if same.size:
        first, second = order[same[0]], order[same[0] + 1]
        raise ValueError(
            f"columns {cols[first]} and {cols[second]} have colour {colors[cols[first]]}, and both an entry "
            f"in row {rows[first]}"
        )
