"""`cache_coloring`: the entries of an operator's matrix, and a colouring of its columns."""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import jax
import jax.core
import jax.extend.core
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jax.interpreters import partial_eval as pe
from jax.typing import DTypeLike

from ._pattern import Pattern, colored
from ._sparsity import probe, trace

Coloring = tuple[np.ndarray, np.ndarray, np.ndarray, int, tuple[int, int]]


def cache_coloring(
    operator: Callable[[jax.Array], jax.Array], shape: Any, dtype: DTypeLike | None = None
) -> Coloring:
    """Find where a linear operator has entries, and few products that give their values.

    The operator is traced: each equation of its jaxpr maps a sparse matrix to another, with coefficients,
    so the entries are those of the dense Jacobian. None is missing; left out are those whose coefficient is
    zero in the structure or by constants known now, so a parameter that is to vary must not be zero here.
    What cannot be traced, as a callback, is applied to unit vectors in batches, with a bar on terminals.

    Args:
        operator: `x -> A x` for x (shape[1],), linear, result (shape[0],).
        shape: (rows, columns), or n for (n, n); a distributed operator's is (n_local, n_global).
        dtype: of x; by default JAX's floating type, as for integers.

    Returns:
        `(rows, cols, column_colors, n_colors, shape)`: row and column of each entry (nnz,), sorted by rows;
        the colour of each column (shape[1],): columns of one colour share no row.

    Raises:
        ValueError: the operator is not linear, or its result has another shape.

    >>> import jaxamg
    >>> rows, cols, colors, n_colors, shape = jaxamg.cache_coloring(jaxamg.matrices.tridiagonal_operator(), 5)
    >>> n_colors, shape, len(rows)
    (3, (5, 5), 13)
    """
    shape = (shape, shape) if np.ndim(shape) == 0 else tuple(shape)
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"shape is {shape}; it must be (rows, columns)")
    return find_pattern(operator, (int(shape[0]), int(shape[1])), dtype).coloring


def find_pattern(operator: Callable[[jax.Array], jax.Array], shape: tuple[int, int], dtype: Any) -> Pattern:
    """Trace or probe, then colour. Equal jaxprs with equal constants are traced once."""
    dtype = jnp.result_type(float if dtype is None else dtype, float)  # as of a right-hand side
    try:
        closed = jax.make_jaxpr(operator)(jax.ShapeDtypeStruct((shape[1],), dtype))
    except jax.errors.JAXTypeError:  # it needs a concrete x
        matrix = probe(lambda x: [operator(x)], (shape[1],), dtype, "the operator")[0]
        _check_shape([matrix.shape[0]], shape)
        return _colored(matrix)
    _check_shape([math.prod(v.aval.shape) for v in closed.jaxpr.outvars], shape)
    key = _key(closed)
    found = _recent.get(key)
    if found is None:
        matrix = trace(_without_dead_code(closed), shape[1], dtype)
        if not any(isinstance(array, jax.core.Tracer) for array in _constants(closed)):
            _check(closed, matrix, dtype)
        found = _colored(matrix)
        _recent.put(key, found)
    return found


def _colored(matrix: sp.csr_array) -> Pattern:
    matrix.sort_indices()
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
    return colored(rows, matrix.indices, matrix.shape)


def _check_shape(sizes: list[int], shape: tuple[int, int]) -> None:
    if sizes != [shape[0]]:
        raise ValueError(f"the operator maps ({shape[1]},) to {len(sizes)} arrays of sizes {sizes}; "
                         f"it must be one of {shape[0]}")  # fmt: skip


def _without_dead_code(closed: ClosedJaxpr) -> ClosedJaxpr:
    jaxpr, _ = pe.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
    return ClosedJaxpr(jaxpr, closed.consts)


def _check(closed: ClosedJaxpr, matrix: sp.csr_array, dtype: Any) -> None:
    """Hold the traced matrix against the operator for one vector, and 0 against 0."""
    v = np.random.default_rng(0).standard_normal(matrix.shape[1]).astype(dtype)
    # Compiled ahead of time, it runs also while an outer jit is traced.
    apply = jax.jit(jax.extend.core.jaxpr_as_fun(closed)).lower(v).compile()
    at_zero, at_v = (np.asarray(apply(x)[0]).ravel() for x in (np.zeros_like(v), v))
    if at_zero.any():
        place = np.flatnonzero(at_zero)[0]
        raise ValueError(
            f"the operator is not linear: it maps 0 to {at_zero[place]} at element {place}; "
            "move the constant to the right-hand side"
        )
    size = abs(matrix) @ np.abs(v)
    tolerance = math.sqrt(_coarsest_eps(closed))
    largest = np.max(size, initial=0) or np.max(np.abs(v), initial=0)  # what cancels leaves rounding behind
    wrong = np.abs(matrix @ v - at_v) > tolerance * (size + largest)
    if wrong.any():
        raise ValueError("the operator is not linear, or not a function of x alone: element "
                         f"{np.argmax(wrong)} of its result differs from its traced matrix's")  # fmt: skip


def _key(closed: ClosedJaxpr) -> Any:
    """The operator as a value: two lambdas that do the same have one key."""
    text = str(closed.jaxpr)
    if "callback" in text:  # what it calls is no part of the text
        return None
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for array in _constants(closed):
        if isinstance(array, jax.core.Tracer):
            digest.update(f"traced {array.aval.str_short()}".encode())
        else:
            concrete = np.ascontiguousarray(array)
            digest.update(f"{concrete.dtype} {concrete.shape}".encode())
            digest.update(concrete.tobytes())
    return digest.digest()


def _constants(closed: ClosedJaxpr) -> Iterator[Any]:
    """Constants: those of nested jaxprs, too, which the text does not show; literals, which it rounds."""
    for jaxpr in _with_nested(closed):
        yield from getattr(jaxpr, "consts", ())
        yield from (atom.val for eqn in jaxpr.eqns for atom in eqn.invars if isinstance(atom, Literal))


def _coarsest_eps(closed: ClosedJaxpr) -> float:
    """Rounding of the coarsest precision that the operator computes in."""
    variables = (v for jaxpr in _with_nested(closed) for eqn in jaxpr.eqns for v in eqn.outvars)
    dtypes = {v.aval.dtype for v in [*closed.jaxpr.invars, *variables] if hasattr(v.aval, "dtype")}
    return max(float(jnp.finfo(dtype).eps) for dtype in dtypes if jnp.issubdtype(dtype, jnp.inexact))


def _with_nested(jaxpr: ClosedJaxpr | Jaxpr) -> Iterator[ClosedJaxpr | Jaxpr]:
    """Open and closed ones: from JAX 0.11 on they are one type."""
    yield jaxpr
    for eqn in jaxpr.eqns:
        for param in eqn.params.values():
            for nested in param if isinstance(param, tuple | list) else (param,):
                if isinstance(nested, ClosedJaxpr | Jaxpr):
                    yield from _with_nested(nested)


class _Recent:
    """The patterns that were traced last."""

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._patterns: OrderedDict[Any, Pattern] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any) -> Pattern | None:
        with self._lock:
            if key in self._patterns:
                self._patterns.move_to_end(key)
            return self._patterns.get(key)

    def put(self, key: Any, pattern: Pattern) -> None:
        if key is None:
            return
        with self._lock:
            self._patterns[key] = pattern
            if len(self._patterns) > self._capacity:
                self._patterns.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._patterns.clear()


_recent = _Recent(16)
clear_patterns = _recent.clear
