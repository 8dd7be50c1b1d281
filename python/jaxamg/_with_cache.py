"""`with_cache`: a matrix or an operator together with what is known of it."""

import functools
import types
from typing import Any, ClassVar, Self

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jax.experimental.sparse import BCOO, BCSR
from jax.tree_util import Partial

from ._claims import Known, known, merge
from ._matrix import operands
from ._operator import Operator
from ._pattern import Pattern, from_coloring
from ._remember import Remembered


class _Cached:
    """What a matrix class of JAX becomes with what is known of it: more children of the pytree."""

    _buffers: ClassVar[tuple[str, ...]]
    cached_pattern: Pattern | None
    _facts: tuple[tuple[Any, ...], Any]

    @property
    def known(self) -> Known:
        return joined(*self._facts)

    def block_until_ready(self) -> Self:
        return jax.block_until_ready(self)

    def tree_flatten(self) -> Any:
        arrays, static = self._facts
        buffers = (getattr(self, name) for name in self._buffers)
        return (*buffers, self.cached_pattern, arrays), (_info(self), static)

    @classmethod
    def tree_unflatten(cls, aux_data: Any, children: Any) -> Any:
        A: Any = object.__new__(cls)
        (A.shape, A.indices_sorted, A.unique_indices), static = aux_data
        *buffers, A.cached_pattern, arrays = children
        for name, buffer in zip(cls._buffers, buffers, strict=True):
            setattr(A, name, buffer)
        A._facts = (arrays, static)
        return A


class CachedBCSR(_Cached, BCSR):
    """A BCSR with what is known of it."""

    _buffers = ("data", "indices", "indptr")


class CachedBCOO(_Cached, BCOO):
    """A BCOO with what is known of it."""

    _buffers = ("data", "indices")


class CachedOperator:
    """A callable `x -> A x` with its pattern and what else is known of it.

    A pytree: its leaves are the arrays that the callable holds, if it is a pytree itself (an Equinox module,
    `jax.tree_util.Partial`), a `functools.partial` or a method of one, and the pattern's index arrays.
    """

    def __init__(self, operator: Operator, pattern: Pattern | None, known: Known):
        self.cached_pattern = pattern
        self._arrays, self._static = split((_as_pytree(operator), known))

    @property
    def operator(self) -> Operator:
        return joined(self._arrays, self._static)[0]

    @property
    def known(self) -> Known:
        return joined(self._arrays, self._static)[1]

    @property
    def shape(self) -> tuple[int, int] | None:
        return self.cached_pattern.shape if self.cached_pattern is not None else None

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.operator(x)

    def __repr__(self) -> str:
        return f"CachedOperator({self.operator!r}, {self.cached_pattern!r})"

    def tree_flatten(self) -> tuple[tuple[Any, ...], Any]:
        return (self._arrays, self.cached_pattern), self._static

    @classmethod
    def tree_unflatten(cls, aux_data: Any, children: Any) -> "CachedOperator":
        self = object.__new__(cls)
        self._static = aux_data
        self._arrays, self.cached_pattern = children
        return self


for _cls in (CachedBCSR, CachedBCOO, CachedOperator):
    jax.tree_util.register_pytree_node_class(_cls)


def with_cache(
    A: Any,
    *,
    coloring: Any = None,
    mpi: Any = None,
    is_symmetric: bool | str = False,
    nullspace: Any = None,
    transpose_nullspace: Any = None,
    pattern: Pattern | None = None,
    labels: Any = None,
    label_sum: Any = None,
) -> Any:
    """Attach to a matrix or an operator what is known of it, for every later solve.

    The result is used like A, passes through `jit`, `vmap`, `grad` and `tree_map`: a pytree whose index
    arrays are operands of a compiled computation. Attaching again adds to it.

    Args:
        A: BCSR or BCOO, which stay instances of their class; SciPy sparse, which becomes a BCSR; a callable
            `x -> A x`.
        coloring: of an operator, from `cache_coloring`.
        mpi: for distributed matrices, which this version does not support.
        is_symmetric: True: gradients solve with A, not with its transpose; a complex A is Hermitian. "auto":
            find out now, which needs concrete values, and happens once for the arrays of a BCSR or BCOO. With
            the environment variable JAXAMG_CHECK_PATTERN=1, a solve checks the claim.
        nullspace: as in `solve`.
        transpose_nullspace: as in `solve`.
        pattern: of an operator, from `jaxamg.pattern`, instead of `coloring`.
        labels: as in `solve`.
        label_sum: as in `solve`.

    Raises:
        ValueError: what is attached contradicts A, something else that is given, or what A carries already.
        TypeError: A is no matrix and no callable.

    >>> import jax, jaxamg
    >>> operator = jaxamg.matrices.poisson_operator()
    >>> A = jaxamg.with_cache(operator, coloring=jaxamg.cache_coloring(operator, (64, 64)), is_symmetric=True)
    >>> x, info = jax.jit(jaxamg.solve)(A, jaxamg.matrices.rhs_ones(64))
    >>> int(info["status"])
    0
    """
    if mpi is not None:
        raise NotImplementedError("mpi: distributed matrices are not supported by this version")
    if not (is_symmetric in (True, False) or is_symmetric == "auto"):
        raise ValueError(f'is_symmetric must be True, False or "auto", not {is_symmetric!r}')
    if sp.issparse(A):
        A = BCSR.from_scipy_sparse(A.tocsr())
    if not (isinstance(A, BCSR | BCOO) or callable(A)):
        raise TypeError(f"A must be a BCSR, BCOO, SciPy sparse matrix or a callable, not {type(A).__name__}")

    before = known(A)
    declared = Known(is_symmetric or None, nullspace, transpose_nullspace, labels, label_sum)
    declared = Known(*(_array(value) for value in declared))
    merged = merge(before, declared)
    places = _merged_pattern(A, coloring, pattern)
    result = _attached(A, places, merged)
    if merged.is_symmetric == "auto":
        found = _verdicts.get(result, "symmetric", lambda: _equals_its_transpose(result))
        result = _attached(A, places, merged._replace(is_symmetric=found))
    return result


