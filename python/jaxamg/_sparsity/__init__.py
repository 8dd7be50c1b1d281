"""The sparsity of a linear operator, from its jaxpr.

Every value of the jaxpr is either independent of x, and then known, or linear in x, and then a sparse matrix
(`linear.py`). An equation maps matrices to a matrix: `moves.py` selects rows, `sums.py` and `windows.py` add
them up, `scale.py` scales them, and `probe.py` applies to unit vectors what has no rule. `trace.py` runs the
equations, loops as often as the operator does. Why matrices: SciPy's are fast, a loop or a scatter is exact,
and with coefficients instead of patterns x - x leaves no entry.
"""

from .probe import probe
from .trace import trace

__all__ = ["probe", "trace"]
