"""What was found out of a matrix, kept for the arrays that make it up, as long as these live."""

import sys
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import jax

from ._matrix import is_traced

T = TypeVar("T")


class Remembered(Generic[T]):
    """Answers by matrix: arrays of JAX do not change, so which they are tells what is in them."""

    def __init__(self) -> None:
        self._found: dict[tuple[Hashable, ...], T] = {}

    def get(self, A: Any, question: Hashable, find: Callable[[], T]) -> T:
        """Return what `find` returned for this matrix and question; of other arrays, ask it anew."""
        return self.of(buffers_of(A), question, find)

    def of(self, buffers: Sequence[jax.Array], question: Hashable, find: Callable[[], T]) -> T:
        """Do the same for arrays of JAX that are concrete; with none of them, ask anew."""
        key = (question, *map(id, buffers))
        if key in self._found:
            return self._found[key]
        found = find()
        if buffers and not is_traced(*jax.tree.leaves(found)):  # which it is inside of `jit`
            self._found[key] = found
            for buffer in buffers:
                weakref.finalize(buffer, self._found.pop, key, None)
        return found


def buffers_of(A: Any) -> tuple[jax.Array, ...]:
    """The arrays of a BCSR, a BCOO or a dense matrix, if they are JAX's and concrete, else none."""
    sparse = sys.modules.get("jax.experimental.sparse")
    if sparse is not None and isinstance(A, sparse.BCSR):
        buffers = (A.data, A.indices, A.indptr)
    elif sparse is not None and isinstance(A, sparse.BCOO):
        buffers = (A.data, A.indices)
    else:
        buffers = (A,)
    known = all(isinstance(buffer, jax.Array) for buffer in buffers) and not is_traced(*buffers)
    return buffers if known else ()
