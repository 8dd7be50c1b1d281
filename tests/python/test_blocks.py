"""block_dim: nodes of several unknowns, from every door."""

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg
from jax.experimental.sparse import BCOO, BCSR
from problems import GALLERY, rhs

CLASSICAL = {
    "solver": "PCG",
    "preconditioner": {"solver": "AMG", "algorithm": "CLASSICAL", "selector": "PMIS", "interpolator": "D2"},
}


def small(k: int = 2) -> sp.csr_array:
    """Six nodes in a row, coupled; blocks with holes."""
    rng = np.random.default_rng(3)
    A = sp.kron(sp.diags_array([-1.0, 4.0, -1.0], offsets=[-1, 0, 1], shape=(6, 6)), np.eye(k)).toarray()
    A += (
        0.3
        * rng.normal(size=A.shape)
        * (rng.random(A.shape) < 0.2)
        * (np.kron(A[::k, ::k], np.ones((k, k))) != 0)
    )
    return sp.csr_array(A)


@pytest.fixture(scope="module")
def elasticity():
    problem = GALLERY["elast2d_60"]
    A = problem.build()
    return A, rhs(A.shape[0])


def test_blocks_beat_the_scalar_default_on_elasticity(elasticity):
    A, b = elasticity
    x, info = jaxamg.solve(A, b, block_dim=2)
    _, scalar = jaxamg.solve(A, b)
    assert info["status"] == scalar["status"] == jaxamg.AMGXStatus.SUCCESS
    assert info["iterations"] < min(54, scalar["iterations"])
    residual = (b - A @ x).reshape(-1, 2)
    assert np.all(np.linalg.norm(residual, axis=0) <= 1e-6 * np.linalg.norm(b.reshape(-1, 2), axis=0))


def test_classical_amg_takes_blocks(elasticity):
    A, b = elasticity
    x, info = jaxamg.solve(A, b, CLASSICAL, block_dim=2, tolerance=1e-8)
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    assert info["iterations"] < 54  # what scalar rows take to 1e-6
    np.testing.assert_allclose(x, scipy.sparse.linalg.spsolve(A.tocsc(), b), rtol=1e-4)


@pytest.mark.parametrize("form", [BCSR.from_scipy_sparse, BCOO.from_scipy_sparse, lambda A: A.toarray()])
@pytest.mark.parametrize("k", [2, 3])
def test_every_form_of_a_matrix_has_its_blocks_filled(form, k):
    A = small(k)
    b = np.arange(1.0, 1 + A.shape[0])
    x, info = jaxamg.solve(
        form(A), b, {"solver": "FGMRES", "preconditioner": "BLOCK_JACOBI"}, block_dim=k, tolerance=1e-12
    )
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    np.testing.assert_allclose(x, np.linalg.solve(A.toarray(), b), rtol=1e-9)


def test_derivatives_do_not_know_of_blocks():
    A = small()
    matrix, b = BCSR.from_scipy_sparse(A), jnp.arange(1.0, 13.0)

    def norm(values, b, block_dim):
        M = BCSR((values, matrix.indices, matrix.indptr), shape=matrix.shape)
        x, _ = jaxamg.solve(M, b, block_dim=block_dim, tolerance=1e-12)
        return jnp.sum(x**2)

    gradients = [jax.jit(jax.grad(norm, argnums=(0, 1)), static_argnums=2)(matrix.data, b, k) for k in (1, 2)]
    for one, two in zip(*gradients, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-8, atol=1e-12)
    many = jax.vmap(lambda s: norm(s * matrix.data, b, 2))(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(many[1], many[0] / 4, rtol=1e-8)


def test_preconditioners_take_blocks():
    A = small()
    M = jaxamg.make_preconditioner(A, {"solver": "BLOCK_JACOBI", "relaxation_factor": 1.0}, block_dim=2)
    blocks = sp.csr_array(A.toarray() * np.kron(np.eye(6), np.ones((2, 2))))
    np.testing.assert_allclose(M(np.ones(12)), np.linalg.solve(blocks.toarray(), np.ones(12)), rtol=1e-12)


def test_a_cached_solver_is_one_of_its_block_dim():
    A, b = small(), np.ones(12)
    jaxamg.clear_solver_cache()
    for block_dim in (1, 2, 1, 2, 3):
        jaxamg.solve(A, b, block_dim=block_dim)
    info = jaxamg.get_solver_cache_info()
    assert (info["setups"], info["hits"]) == (3, 2)


@pytest.mark.parametrize(
    "call", [jaxamg.setup, jaxamg.make_preconditioner, lambda A, **k: jaxamg.solve(A, np.ones(12), **k)]
)
def test_unknowns_that_are_no_nodes(call):
    with pytest.raises(ValueError, match="12 unknowns are no nodes of 5"):
        call(small(), block_dim=5)


@pytest.mark.parametrize("block_dim", [0, -2])
def test_block_dim_is_positive(block_dim):
    with pytest.raises(ValueError, match="block_dim"):
        jaxamg.solve(small(), np.ones(12), block_dim=block_dim)
