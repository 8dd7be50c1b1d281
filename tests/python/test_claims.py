"""What a solve reports is true, whatever the matrix: methods that do not suit it included."""

import warnings

import jaxamg
import numpy as np
import pytest
from jaxamg import AMGXStatus
from problems import convection_diffusion2d, helmholtz2d, poisson2d, rhs, tridiagonal

n = 36
NEUMANN = tridiagonal(n).toarray()
NEUMANN[0, 0] = NEUMANN[-1, -1] = 1.0
MATRICES = {
    "SPD": poisson2d(6).toarray(),
    "nonsymmetric": convection_diffusion2d(6, 40.0).toarray(),
    "indefinite": helmholtz2d(6, 1.0).toarray(),
    "negative definite": -poisson2d(6).toarray(),
    "cyclic shift": np.roll(np.eye(n), 1, axis=1),
    "skew-symmetric": np.triu(np.ones((n, n)), 1) - np.tril(np.ones((n, n)), -1),
    "triangular": np.triu(np.ones((n, n))),
    "rank 1": np.ones((n, n)),
    "constants in its null space": NEUMANN,
    "an empty column": poisson2d(6).toarray() * (np.arange(n) != 5),
    "rows of all sizes": np.logspace(-8, 8, n)[:, None] * poisson2d(6).toarray(),
}
AMG = {"solver": "AMG", "dense_lu_num_rows": 4, "max_iters": 1}
PRECONDITIONERS = {
    "AMG": AMG,
    "aggregation": AMG | {"algorithm": "AGGREGATION", "selector": "SIZE_2"},
    "smoothed aggregation": AMG | {"algorithm": "SMOOTHED_AGGREGATION"},
    "Jacobi": {"solver": "BLOCK_JACOBI", "max_iters": 1},
    "DILU": {"solver": "MULTICOLOR_DILU", "max_iters": 1},
    "GMRES": {"solver": "GMRES", "max_iters": 3, "preconditioner": "NOSOLVER"},
    "none": "NOSOLVER",
}
KRYLOV = ["PCG", "PCGF", "PBICGSTAB", "GMRES", "FGMRES", "IDR", "IDRMSYNC"]
STATIONARY = ["AMG", "BLOCK_JACOBI", "JACOBI_L1", "MULTICOLOR_GS", "KACZMARZ", "CHEBYSHEV_POLY"]
METHODS = {
    **{f"{k}, {p}": {"solver": k, "preconditioner": c} for k in KRYLOV for p, c in PRECONDITIONERS.items()},
    **{name: {"solver": name} for name in STATIONARY},
}


@pytest.mark.parametrize("name", MATRICES)
def test_reports_are_true(name, dtype):
    A, b = MATRICES[name].astype(dtype), rhs(n).astype(dtype)
    tolerance, eps = (1e-4 if dtype == np.float32 else 1e-8), float(np.finfo(dtype).eps)
    for method, config in METHODS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jaxamg.NullSpaceWarning)
            x, info = jaxamg.solve(A, b, config, tolerance=tolerance, max_iters=60)
        if info["status"] == AMGXStatus.FAILED:
            assert np.isnan(x).all(), method
            continue
        wide, x = A.astype(np.float64), np.array(x, np.float64)
        if name == "an empty column":  # an unknown that no equation sees: its value is nobody's claim
            x[5] = 0
        residual = np.linalg.norm(b - wide @ x)
        rounding = eps * np.linalg.norm(abs(wide) @ abs(x) + abs(b))
        assert info["residual"] == pytest.approx(residual, rel=1e-3, abs=10 * rounding), method
        assert info["residual"] == info["residual_history"][-1], method
        if info["status"] == AMGXStatus.SUCCESS:
            assert residual <= max(1.01 * tolerance * np.linalg.norm(b), 10 * rounding), method
            assert residual <= 0.11 * np.linalg.norm(b), method  # an x so large that all is rounding is none
