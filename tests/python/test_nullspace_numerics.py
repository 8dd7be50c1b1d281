"""Null spaces beside what changes the numbers: `scaling`, rows of zeros, the rounding of float32."""

from functools import partial

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from jaxamg import AMGXStatus, NullSpaceWarning
from problems import rhs
from singular import CONFIGS, CONVECTION, LEFT, SINGULAR, graph, neumann2d
from systems import bcsr, relative_error, with_values

# ---- with `scaling`, whose matrix L A R has other null spaces

STEEP = 10.0 ** np.linspace(-2, 2, 36)
BADLY_SCALED = {
    "symmetric": (
        sp.csr_array(sp.diags_array(STEEP) @ neumann2d(6) @ sp.diags_array(STEEP)),
        {"nullspace": 1 / STEEP},
    ),
    "nonsymmetric": (
        sp.csr_array(sp.diags_array(STEEP) @ CONVECTION),
        {"nullspace": "constant", "transpose_nullspace": LEFT / STEEP},
    ),
    "components": SINGULAR["components"],
}


@pytest.mark.parametrize("solver", ["PBICGSTAB", "GMRES", "AMG"])
@pytest.mark.parametrize("scaling", ["DIAGONAL_SYMMETRIC", "BINORMALIZATION", "NBINORMALIZATION"])
@pytest.mark.parametrize("name", BADLY_SCALED)
def test_scaling(name, scaling, solver):
    A, declared = BADLY_SCALED[name]
    n, pinv = A.shape[0], np.linalg.pinv(A.toarray(), rcond=1e-12)
    b = jnp.asarray(A @ rhs(n)) + 0.1 * jnp.cos(jnp.arange(n))
    base, many = bcsr(A), jnp.stack([b, jnp.sin(b)])
    options = declared | {"scaling": scaling, "tolerance": 1e-13, "max_iters": 500}

    def ours(values, b, **more):
        return jaxamg.solve(with_values(base, values), b, {"solver": solver}, **options | more)

    x, info = ours(base.data, b)
    assert info["status"] == AMGXStatus.SUCCESS
    assert relative_error(x, pinv @ b) <= 1e-7
    assert info["rhs_inconsistency"] == pytest.approx(
        np.linalg.norm(b - A @ (pinv @ b)) / np.linalg.norm(b), rel=1e-6
    )
    drifted, _ = ours(base.data, b, x0=1e3 * jnp.ones(n))
    assert relative_error(drifted, pinv @ b) <= 1e-7
    _, vjp = jax.vjp(lambda b: ours(base.data, b)[0], b)
    assert relative_error(vjp(b)[0], pinv.T @ b) <= 1e-7
    lanes = ours(base.data, many.T)[0]
    members = jax.vmap(lambda v, b: ours(v, b)[0])(jnp.stack([base.data, 2 * base.data]), many)
    assert relative_error(lanes, pinv @ many.T) <= 1e-7
    assert relative_error(members[1], pinv @ many[1] / 2) <= 1e-7


# ---- rows of zeros


@pytest.mark.parametrize("scaling", ["NONE", "DIAGONAL_SYMMETRIC"])
@pytest.mark.parametrize("config", CONFIGS)
def test_rows_of_zeros_that_are_declared(config, scaling):
    """Unknowns that no equation has, in a Neumann problem."""
    idle = np.array([3, 17, 38])
    active = np.setdiff1d(np.arange(39), idle)
    A = np.zeros((39, 39))
    A[np.ix_(active, active)] = neumann2d(6).toarray()
    null = np.c_[np.eye(39)[:, idle], np.isin(np.arange(39), active)]
    b, options = rhs(39), {"nullspace": null, "tolerance": 1e-12, "max_iters": 2000, "scaling": scaling}

    def ours(b):
        return jaxamg.solve(bcsr(sp.csr_array(A)), b, CONFIGS[config], **options)

    x, info = ours(b)
    pinv = np.linalg.pinv(A, rcond=1e-10)
    assert info["status"] == AMGXStatus.SUCCESS
    assert relative_error(x, pinv @ b) <= 1e-9
    _, vjp = jax.vjp(lambda b: ours(b)[0], jnp.asarray(b))
    assert relative_error(vjp(b)[0], pinv @ b) <= 1e-9


def test_rows_of_zeros_that_are_not():
    A = sp.block_diag([neumann2d(6), np.zeros((1, 1))], format="csr")
    with pytest.raises(ValueError, match="row 36 of A"):
        jaxamg.solve(A, rhs(37), nullspace=np.r_[np.ones(36), 0])
    x, info = jax.jit(partial(jaxamg.solve, nullspace=np.r_[np.ones(36), 0]))(bcsr(A), rhs(37))
    assert info["status"] == AMGXStatus.FAILED
    assert np.isnan(x).all()


def rough(n, dtype):
    """Neumann's problem with coefficients over two decades, whose rows sum to zero up to rounding."""
    k = 10 ** np.random.default_rng(0).uniform(-1, 1, n * n)
    A = sp.coo_array(neumann2d(n))
    i, j = A.coords
    off = i != j
    weights = 2 / (1 / k[i[off]] + 1 / k[j[off]])
    return sp.csr_array(graph(np.c_[i, j][off], n * n, weights), dtype=dtype)


@pytest.mark.parametrize("n", [32, 200])
@pytest.mark.parametrize("solver", ["PCG", "PBICGSTAB", "GMRES", "AMG"])
def test_rounding_in_a_matrix_of_float32(solver, n):
    A, b = rough(n, np.float32), rhs(n * n).astype(np.float32)
    x, info = jaxamg.solve(A, b, {"solver": solver}, nullspace="constant", tolerance=1e-4)
    assert info["status"] == AMGXStatus.SUCCESS
    assert abs(np.mean(x, dtype=float)) <= 1e-5 * np.abs(x).max()
    residual = b - np.mean(b, dtype=float) - A.astype(float) @ np.asarray(x, float)
    assert np.linalg.norm(residual) <= 1.2e-4 * np.linalg.norm(b - b.mean())


@pytest.mark.parametrize("solver", ["PCG", "PBICGSTAB", "GMRES", "FGMRES", "BICGSTAB", "CG", "AMG"])
@pytest.mark.parametrize("n", [16, 64])
def test_undeclared_and_inconsistent_in_float32(solver, n):
    A, b = rough(n, np.float32), rhs(n * n).astype(np.float32)
    solve = partial(jaxamg.solve, A, b, {"solver": solver}, max_iters=200)
    with pytest.warns(NullSpaceWarning):
        x, info = jax.block_until_ready(solve())
    assert info["status"] != AMGXStatus.SUCCESS
    if solver in ("PCG", "GMRES", "FGMRES"):
        assert np.abs(x).max() <= 1e5 * np.abs(b).max()
