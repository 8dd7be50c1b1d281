"""`setup`: a hierarchy to look at, to keep, and to solve with."""

import os
import weakref
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from . import _engine
from ._auto import choose
from ._complex import is_complex
from ._ffi import setup_p
from ._grid import grid_table, megabytes
from ._info import raise_misuse
from ._matrix import Operands, is_traced, operands, working_dtype
from ._method import Method, check_nodes, method, method_of

_FILE_FORMAT = 1
_SAVED = {"version", "config", "block_dim", "sizes", "indptr", "indices", "data"}


class Level(NamedTuple):
    """One level: its matrix, and the way to the next one, which the coarsest lacks."""

    A: sp.csr_array
    P: sp.csr_array | None
    """Prolongation: from the next level's vectors to this one's."""
    R: sp.csr_array | None
    """Restriction: R A P is the next level's matrix."""
    smoother: str
    """Or the coarse solver."""


class Hierarchy:
    """What a configuration makes of a matrix; from `setup` or `Hierarchy.load`.

    Attributes:
        shape: of the matrix, (n, n).
        dtype: float32 or float64.
        config: the configuration in AmgX's notation.
        setup_time: in seconds.
        number: the engine's name for it.
    """

    def __init__(self, A: Operands, chosen: Method):
        dtype = working_dtype(A.values, A.values)
        with jax.ensure_compile_time_eval():  # eagerly also where a function is traced that closes over A
            arrays = (jnp.asarray(A.row_index), jnp.asarray(A.col_index), jnp.asarray(A.values, dtype))
            number, reason, seconds = setup_p.bind(*arrays, config=chosen.canonical, format=A.format, n=A.n)
        self.number = int(number)
        # Before any error: what is held is let go with this object.
        weakref.finalize(self, _engine.let_go, self.number)
        raise_misuse(np.asarray(reason).reshape(1), A, None, None)
        self.config = chosen.canonical
        self.method = chosen
        self.shape = (A.n, A.n)
        self.dtype = np.dtype(dtype)
        self.setup_time = float(seconds)
        self.report = _engine.held_report(self.number)

    @cached_property
    def levels(self) -> list[Level]:
        """The matrices, as SciPy's; from a GPU they are downloaded when first asked for.

        One level, with A alone, for a method without multigrid.
        """
        rows = self.report.levels or [{"smoother": _engine.config_info(self.config)["method"]}]
        last = len(rows) - 1
        return [
            Level(
                self._matrix(number, "A"),
                self._matrix(number, "P") if number < last else None,
                self._matrix(number, "R") if number < last else None,
                row["smoother"],
            )
            for number, row in enumerate(rows)
        ]

    def _matrix(self, level: int, part: str) -> sp.csr_array:
        offsets, columns, values, dtype, shape = _engine.held_matrix(self.number, level, part)
        return sp.csr_array((values.view(dtype), columns, offsets), shape=shape)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Rows and stored entries of each level."""
        return [(row["rows"], row["entries"]) for row in self.report.levels]

    @property
    def operator_complexity(self) -> float:
        """Stored entries of all levels over those of the finest."""
        return self.report.operator_complexity

    @property
    def grid_complexity(self) -> float:
        """Rows of all levels over those of the finest."""
        return self.report.grid_complexity

    @property
    def bytes(self) -> int:
        """Memory that the hierarchy holds, without A itself."""
        return self.report.bytes

    def __repr__(self) -> str:
        head = f"Hierarchy of a matrix {self.shape}, {self.dtype}"
        grids = grid_table(self.report) or "no multigrid"
        return f"{head}\n{grids}\n{megabytes(self.report)}, setup {self.setup_time:.3f} s"

    def plot(self, axes: Any = None) -> Any:
        """Draw where each level's matrix has entries, with matplotlib (extra `plot`).

        Args:
            axes: one for each level; by default a new figure's.

        Returns:
            The figure.
        """
        count = len(self.levels)
        if axes is None:
            try:
                from matplotlib.figure import Figure
            except ImportError as error:
                raise ImportError("plot needs matplotlib: pip install 'jaxamg[plot]'") from error
            figure = Figure(figsize=(3 * count, 3.4), layout="constrained")
            axes = figure.subplots(1, count, squeeze=False)[0]
        if len(axes) != count:
            raise ValueError(f"plot: {count} levels need as many axes, not {len(axes)}")
        for number, (level, axis) in enumerate(zip(self.levels, axes, strict=True)):
            axis.spy(level.A, markersize=max(0.1, 100 / level.A.shape[0]))
            axis.set_title(f"level {number}: {level.A.shape[0]:,} rows\n{level.A.nnz:,} nonzeros", fontsize=9)
            axis.set(xticks=[], yticks=[])
        return axes[0].figure

    def __copy__(self) -> "Hierarchy":  # immutable, and what it holds in the engine goes with it alone
        return self

    def __deepcopy__(self, memo: Any) -> "Hierarchy":
        return self

    def __reduce__(self) -> Any:
        raise TypeError("a Hierarchy is not pickled: save(path) writes it, Hierarchy.load(path) reads it")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what `Hierarchy.load` needs to make it again, bit by bit: the matrix and the configuration.

        A NumPy archive, to exactly this path. The levels are not in it: a setup is deterministic, and reading
        them would take about as long.
        """
        A = self._matrix(0, "A")
        with open(path, "wb") as file:  # np.savez would append .npz to another name
            np.savez(
                file,
                format=_FILE_FORMAT,
                version=_version(),
                config=self.config,
                block_dim=self.method.block_dim,
                sizes=np.asarray(self.sizes, np.int64).reshape(-1, 2),
                indptr=A.indptr,
                indices=A.indices,
                data=A.data,
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str], A: Any = None, config: Any = None) -> "Hierarchy":
        """Set up what `save` wrote.

        Args:
            path: of the file.
            A: a matrix whose pattern the saved one must have.
            config: a configuration that the saved one must be.

        Raises:
            ValueError: the file is no saved hierarchy, comes from another version of jaxamg, whose
                hierarchies may differ, or does not fit A or config.

        >>> import jaxamg, tempfile
        >>> A = jaxamg.matrices.poisson_matrix(30)
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     jaxamg.setup(A).save(file.name)
        ...     again = jaxamg.Hierarchy.load(file.name, A)
        >>> again.sizes == jaxamg.setup(A).sizes
        True
        """
        saved = _read(path)
        if saved["version"] != _version():
            raise ValueError(
                f"{path} was saved by jaxamg {saved['version']}, this is {_version()}: set up and save again"
            )
        canonical, block_dim = str(saved["config"]), int(saved["block_dim"])
        nodes = {} if block_dim == 1 else {"block_dim": block_dim}
        if config is not None and method(config, nodes).canonical != canonical:
            raise ValueError(f"{path} was saved with another configuration: {canonical}")
        n = saved["indptr"].size - 1
        matrix = operands(sp.csr_array((saved["data"], saved["indices"], saved["indptr"]), shape=(n, n)))
        if A is not None:
            _check_same_pattern(path, matrix, operands(A), block_dim)
        dtype = saved["data"].dtype
        if jax.dtypes.canonicalize_dtype(dtype) != dtype:
            raise ValueError(f"{path} is of {dtype}: enable jax_enable_x64")
        hierarchy = cls(matrix, method_of(canonical, block_dim))
        if hierarchy.sizes != [tuple(row) for row in saved["sizes"].tolist()]:
            raise ValueError(f"{path} does not lead to the levels that were saved: the file is damaged")
        return hierarchy


