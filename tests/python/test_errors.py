"""Misuse with concrete data raises early and names the culprit."""

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from jax.experimental.sparse import BCOO, BCSR
from systems import DENSE, MATRIX, B, N, bcoo, bcsr, padded_bcsr, with_values


def replaced(array, place, value):
    return jnp.asarray(array).at[place].set(value)


def with_value(place, value):
    A = bcsr(MATRIX)
    return with_values(A, A.data.at[place].set(value))


def with_indices(place, value):
    A = bcsr(MATRIX)
    return BCSR((A.data, A.indices.at[place].set(value), A.indptr), shape=A.shape)


def with_indptr(place, value):
    A = bcsr(MATRIX)
    return BCSR((A.data, A.indices, A.indptr.at[place].set(value)), shape=A.shape)


def with_coordinates(place, value):
    A = bcoo(MATRIX)
    return BCOO((A.data, A.indices.at[place].set(value)), shape=A.shape)


def with_zero_row(A: sp.csr_array) -> sp.csr_array:
    keep = np.ones(A.shape[0])
    keep[5] = 0
    return sp.csr_array(sp.diags_array(keep) @ A)


ROW_OF_7 = int(np.searchsorted(MATRIX.indptr, 7, side="right")) - 1
PLACE_OF_7 = rf"A\[{ROW_OF_7}, {MATRIX.indices[7]}\] is nan"

CASES = {
    "not square": (bcsr(MATRIX[:, :-1]), B, ValueError, r"A has shape \(81, 80\); it must be square"),
    "not square, dense": (DENSE[:-1], B, ValueError, "must be square"),
    "three dimensions": (np.ones((2, 2, 2)), np.ones(2), ValueError, "must be square"),
    "empty": (np.zeros((0, 0)), np.zeros(0), ValueError, r"\(0, 0\): nothing to solve"),
    "b too short": (MATRIX, B[:-1], ValueError, r"b has shape \(80,\).*it must be \(81,\) or \(81, m\)"),
    "b a number": (MATRIX, 1.0, ValueError, r"b has shape \(\)"),
    "b without lanes": (MATRIX, np.ones((N, 0)), ValueError, r"b has shape \(81, 0\)"),
    "A no matrix": (
        "A.mtx",
        B,
        TypeError,
        r"A must be a BCSR, .* or a callable, not str",
    ),
    "A no linear map": (jnp.sin, B, ValueError, "not linear"),
    "batched BCOO": (
        BCOO.fromdense(jnp.ones((2, 3, 3)), n_batch=1),
        np.ones(3),
        ValueError,
        "1 batch and 0 dense dimensions",
    ),
    "blocked BCOO": (
        BCOO.fromdense(jnp.ones((3, 3, 2)), n_dense=1),
        np.ones(3),
        ValueError,
        "0 batch and 1 dense dimensions",
    ),
    "column too large": (with_indices(7, N), B, ValueError, f"stored entry 7 has column {N}, out of range"),
    "column negative": (with_indices(7, -1), B, ValueError, "stored entry 7 has column -1, out of range"),
    "coordinate too large": (with_coordinates((7, 1), N + 3), B, ValueError, f"entry 7 has column {N + 3}"),
    "row negative": (with_coordinates((7, 0), -2), B, ValueError, "stored entry 7 has row -2, out of range"),
    "indptr falls": (with_indptr(3, 0), B, ValueError, "indptr must rise.*falls between"),
    "indptr too long": (
        with_indptr(-1, MATRIX.nnz + 1),
        B,
        ValueError,
        f"at most its {MATRIX.nnz} stored entries",
    ),
    "indptr from 1": (with_indptr(0, 1), B, ValueError, "indptr must rise from 0"),
    "NaN in A": (with_value(7, np.nan), B, ValueError, "A has NaN or infinite entries: " + PLACE_OF_7),
    "infinity in A": (with_value(7, np.inf), B, ValueError, "A has NaN or infinite entries: .* is inf"),
    "NaN in dense A": (replaced(DENSE, (2, 3), np.nan), B, ValueError, r"A\[2, 3\] is nan"),
    "NaN in BCOO": (
        with_values(bcoo(MATRIX), bcoo(MATRIX).data.at[7].set(np.nan)),
        B,
        ValueError,
        PLACE_OF_7,
    ),
    "NaN in b": (
        MATRIX,
        replaced(B, 4, np.nan),
        ValueError,
        r"b .*has NaN or infinite entries: b\[4\] is nan",
    ),
    "NaN in a lane": (MATRIX, replaced(np.ones((N, 2)), (4, 1), np.nan), ValueError, r"b\[4, 1\] is nan"),
    "zero row": (with_zero_row(MATRIX), B, ValueError, "a row without nonzeros.*: row 5 of A"),
    "long double": (MATRIX, B.astype(np.longdouble), TypeError, "float64 and .* cannot be solved with"),
    "another byte order": (DENSE.astype(">f8"), B, TypeError, ">f8 and float64 cannot be solved with"),
    "half precision": (jnp.asarray(DENSE, jnp.float16), B.astype(np.float16), TypeError, "float16"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_systems(case):
    A, b, error, message = CASES[case]
    with pytest.raises(error, match=message):
        jaxamg.solve(A, b)


@pytest.mark.parametrize(
    ("x0", "message"),
    [
        (np.ones(N - 1), r"x0 has shape \(80,\); it must be b's, \(81,\)"),
        (replaced(np.ones(N), 9, np.nan), r"x0\[9\] is nan"),
    ],
)
def test_bad_initial_guess(x0, message):
    with pytest.raises(ValueError, match=message):
        jaxamg.solve(MATRIX, B, x0=x0)


@pytest.mark.parametrize(
    "argument",
    [
        {"comm": object()},
        {"nglobal": N},
        {"partition_info": (0, N)},
    ],
    ids=lambda argument: next(iter(argument)),
)
def test_arguments_of_later_versions_are_named(argument):
    (name,) = argument
    with pytest.raises(NotImplementedError, match=f"{name}: this version supports only the default"):
        jaxamg.solve(MATRIX, B, **argument)


def test_shapes_are_checked_while_tracing():
    with pytest.raises(ValueError, match="b has shape"):
        jax.jit(jaxamg.solve)(bcsr(MATRIX), B[:-1])


def test_traced_indices_out_of_range_are_the_computations_error():
    A = with_indices(7, N)
    with pytest.raises(jax.errors.JaxRuntimeError, match="column"):
        jax.block_until_ready(jax.jit(lambda A: jaxamg.solve(A, B))(A))


def test_padding_is_no_misuse():
    _, info = jaxamg.solve(padded_bcsr(MATRIX), B)  # NaN and columns out of range past the last row's end
    assert info["status"] is jaxamg.AMGXStatus.SUCCESS
