"""Complex systems in the real form that the engine solves.

An entry a + ib becomes [[a, -b], [b, a]], an unknown its real and imaginary part next to each other. Sums and
products go over into those of the forms, Aᴴ into the transpose, and Re⟨x, y⟩ is the forms' inner product:
conjugate gradients on the form of a Hermitian A are the complex ones. JAX differentiates through it, so its
conventions hold.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._matrix import Operands


def is_complex(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, jnp.complexfloating)


def real_dtype(dtype: Any) -> np.dtype:
    """Return the precision of a dtype's parts."""
    return np.dtype(jnp.finfo(dtype).dtype)


def real_vector(v: Any) -> jax.Array:
    """Return v, (n,) or (n, m), as (2n,) or (2n, m)."""
    v = jnp.asarray(v)
    return jnp.stack([v.real, v.imag], axis=1).reshape(2 * v.shape[0], *v.shape[1:])


def complex_vector(v: jax.Array) -> jax.Array:
    """Undo `real_vector`."""
    parts = v.reshape(-1, 2, *v.shape[1:])
    return jax.lax.complex(parts[:, 0], parts[:, 1])


def real_form(A: Operands) -> Operands:
    """Return the matrix (2n, 2n) of A, which may itself be real."""
    values = jnp.asarray(A.values)
    if A.format == "dense":
        blocks = jnp.stack([values.real, -values.imag, values.imag, values.real], axis=-1)
        dense = blocks.reshape(A.n, A.n, 2, 2).swapaxes(1, 2).reshape(2 * A.n, 2 * A.n)
        return Operands("dense", A.row_index, A.col_index, dense, 2 * A.n)
    if is_complex(values.dtype):
        row_part, col_part = np.array([0, 0, 1, 1], np.int32), np.array([0, 1, 0, 1], np.int32)
        parts = [values.real, -values.imag, values.imag, values.real]
    else:
        row_part = col_part = np.array([0, 1], np.int32)
        parts = [values, values]
    rows = jnp.minimum(2 * _rows(A)[:, None] + row_part, 2 * A.n)  # row n is padding
    columns = 2 * jnp.asarray(A.col_index)[:, None] + col_part
    return Operands("coo", rows.ravel(), columns.ravel(), jnp.stack(parts, axis=-1).ravel(), 2 * A.n)


def _rows(A: Operands) -> jax.Array:
    row_index = jnp.asarray(A.row_index)
    if A.format == "coo":
        return row_index
    # Entry k lies in the last row that starts at or before it; past the end of the matrix in row n.
    starts = jnp.zeros(A.values.shape[0], A.col_index.dtype).at[row_index].add(1, mode="drop")
    return jnp.cumsum(starts, dtype=starts.dtype) - 1
