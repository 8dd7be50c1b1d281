"""How a solve ended."""

from enum import IntEnum


class AMGXStatus(IntEnum):
    """Outcome of a solve, as `info["status"]`; the numbers are AmgX's.

    Inside `jit` the status is an int32 array; `AMGXStatus(int(status))` names it afterwards.

    >>> AMGXStatus(0)
    <AMGXStatus.SUCCESS: 0>
    """

    SUCCESS = 0
    """The convergence criterion holds, checked once against b - A x."""
    FAILED = 1
    """Breakdown, a singular matrix, or non-finite input: x is NaN where it has no meaning."""
    DIVERGED = 2
    """The residual exceeded `rel_div_tolerance` times the initial one."""
    NOT_CONVERGED = 3
    """`max_iters` reached, or the iteration stagnated above the tolerance."""
