"""Null spaces: from what the user declares to what the engine projects with.

Vectors are made orthonormal here, in traced JAX: that runs where they lie, under every transformation, and
JAX takes it out of a loop; more kernels in the engine would do no better. They are constants to a
derivative.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ._claims import Known
from ._complex import is_complex, real_vector
from ._matrix import is_traced
from ._method import Method
from ._remember import Remembered


class NullSpaceWarning(UserWarning):
    """A is singular, and nobody has declared its null space: pass `nullspace`."""


class NullSpaces(NamedTuple):
    """Orthonormal vectors (m, n) of A's null space and of its transpose's, for a complex A of its real form.

    The rows of a component are pieces, the runs, by which the engine adds up: `run_of_row` (n,) and
    `component_of_run`.
    """

    right: Any
    left: Any
    run_of_row: Any
    component_of_run: Any

    def of_real_form(self) -> "NullSpaces":
        """Those of the real form of a real A, which complex vectors need."""
        right, left = (jnp.kron(V, jnp.eye(2, dtype=V.dtype)) for V in (self.right, self.left))
        return self._replace(right=right, left=left, run_of_row=jnp.repeat(self.run_of_row, 2))

    def of_conjugate(self) -> "NullSpaces":
        """Those of the conjugate of a complex A."""
        sign = jnp.resize(jnp.array([1, -1], self.right.dtype), self.right.shape[-1])
        return self._replace(right=sign * self.right, left=sign * self.left)

    def of_transpose(self, is_complex: bool) -> "NullSpaces":
        """Those of Aᵀ; for a complex A, `left` is that of Aᴴ."""
        swapped = self._replace(right=self.left, left=self.right)
        return swapped.of_conjugate() if is_complex else swapped


# What is attached to a matrix comes with every solve; to sort a million labels takes a quarter of one.
_bases: Remembered[NullSpaces | None] = Remembered()


def null_spaces(facts: Known, n: int, dtype: Any) -> NullSpaces | None:
    """Return what `nullspace`, `transpose_nullspace` and `labels` of `solve` say; None: nothing.

    `label_sum`, which would add up what the ranks have of each component, has nothing to do on one.

    Raises:
        ValueError: shapes that do not fit n rows, labels out of range, or without a null space.
        TypeError: labels that are no pair, or a `label_sum` that is no function.
    """
    leaves, structure = jax.tree.flatten((facts.nullspace, facts.transpose_nullspace, facts.labels))
    arrays = [leaf for leaf in leaves if hasattr(leaf, "shape")]
    others = tuple(None if hasattr(leaf, "shape") else leaf for leaf in leaves)
    find = partial(_null_spaces, facts, n, dtype)
    if is_traced(*arrays) or not all(isinstance(array, jax.Array) for array in arrays):
        return find()
    return _bases.of(arrays, (others, structure, n, np.dtype(dtype)), find)


def _null_spaces(facts: Known, n: int, dtype: Any) -> NullSpaces | None:
    right, left = facts.nullspace, facts.transpose_nullspace
    if facts.label_sum is not None and not callable(facts.label_sum):
        raise TypeError(f"label_sum must be a function, not {type(facts.label_sum).__name__}")
    if right is None and left is None:
        if facts.labels is not None or facts.label_sum is not None:
            raise ValueError('labels: they tell where null vectors begin anew; pass nullspace="constant" too')
        return None
    count, labels = _labels(facts.labels, n)
    right = None if right is None else _vectors("nullspace", right, n, dtype)
    left = None if left is None else _vectors("transpose_nullspace", left, n, dtype)
    if is_complex(dtype):
        # v and iv; what no A x has are the null vectors of Aᴴ, the conjugates of those of the transpose.
        right, left = (
            None if V is None else jnp.concatenate([real_vector(V), real_vector(1j * V)], axis=1)
            for V in (right, None if left is None else jnp.conj(left))
        )
        labels = None if labels is None else jnp.repeat(labels, 2)
    vectors = jax.lax.stop_gradient((right, left))
    spaces = _orthonormal(*vectors, labels, count=count)
    # One array for both tells the engine that they are the same.
    if left is None:
        return spaces._replace(left=spaces.right)
    return spaces._replace(right=spaces.left) if right is None else spaces


def near_null_vectors(value: Any, n: int, dtype: Any, chosen: Method, hierarchy: Any) -> Any:
    """Return `near_nullspace` of `solve` as (n, m); None: nothing.

    Raises:
        ValueError: a shape that does not fit n rows, or a method that has no use for it.
        NotImplementedError: a complex A.
    """
    if value is None:
        return None
    if hierarchy is not None:
        raise ValueError("near_nullspace: the hierarchy has its own")
    if "SMOOTHED_AGGREGATION" not in chosen.canonical:
        raise ValueError("near_nullspace: only algorithm SMOOTHED_AGGREGATION of the solver AMG uses it")
    if is_complex(dtype):
        raise NotImplementedError("near_nullspace: this version takes none for a complex A")
    vectors = _vectors("near_nullspace", value, n, dtype)
    if vectors.shape[1] > n:
        raise ValueError(f"near_nullspace has {vectors.shape[1]} vectors for {n} rows")
    return vectors


def _vectors(name: str, value: Any, n: int, dtype: Any) -> Any:
    if isinstance(value, str):
        if value != "constant":
            raise ValueError(f'{name} is {value!r}; it must be "constant" or an array ({n},) or ({n}, m)')
        return jnp.ones((n, 1), dtype)
    vectors = jnp.asarray(value, dtype)
    if vectors.ndim not in (1, 2) or vectors.shape[0] != n or vectors.size == 0:
        raise ValueError(f'{name} has shape {vectors.shape}; it must be ({n},) or ({n}, m), or "constant"')
    if not is_traced(vectors) and not np.isfinite(np.asarray(vectors)).all():
        raise ValueError(f"{name} has NaN or infinite entries")
    return vectors[:, None] if vectors.ndim == 1 else vectors


def _labels(value: Any, n: int) -> tuple[int, Any]:
    if value is None:
        return 1, None
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError("labels must be a pair (count, labels), the labels of the rows being 0 to count - 1")
    count, labels = int(value[0]), jnp.asarray(value[1])
    if labels.shape != (n,) or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(
            f"labels are of shape {labels.shape} and {labels.dtype}; one integer a row is needed"
        )
    if not is_traced(labels):
        lowest, highest = int(labels.min()), int(labels.max())
        if lowest < 0 or highest >= count:
            raise ValueError(f"labels go from {lowest} to {highest}; with a count of {count} they must be in "
                             f"0 to {count - 1}")  # fmt: skip
    return count, labels


class _Components(NamedTuple):
    """The rows' labels, the rows in the order of their labels, and where there each component ends."""

    labels: Any
    order: Any
    last: Any

    def sums(self, terms: jax.Array) -> jax.Array:
        """Sums over the rows of every component. A scatter would add in another order each time on a GPU."""
        labels = self.labels[self.order]
        is_first = jnp.concatenate([jnp.ones(1, bool), labels[1:] != labels[:-1]])
        is_first = is_first.reshape(-1, *[1] * (terms.ndim - 1))

        def join(a: Any, b: Any) -> Any:
            return jnp.where(b[1], b[0], a[0] + b[0]), a[1] | b[1]

        running, _ = jax.lax.associative_scan(join, (terms[self.order], is_first))
        return running[self.last]

    def maxima(self, terms: jax.Array) -> jax.Array:
        return jax.ops.segment_max(terms, self.labels, len(self.last))

    def spread(self, values: jax.Array) -> jax.Array:
        return values[self.labels]


