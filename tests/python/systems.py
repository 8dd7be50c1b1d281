"""Small systems with a dense answer, and one matrix in every form that `solve` takes."""

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import scipy.sparse as sp
from jax.experimental.sparse import BCOO, BCSR
from problems import convection_diffusion2d, rhs

MATRIX = convection_diffusion2d(9, 40.0)  # nonsymmetric, n = 81
N = MATRIX.shape[0]
DENSE = MATRIX.toarray()
B = rhs(N)
X = np.linalg.solve(DENSE, B)
CONDITION = np.linalg.cond(DENSE)


def bcsr(A: sp.sparray, dtype=np.float64) -> BCSR:
    A = sp.csr_array(A)
    arrays = (jnp.asarray(A.data, dtype), jnp.asarray(A.indices), jnp.asarray(A.indptr))
    return BCSR(arrays, shape=A.shape)


def bcoo(A: sp.sparray, dtype=np.float64) -> BCOO:
    A = sp.coo_array(A)
    indices = jnp.stack([jnp.asarray(i) for i in A.coords], axis=1)
    return BCOO((jnp.asarray(A.data, dtype), indices), shape=A.shape)


def with_values(A: BCSR | BCOO, values) -> BCSR | BCOO:
    """The pattern of A with other values."""
    if isinstance(A, BCOO):
        return BCOO((values, A.indices), shape=A.shape)
    return BCSR((values, A.indices, A.indptr), shape=A.shape)


def unsorted(A: sp.sparray) -> sp.csr_array:
    """The same matrix, each row's entries reversed and the first one split in two that add up to it."""
    A = sp.csr_array(A)
    columns, values, offsets = [], [], [0]
    for i in range(A.shape[0]):
        row = slice(A.indptr[i], A.indptr[i + 1])
        columns += [*A.indices[row][::-1], A.indices[row][0]]
        first, *others = A.data[row]
        values += [*others[::-1], 0.75 * first, 0.25 * first]
        offsets.append(len(columns))
    return sp.csr_array((values, columns, offsets), shape=A.shape)


def indexed_by_uint32(A: sp.sparray, dtype=np.float64) -> BCSR:
    A = bcsr(A, dtype)
    return BCSR((A.data, A.indices.astype(np.uint32), A.indptr.astype(np.uint32)), shape=A.shape)


def padded_bcsr(A: sp.sparray, dtype=np.float64) -> BCSR:
    """With stored entries past the last row's end, as JAX makes them for a fixed nse."""
    A = bcsr(A, dtype)
    data = jnp.concatenate([A.data, jnp.full(5, jnp.nan, dtype)])
    indices = jnp.concatenate([A.indices, jnp.full(5, A.shape[1], A.indices.dtype)])
    return BCSR((data, indices, A.indptr), shape=A.shape)


def padded_bcoo(A: sp.sparray, dtype=np.float64) -> BCOO:
    A = bcoo(A, dtype)
    data = jnp.concatenate([A.data, jnp.full(5, jnp.nan, dtype)])
    indices = jnp.concatenate([A.indices, jnp.full((5, 2), A.shape[0], A.indices.dtype)])
    return BCOO((data, indices), shape=A.shape)


KINDS = {
    "BCSR": bcsr,
    "BCSR unsorted with duplicates": lambda A, dtype: bcsr(unsorted(A), dtype),
    "BCSR padded": padded_bcsr,
    "BCSR of uint32": indexed_by_uint32,
    "BCOO": bcoo,
    "BCOO padded": padded_bcoo,
    "SciPy csr": lambda A, dtype: sp.csr_array(A, dtype=dtype),
    "SciPy coo": lambda A, dtype: sp.coo_array(A, dtype=dtype),
    "SciPy csc": lambda A, dtype: sp.csc_array(A, dtype=dtype),
    "SciPy matrix": lambda A, dtype: sp.csr_matrix(A, dtype=dtype),
    "dense": lambda A, dtype: jnp.asarray(A.toarray(), dtype),
    "dense NumPy": lambda A, dtype: A.toarray().astype(dtype),
}


def relative_error(x, reference) -> float:
    x, reference = (v.astype(np.result_type(v.dtype, np.float64)) for v in map(np.asarray, (x, reference)))
    return float(np.linalg.norm(x - reference) / np.linalg.norm(reference))


def solve_and_wait(A, b, compiled: bool) -> None:
    """Until callbacks have run, which raise their errors then."""
    jax.block_until_ready((jax.jit(jaxamg.solve) if compiled else jaxamg.solve)(A, b)[0])
    jax.effects_barrier()
