"""Configurations with a name: `solve(A, b, "pcg-aggressive")`."""

from typing import Any

_AGGREGATION = {
    "algorithm": "AGGREGATION",
    "selector": "SIZE_2",
    "min_coarse_rows": 32,
    "dense_lu_num_rows": 64,
}
_CLASSICAL = {"strength_threshold": 0.25, "interp_max_elements": 4}
# l1-Jacobi converges for every symmetric positive definite matrix, M-matrix or not.
_AGGRESSIVE = {
    "aggressive_levels": 1,
    "interp_max_elements": 4,
    "smoother": {"solver": "JACOBI_L1", "relaxation_factor": 1.0},
}
_JACOBI = {"solver": "BLOCK_JACOBI", "max_iters": 1}
_ILU = {"solver": "MULTICOLOR_ILU", "ilu_sparsity_level": 1, "max_iters": 1}

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "pcg-jacobi": {"solver": "PCG", "preconditioner": _JACOBI},
    "pcg-aggregation": {"solver": "PCG", "preconditioner": _AGGREGATION},
    "pcg-classical": {"solver": "PCG", "preconditioner": _CLASSICAL},
    "pcg-aggressive": {"solver": "PCG", "preconditioner": _AGGRESSIVE},
    "bicgstab-jacobi": {"solver": "PBICGSTAB", "preconditioner": _JACOBI},
    "bicgstab-aggregation": {"solver": "PBICGSTAB", "preconditioner": _AGGREGATION},
    "bicgstab-classical": {"solver": "PBICGSTAB", "preconditioner": _CLASSICAL},
    "gmres-classical": {"solver": "FGMRES", "gmres_n_restart": 50},
    "gmres-ilu": {"solver": "FGMRES", "gmres_n_restart": 50, "preconditioner": _ILU},
}
