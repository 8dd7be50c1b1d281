"""Differentiable sparse linear solvers for JAX by algebraic multigrid, with AmgX's configurations.

`solve(A, b)` solves A x = b, eagerly or inside `jit`, and can be differentiated in A's values and b.

    import jaxamg

    A = jaxamg.matrices.poisson_matrix(256)
    b = jaxamg.matrices.rhs_ones(256**2)
    x, info = jaxamg.solve(A, b, {"solver": "PCG"}, tolerance=1e-5)
"""

from typing import TYPE_CHECKING, Any

from ._cache import clear_solver_cache, finalize, get_solver_cache_info
from ._describe import describe
from ._nullspace import NullSpaceWarning
from ._preconditioner import make_preconditioner
from ._rigid_body_modes import rigid_body_modes
from ._solve import solve
from ._status import AMGXStatus

if TYPE_CHECKING:
    from . import matrices
    from ._coloring import cache_coloring
    from ._hierarchy import Hierarchy, setup
    from ._lineax import AMG, SparseLinearOperator, make_lineax_preconditioner
    from ._pattern import Pattern, pattern
    from ._with_cache import with_cache

__all__ = [
    "AMG",
    "AMGXStatus",
    "Hierarchy",
    "NullSpaceWarning",
    "Pattern",
    "SparseLinearOperator",
    "cache_coloring",
    "clear_solver_cache",
    "describe",
    "finalize",
    "get_solver_cache_info",
    "make_lineax_preconditioner",
    "make_preconditioner",
    "matrices",
    "pattern",
    "rigid_body_modes",
    "setup",
    "solve",
    "with_cache",
]


# What imports SciPy or lineax waits until somebody asks.
_LATER = {
    "AMG": "_lineax",
    "Hierarchy": "_hierarchy",
    "Pattern": "_pattern",
    "SparseLinearOperator": "_lineax",
    "cache_coloring": "_coloring",
    "make_lineax_preconditioner": "_lineax",
    "matrices": "matrices",
    "pattern": "_pattern",
    "setup": "_hierarchy",
    "with_cache": "_with_cache",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        import importlib

        module = importlib.import_module(f".{_LATER[name]}", __name__)
        return module if name == "matrices" else getattr(module, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("jaxamg")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
