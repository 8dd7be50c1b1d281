"""What a solve reports, and the errors that misuse with concrete data deserves."""

from typing import Any

import numpy as np

from . import _engine
from ._matrix import Operands
from ._status import AMGXStatus

# The engine's reasons that are the caller's mistake rather than the method's failure.
_NONFINITE_MATRIX, _NONFINITE_RHS, _ZERO_ROW = 1, 2, 3
_NULLSPACE, _TRANSPOSE_NULLSPACE = 9, 10


def traced_info(report: list[Any], is_vector: bool, is_singular: bool = False) -> dict[str, Any]:
    """Return `info` as arrays, which `jit` can return; for one right-hand side without the axis of lanes."""
    iterations, status, _, residual, inconsistency, history, _ = (
        lanes[0] if is_vector else lanes for lanes in report
    )
    info = {"iterations": iterations, "residual": residual, "status": status, "residual_history": history}
    return info | ({"rhs_inconsistency": inconsistency} if is_singular else {})


def concrete_info(report: list[np.ndarray], is_vector: bool, is_singular: bool = False) -> dict[str, Any]:
    """Return `info` as Python numbers for one right-hand side, else as NumPy arrays with an axis of lanes."""
    iterations, status, _, residual, inconsistency, history, times = report
    history = history[:, : iterations.max() + 1]
    if is_vector:
        info = {
            "iterations": int(iterations[0]),
            "residual": float(residual[0]),
            "status": AMGXStatus(int(status[0])),
            "residual_history": history[0],
        }
    else:
        info = {"iterations": iterations, "residual": residual, "status": status, "residual_history": history}
    if is_singular:
        info |= {"rhs_inconsistency": float(inconsistency[0]) if is_vector else inconsistency}
    return info | {"setup_time": float(times[0]), "solve_time": float(times[1])}


def raise_misuse(reasons: np.ndarray, A: Operands, b: Any, x0: Any) -> None:
    """Raise ValueError if a lane failed because of what it was given, with the first place of the fault."""
    if not reasons.any():
        return
    finders = {
        _NONFINITE_MATRIX: lambda: _nonfinite_entry(A),
        _NONFINITE_RHS: lambda: _nonfinite("b", b) or _nonfinite("x0", x0),
        _ZERO_ROW: lambda: _zero_row(A),
        _NULLSPACE: lambda: None,
        _TRANSPOSE_NULLSPACE: lambda: None,
    }
    for reason, find in finders.items():
        if reason in reasons:
            place = find()  # None if it is only so in the working precision: 1e300 in float32
            raise ValueError(_engine.explain(reason) + (f": {place}" if place else ""))


def _nonfinite(name: str, array: Any) -> str | None:
    if array is None:
        return None
    array = np.asarray(array)
    for place in np.argwhere(~np.isfinite(array))[:1].tolist():
        return f"{name}{place} is {array[tuple(place)]}"
    return None


def _nonfinite_entry(A: Operands) -> str | None:
    rows, columns, values = A.entries()
    for k in np.flatnonzero(~np.isfinite(values))[:1]:
        return f"A[{rows[k]}, {columns[k]}] is {values[k]}"
    return None


def _zero_row(A: Operands) -> str | None:
    rows, _, values = A.entries()
    is_zero = np.bincount(rows, weights=np.abs(values), minlength=A.n) == 0
    return f"row {np.argmax(is_zero)} of A" if is_zero.any() else None