class _Whole(NamedTuple):
    """The rows of a connected domain: one component."""

    def sums(self, terms: jax.Array) -> jax.Array:
        piece = _run_length(len(terms))
        padding = [(0, -len(terms) % piece), *[(0, 0)] * (terms.ndim - 1)]
        return jnp.pad(terms, padding).reshape(-1, piece, *terms.shape[1:]).sum(1).sum(0)[None]

    def maxima(self, terms: jax.Array) -> jax.Array:
        return terms.max(0)[None]

    def spread(self, values: jax.Array) -> jax.Array:
        return values


def _components(labels: Any, count: int) -> _Components:
    order = jnp.argsort(labels, stable=True)
    last = jnp.searchsorted(labels[order], jnp.arange(count), side="right") - 1
    return _Components(labels, order, last)


class Projector(NamedTuple):
    """The orthogonal projections off the null spaces, for what JAX computes; linear in v, (n,) or (n, m)."""

    spaces: NullSpaces
    components: Any

    def off_right(self, v: jax.Array) -> jax.Array:
        return self._off(self.spaces.right, v)

    def off_left(self, v: jax.Array) -> jax.Array:
        return self._off(self.spaces.left, v)

    def _off(self, vectors: Any, v: jax.Array) -> jax.Array:
        Q = vectors.T.astype(v.dtype)[:, :, None]
        lanes = v.reshape(len(v), 1, -1)
        parts = self.components.spread(self.components.sums(Q * lanes))
        return v - (Q * parts).sum(1).reshape(v.shape)


def projector(spaces: NullSpaces) -> Projector:
    n = spaces.right.shape[1]
    count = len(spaces.component_of_run) - (n - 1) // _run_length(n)
    if count == 1:
        return Projector(spaces, _Whole())
    return Projector(spaces, _components(spaces.component_of_run[spaces.run_of_row], count))


def _run_length(n: int) -> int:
    return max(256, math.isqrt(n))


@partial(jax.jit, static_argnames=("count",))
def _orthonormal(right: Any, left: Any, labels: Any, *, count: int) -> NullSpaces:
    """Without `left`, or without `right`, that is None."""
    n = (left if right is None else right).shape[0]
    components: Any = _Whole()
    position = jnp.arange(n, dtype=jnp.int32)
    # Along the order of the labels both pieces and labels rise, so that their sum tells the runs apart.
    run_of_row = position // _run_length(n)
    component_of_run = jnp.zeros((n - 1) // _run_length(n) + count, jnp.int32)
    if labels is not None:
        labels = jnp.clip(labels, 0, count - 1).astype(jnp.int32)
        components = _components(labels, count)
        run_of_row = jnp.zeros_like(position).at[components.order].set(run_of_row) + labels
        component_of_run = component_of_run.at[run_of_row].max(labels)
    right, left = (None if V is None else _basis(V, components).T for V in (right, left))
    return NullSpaces(right, left, run_of_row, component_of_run)


def _basis(V: jax.Array, components: Any) -> jax.Array:
    """Columns that span what V's columns span in every component, orthonormal there; what is too many is 0.

    V ← V Q Λ^(-1/2) for VᵀV = Q Λ Qᵀ, and once more, as VᵀV does not know small angles well.
    """
    eps = jnp.finfo(V.dtype).eps
    largest = components.maxima(jnp.abs(V))
    V = V / components.spread(jnp.where(largest > 0, largest, 1))
    for _ in range(2):
        lam, Q = jnp.linalg.eigh(components.sums(V[:, :, None] * V[:, None, :]))
        keep = lam > 100 * eps * lam[..., -1:]
        Q = jnp.where(keep, 1 / jnp.sqrt(jnp.where(keep, lam, 1)), 0)[..., None, :] * Q
        V = (V[:, :, None] * components.spread(Q)).sum(1)
    return V
