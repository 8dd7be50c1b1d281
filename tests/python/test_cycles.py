"""Every cycle and scaling through `solve`: the solution, its derivative, and a whole batch."""

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from jax.experimental.sparse import BCSR
from systems import bcsr, with_values

TOLERANCE = 1e-11
CYCLES = ["V", "W", "F", "CG", "CGF"]
SCALINGS = ["DIAGONAL_SYMMETRIC", "BINORMALIZATION", "NBINORMALIZATION"]


def system() -> tuple[BCSR, np.ndarray, float]:
    """Convection and diffusion, rows and columns scaled over orders of magnitude; b; the condition number."""
    generator = np.random.default_rng(0)
    line = sp.diags_array([-1.3, 2.0, -0.7], offsets=[-1, 0, 1], shape=(9, 9))
    A = sp.kron(line, sp.eye_array(9)) + sp.kron(sp.eye_array(9), line)
    left, right = (sp.diags_array(np.exp(generator.normal(size=81))) for _ in range(2))
    scaled = sp.csr_array(left @ A @ right)
    return bcsr(scaled), generator.normal(size=81), float(np.linalg.cond(scaled.toarray()))


def check(config):
    A, b, condition = system()
    dense = np.asarray(A.todense())
    g = np.cos(np.arange(81))
    error = 100 * condition * TOLERANCE

    def solution(values, rhs):
        return jaxamg.solve(with_values(A, values), rhs, config)[0]

    x, pullback = jax.vjp(solution, A.data, jnp.asarray(b))
    dvalues, db = pullback(jnp.asarray(g))
    expected = np.linalg.solve(dense, b)
    adjoint = np.linalg.solve(dense.T, g)
    rows = np.repeat(np.arange(81), np.diff(A.indptr))
    for actual, exact in [(x, expected), (db, adjoint), (dvalues, -adjoint[rows] * expected[A.indices])]:
        assert np.linalg.norm(actual - exact) <= error * np.linalg.norm(exact)

    _, info = jaxamg.solve(A, b, config)
    assert info["status"] is jaxamg.AMGXStatus.SUCCESS
    r = np.linalg.norm(b - dense @ np.asarray(x))
    assert info["residual"] == pytest.approx(r, abs=1e-13 * (np.linalg.norm(dense) * np.linalg.norm(x)))

    batch = jax.vmap(lambda rhs: solution(A.data, rhs))(jnp.stack([jnp.asarray(b), jnp.asarray(g)]))
    for actual, rhs in zip(batch, (b, g), strict=True):
        exact = np.linalg.solve(dense, rhs)
        assert np.linalg.norm(actual - exact) <= error * np.linalg.norm(exact)


def outer(**keys) -> dict:
    return {"solver": "FGMRES", "tolerance": TOLERANCE, "convergence": "RELATIVE_INI", **keys}


@pytest.mark.parametrize("cycle", CYCLES)
@pytest.mark.parametrize("error_scaling", [0, 2, 3])
def test_cycles(cycle, error_scaling):
    amg = {"solver": "AMG", "algorithm": "AGGREGATION", "selector": "SIZE_2", "dense_lu_num_rows": 4}
    check(outer(preconditioner=amg | {"cycle": cycle, "error_scaling": error_scaling, "max_iters": 1}))


@pytest.mark.parametrize("scaling", SCALINGS)
def test_scaling(scaling):
    check(outer(scaling=scaling, preconditioner={"solver": "BLOCK_JACOBI", "max_iters": 2}))