def setup(A: Any, config: Any = None, **kwargs: Any) -> Hierarchy:
    """Set a configuration up for a matrix, to look at the hierarchy, keep it, and solve with it.

    `solve(A, b, hierarchy=setup(A))` is `solve(A, b)` without the cache: the hierarchy lives as long as the
    object, which whoever calls a function compiled with it must keep. It may precondition other matrices of
    the same pattern and dtype, as `reuse_setup=True` does; under `jit` it is static: its values are those it
    was set up with, whatever A is.

    Args:
        A: matrix (n, n), as in `solve`, with concrete values.
        config: configuration, as in `solve`.
        **kwargs: keys of the outer solver, which win over `config`; `block_dim=k` as in `solve`.

    Returns:
        A `Hierarchy`.

    Raises:
        What `solve` raises for A and `config`; ValueError inside a transformation.

    >>> import jaxamg
    >>> A, b = jaxamg.matrices.poisson_matrix(30), jaxamg.matrices.rhs_ones(900)
    >>> hierarchy = jaxamg.setup(A, {"solver": "PCG"}, tolerance=1e-4)
    >>> [rows for rows, entries in hierarchy.sizes][:2]
    [900, 333]
    >>> x, info = jaxamg.solve(A, b, hierarchy=hierarchy)
    >>> info["status"]
    <AMGXStatus.SUCCESS: 0>
    >>> fine, coarse = hierarchy.levels[:2]
    >>> bool(abs(fine.R @ fine.A @ fine.P - coarse.A).max() < 1e-5)
    True
    """
    matrix = operands(A)
    if is_traced(*matrix.arrays):
        raise ValueError(
            "setup needs concrete values of A: call it outside of jit, and close over the result"
        )
    if is_complex(matrix.values.dtype):
        raise NotImplementedError(
            "setup of a complex A is not supported by this version; solve caches its hierarchy"
        )
    if isinstance(config, str) and config == "auto":
        config = choose(matrix if callable(A) else A, kwargs.get("block_dim", 1)).config
    chosen = method(config, kwargs)
    check_nodes(matrix.n, chosen.block_dim)
    return Hierarchy(matrix, chosen)


