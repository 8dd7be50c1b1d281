"""Configurations with a name: `solve(A, b, "pcg-aggressive")`."""

from typing import Any

_AGGREGATION = {
    "algorithm": "AGGREGATION",
    "selector": "SIZE_2",
    "min_coarse_rows": 32,
    "dense_lu_num_rows": 64,
}
_CLASSICAL = {"strength_threshold": 0.25, "interp_max_elements": 4}
# Converges for every symmetric positive definite matrix, M-matrix or not.
_L1_JACOBI = {"solver": "JACOBI_L1", "relaxation_factor": 1.0}
_AGGRESSIVE = {"aggressive_levels": 1, "interp_max_elements": 4, "smoother": _L1_JACOBI}
_SMOOTHED = {"algorithm": "SMOOTHED_AGGREGATION", "smoother": _L1_JACOBI}
_JACOBI = {"solver": "BLOCK_JACOBI", "max_iters": 1}
_ILU = {"solver": "MULTICOLOR_ILU", "ilu_sparsity_level": 1, "max_iters": 1}

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "pcg-jacobi": {"solver": "PCG", "preconditioner": _JACOBI},
    "pcg-aggregation": {"solver": "PCG", "preconditioner": _AGGREGATION},
    "pcg-classical": {"solver": "PCG", "preconditioner": _CLASSICAL},
    "pcg-aggressive": {"solver": "PCG", "preconditioner": _AGGRESSIVE},
    "pcg-smoothed": {"solver": "PCG", "preconditioner": _SMOOTHED},
    "bicgstab-jacobi": {"solver": "PBICGSTAB", "preconditioner": _JACOBI},
    "bicgstab-aggregation": {"solver": "PBICGSTAB", "preconditioner": _AGGREGATION},
    "bicgstab-classical": {"solver": "PBICGSTAB", "preconditioner": _CLASSICAL},
    "bicgstab-aggressive": {"solver": "PBICGSTAB", "preconditioner": _AGGRESSIVE},
    "gmres-classical": {"solver": "FGMRES", "gmres_n_restart": 50},
    "gmres-ilu": {"solver": "FGMRES", "gmres_n_restart": 50, "preconditioner": _ILU},
}