def _attached(A: Any, places: Pattern | None, facts: Known) -> Any:
    if not isinstance(A, BCSR | BCOO):
        operator = A.operator if isinstance(A, CachedOperator) else A
        return CachedOperator(operator, places, facts)
    cls = CachedBCSR if isinstance(A, BCSR) else CachedBCOO
    arrays, static = split(facts)
    buffers = (getattr(A, name) for name in cls._buffers)
    return cls.tree_unflatten((_info(A), static), (*buffers, places, arrays))


def _info(A: Any) -> tuple[Any, ...]:
    return tuple(A.shape), A.indices_sorted, A.unique_indices


# Arrays are operands of a compiled computation; whatever else a pytree holds, such as functions, is static.
_ARRAY = "an array"


def split(tree: Any) -> tuple[tuple[Any, ...], Any]:
    leaves, structure = jax.tree_util.tree_flatten(tree)
    arrays = tuple(leaf for leaf in leaves if _is_array(leaf))
    return arrays, (structure, tuple(_ARRAY if _is_array(leaf) else leaf for leaf in leaves))


def joined(arrays: tuple[Any, ...], static: Any) -> Any:
    structure, leaves = static
    remaining = iter(arrays)
    return jax.tree_util.tree_unflatten(structure, [next(remaining) if x is _ARRAY else x for x in leaves])


def _merged_pattern(A: Any, coloring: Any, declared: Pattern | None) -> Pattern | None:
    if declared is not None and not isinstance(declared, Pattern):
        raise TypeError(
            f"pattern must be a jaxamg.Pattern, not {type(declared).__name__}: see jaxamg.pattern"
        )
    candidates = {
        "what A already carries": getattr(A, "cached_pattern", None),
        "coloring": None if coloring is None else from_coloring(coloring),
        "pattern": declared,
    }
    given = {name: value for name, value in candidates.items() if value is not None}
    if not given:
        return None
    (first_name, first), *others = given.items()
    for name, other in others:
        if other != first:
            raise ValueError(f"with_cache: {name}, {other}, contradicts {first_name}, {first}")
    if isinstance(A, BCSR | BCOO) and tuple(A.shape) != first.shape:
        raise ValueError(f"with_cache: {first_name} is of shape {first.shape}, A of {tuple(A.shape)}")
    return first


def _array(value: Any) -> Any:
    """Basis vectors and labels as arrays; a name, a function and what is static stay."""
    return jax.tree_util.tree_map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, value
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, jax.Array | np.ndarray)


def _as_pytree(operator: Any) -> Any:
    """A pytree that is called like the operator, with the arrays that partial applications hold as leaves."""
    if isinstance(operator, functools.partial) and not isinstance(operator, Partial):
        return Partial(_as_pytree(operator.func), *operator.args, **operator.keywords)
    if isinstance(operator, types.MethodType) and not _is_leaf(operator.__self__):
        return Partial(operator.__func__, operator.__self__)
    return operator


def _is_leaf(value: Any) -> bool:
    return jax.tree_util.all_leaves([value])


_verdicts: Remembered[bool] = Remembered()


def _equals_its_transpose(A: Any) -> bool:
    """To rounding; of a complex A its conjugate transpose."""
    matrix = _scipy(A)
    difference = abs(matrix - matrix.conj().T)
    eps = np.finfo(matrix.dtype).eps
    return bool(difference.max() <= 8 * eps * abs(matrix).max()) if matrix.nnz else True


def _scipy(A: Any) -> Any:
    if isinstance(A, CachedOperator) and A.cached_pattern is None:
        raise ValueError('is_symmetric="auto" needs the operator\'s coloring or pattern')
    found = operands(A)
    if any(isinstance(array, jax.core.Tracer) for array in found.arrays):
        raise ValueError(
            'is_symmetric="auto" needs concrete values: say it outside of jit, or say True or False'
        )
    rows, columns, values = found.entries()
    return sp.csr_array((values, (rows, columns)), shape=(found.n, found.n))