def checked(hierarchy: Any, config: Any, keywords: Mapping[str, Any], A: Operands, b: Any) -> Method:
    """Return the method of a hierarchy that `solve` got, or raise for what does not go with it."""
    if not isinstance(hierarchy, Hierarchy):
        raise TypeError(f"hierarchy must be what jaxamg.setup returns, not {type(hierarchy).__name__}")
    block_dim = keywords.get("block_dim", hierarchy.method.block_dim)
    if (
        config is not None
        or keywords.keys() - {"tolerance", "block_dim"}
        or block_dim != hierarchy.method.block_dim
    ):
        raise ValueError("hierarchy has its configuration: give no other, except for tolerance=")
    if hierarchy.shape != (A.n, A.n):
        raise ValueError(f"hierarchy was set up for a matrix {hierarchy.shape}; A is {(A.n, A.n)}")
    if (dtype := working_dtype(A.values, b)) != hierarchy.dtype:
        raise ValueError(f"hierarchy was set up in {hierarchy.dtype}; A and b are of {dtype}")
    return hierarchy.method


def _version() -> str:
    from importlib.metadata import version

    return version("jaxamg")


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            saved = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, AttributeError, TypeError, BadZipFile) as error:
        raise ValueError(f"{path} is no saved hierarchy: {error}") from error
    if saved.get("format") != _FILE_FORMAT or not saved.keys() >= _SAVED:
        raise ValueError(f"{path} is no saved hierarchy of format {_FILE_FORMAT}")
    return saved


def _check_same_pattern(path: Any, saved: Operands, A: Operands, block_dim: int) -> None:
    def places(matrix: Operands) -> np.ndarray:
        """Of the blocks, which are full in what was saved."""
        rows, columns, _ = matrix.entries()
        return np.unique((rows.astype(np.int64) // block_dim) * matrix.n + columns // block_dim)

    if saved.n != A.n or not np.array_equal(places(saved), places(A)):
        raise ValueError(f"{path} was saved for a matrix of another pattern than A's")
