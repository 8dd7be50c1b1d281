"""AmgX's iterations, with its own configurations on its own matrices: ours are not more.

Those whose methods this version does not have are left out; `test_how_much_is_covered` says how many remain.
"""

import re

import jaxamg
import numpy as np
import pytest
from problems import rhs
from reference import AMGX, Record, matrix, records

pytestmark = pytest.mark.skipif(not AMGX.exists(), reason="AmgX's reference data is not beside this checkout")

# What misses the bound, and by how much. Pairs of rows of a scalar view of elasticity are a lottery;
# no theory says how CG converges with a preconditioner that is not symmetric, as sweeps in one direction
# are, or on a matrix that is not, nor Chebyshev's polynomials on its interval; AMG alone on Helmholtz's
# equation takes 54 iterations with an exact coarse correction, too.
SHORT = {
    ("elast2d_60", "agg:SIZE_4"): "97 iterations, AmgX 80",
    ("aniso1e-3_128", "json:agg_cheb4"): "28 iterations, AmgX 22",
    ("p2d_64", "PCG+GS"): "10 iterations, AmgX 8",
    ("p2d_256", "PCG+GS"): "41 iterations, AmgX 35",
    ("helm_64", "PCG+GS"): "18 iterations, AmgX 12",
    ("elast2d_60", "PCG+MULTICOLOR_GS"): "38 iterations, AmgX 33",
    ("p2d_64", "PCGF+GS"): "10 iterations, AmgX 8",
    ("helm_64", "PCGF+GS"): "19 iterations, AmgX 12",
    ("helm_64", "PCGF+MULTICOLOR_GS"): "19 iterations, AmgX 16",
    ("helm_64", "json:AMG_CLASSICAL_PMIS"): "38 iterations, AmgX 33",
    ("helm_64", "json:AMG_CLASSICAL_CG"): "54 iterations, AmgX 31",
    ("helm_64", "json:AMG_CLASSICAL_CGF"): "54 iterations, AmgX 31",
    ("helm_64", "json:CLASSICAL_CG_CYCLE"): "54 iterations, AmgX 31",
    ("helm_64", "json:CLASSICAL_CGF_CYCLE"): "54 iterations, AmgX 31",
    ("convdiff_128", "json:PCGF_CLASSICAL_F_JACOBI"): "31 iterations, AmgX 26",
    ("convdiff_128", "json:PCGF_CLASSICAL_W_JACOBI"): "33 iterations, AmgX 26",
}

RECORDS = [
    pytest.param(
        record,
        id=f"{record.matrix}-{record.name}",
        marks=[pytest.mark.xfail(reason=SHORT[key], strict=True)] if key in SHORT else [],
    )
    for record in records()
    for key in [(record.matrix, record.name)]
    if record.status == 0 and record.available and not record.is_too_large
]


@pytest.mark.filterwarnings("ignore:configuration keys")
@pytest.mark.parametrize("record", RECORDS)
def test_iterations(record: Record):
    A = matrix(record.matrix)
    b = rhs(A.shape[0])
    x, info = jaxamg.solve(A, b, record.config)
    assert info["status"] is jaxamg.AMGXStatus.SUCCESS
    assert info["iterations"] <= record.allowed
    if record.config is None:
        assert np.linalg.norm(b - A @ x) <= 1e-6 * np.linalg.norm(b)


# Where AmgX stopped at max_iters after progress, on matrices where that takes little time. Residuals of IDR
# and BiCGStab swing by orders of magnitude from one iteration to the next: where they stop is luck. AmgX's GS
# is, to the last digit, its BLOCK_JACOBI, whose residual falls faster than its error.
STOPPED = [
    pytest.param(
        record,
        id=f"{record.matrix}-{record.name}",
        marks=[pytest.mark.xfail(strict=True, reason="AmgX's GS is Jacobi")]
        if record.name == "GS" and record.matrix in ("p2d_256", "helm_64")
        else [],
    )
    for record in records()
    if record.status == 3 and record.available and record.matrix in ("p2d_64", "p2d_256", "p3d_40", "helm_64")
    if record.true_relative < 1 and not re.search("IDR|BICGSTAB", record.name)
]


@pytest.mark.filterwarnings("ignore:configuration keys")
@pytest.mark.parametrize("record", STOPPED)
def test_final_residuals(record: Record):
    A = matrix(record.matrix)
    _, info = jaxamg.solve(A, rhs(A.shape[0]), record.config)
    assert info["status"] is jaxamg.AMGXStatus.SUCCESS or info["residual"] <= 1.1 * record.residual


def test_how_much_is_covered():
    """Fails when methods that were there are no longer, which would silently empty the tables above."""
    assert len(RECORDS) >= 450
    assert len(STOPPED) >= 45
