"""SMOOTHED_AGGREGATION on elasticity: as few iterations as PyAMG's, on any mesh."""

import jax
import jaxamg
import numpy as np
import pytest
from problems import elasticity2d, elasticity3d, rhs

pyamg = pytest.importorskip("pyamg")

SMOOTHED = {
    "solver": "PCG",
    "tolerance": 1e-8,
    "use_scalar_norm": 1,
    "preconditioner": {
        "solver": "AMG",
        "algorithm": "SMOOTHED_AGGREGATION",
        "smoother": {"solver": "MULTICOLOR_GS", "symmetric_GS": 1, "relaxation_factor": 1.0},
        "max_iters": 1,
    },
}


def free_nodes(*cells):
    """Nodes of a grid of cells with x > 0, x running fastest."""
    grid = np.indices([n + 1 for n in reversed(cells)]).reshape(len(cells), -1).T[:, ::-1].astype(float)
    return grid[grid[:, 0] > 0]


def pyamg_iterations(A, B, b):
    residuals = []
    k = 2 if B.shape[1] == 3 else 3
    hierarchy = pyamg.smoothed_aggregation_solver(A.tobsr((k, k)), B=B.astype(float))
    hierarchy.solve(b, tol=1e-8, accel="cg", residuals=residuals)
    return len(residuals) - 1


@pytest.mark.parametrize("cells", [(60, 60), (120, 120), (20, 5, 5), (40, 10, 10)], ids=str)
def test_elasticity_takes_no_more_iterations_than_pyamg(cells):
    A = elasticity2d(cells[0]) if len(cells) == 2 else elasticity3d(*cells)
    B = np.asarray(jaxamg.rigid_body_modes(free_nodes(*cells)))
    b = rhs(A.shape[0])
    x, info = jaxamg.solve(A, b, SMOOTHED, block_dim=len(cells), near_nullspace=B)
    assert info["status"] is jaxamg.AMGXStatus.SUCCESS
    assert np.linalg.norm(b - A @ x) <= 1e-8 * np.linalg.norm(b)
    assert info["iterations"] <= pyamg_iterations(A, B, b) + 2


PROBLEM = (elasticity2d(24), np.asarray(jaxamg.rigid_body_modes(free_nodes(24, 24))))


def solve(b, near=PROBLEM[1], **kwargs):
    return jaxamg.solve(PROBLEM[0], b, SMOOTHED, block_dim=2, near_nullspace=near, tolerance=1e-12, **kwargs)


def test_other_vectors_are_another_hierarchy():
    A, B = PROBLEM
    b = rhs(A.shape[0])
    jaxamg.clear_solver_cache()
    iterations = [solve(b, near)[1]["iterations"] for near in (B, None, B[:, :2], B, 2 * B, B)]
    assert iterations[0] == iterations[3] == iterations[5] < iterations[1]
    counts = jaxamg.get_solver_cache_info()
    assert (counts["setups"], counts["refreshes"]) == (1, 5)
    solve(b, B)
    assert jaxamg.get_solver_cache_info()["hits"] == counts["hits"] + 1


def test_gradients_and_lanes_and_jit():
    A, B = PROBLEM
    b = rhs(A.shape[0])
    dense = A.toarray()

    def loss(b, near):
        return jax.numpy.sum(solve(b, near)[0] ** 3)

    exact = np.linalg.solve(dense.T, 3 * np.linalg.solve(dense, b) ** 2)
    for gradient in (jax.grad(loss)(b, B), jax.jit(jax.grad(loss))(b, B)):
        np.testing.assert_allclose(gradient, exact, rtol=1e-7, atol=1e-7 * np.abs(exact).max())
    assert not np.asarray(jax.grad(loss, argnums=1)(b, B)).any()
    x = jax.vmap(lambda b: solve(b)[0])(np.stack([b, -2 * b]))
    np.testing.assert_allclose(x, np.linalg.solve(dense, np.stack([b, -2 * b]).T).T, rtol=1e-7)
    with pytest.raises(NotImplementedError, match="vmap over near_nullspace"):
        jax.vmap(lambda near: solve(b, near)[0])(np.stack([B, B]))


def test_stats_show_the_hierarchy_of_the_solve(tmp_path):
    jaxamg.clear_solver_cache()
    solve(rhs(PROBLEM[0].shape[0]), save_stats_file=tmp_path / "stats.txt")
    assert jaxamg.get_solver_cache_info()["refreshes"] == 0


@pytest.mark.parametrize(
    ("near", "config", "message"),
    [
        (np.ones(3), SMOOTHED, "near_nullspace has shape"),
        (np.full(PROBLEM[0].shape[0], np.nan), SMOOTHED, "near_nullspace has NaN"),
        (PROBLEM[1], {"solver": "PCG"}, "only algorithm SMOOTHED_AGGREGATION"),
    ],
)
def test_misuse(near, config, message):
    with pytest.raises(ValueError, match=message):
        jaxamg.solve(PROBLEM[0], rhs(PROBLEM[0].shape[0]), config, near_nullspace=near)
