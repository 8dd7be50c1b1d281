"""Keys of multigrid that no other test turns: another value is another iteration, which still converges."""

import jaxamg
import numpy as np
import pytest
from problems import anisotropic2d, elasticity2d, rhs

ENERGYMIN = {"algorithm": "ENERGYMIN"}
SCALED = {"algorithm": "AGGREGATION", "error_scaling": 3, "dense_lu_num_rows": 10}
BLOCKS = {"algorithm": "AGGREGATION", "selector": "SIZE_2"}

CASES = {
    "energymin_selector": (ENERGYMIN, "PMIS", 1),
    "energymin_interpolator": (ENERGYMIN, "D2", 1),
    "scaling_smoother_steps": (SCALED, 5, 1),
    "aggregation_edge_weight_component": (BLOCKS, 1, 2),
}


@pytest.mark.parametrize("key", CASES)
def test_a_key_counts(key):
    multigrid, value, block_dim = CASES[key]
    A = anisotropic2d(24, 0.1) if block_dim == 1 else elasticity2d(12)
    b = rhs(A.shape[0])
    histories = []
    for keys in ({}, {key: value}):
        config = {"solver": "FGMRES", "preconditioner": {"solver": "AMG"} | multigrid | keys}
        _, info = jaxamg.solve(A, b, config, block_dim=block_dim)
        assert info["status"] is jaxamg.AMGXStatus.SUCCESS
        histories.append(info["residual_history"])
    assert not np.array_equal(*histories)
