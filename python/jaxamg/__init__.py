"""Differentiable sparse linear solvers for JAX by algebraic multigrid, with AmgX's configurations.

`solve(A, b)` solves A x = b, eagerly or inside `jit`, and can be differentiated in A's values and b.

    import jaxamg

    A = jaxamg.matrices.poisson_matrix(256)
    b = jaxamg.matrices.rhs_ones(256**2)
    x, info = jaxamg.solve(A, b, {"solver": "PCG"}, tolerance=1e-5)
"""

from typing import TYPE_CHECKING, Any

from ._cache import clear_solver_cache, finalize, get_solver_cache_info
from ._solve import solve
from ._status import AMGXStatus

if TYPE_CHECKING:
    from . import matrices

__all__ = [
    "AMGXStatus",
    "clear_solver_cache",
    "finalize",
    "get_solver_cache_info",
    "matrices",
    "solve",
]


def __getattr__(name: str) -> Any:
    # What imports SciPy or reads the installed metadata waits until somebody asks.
    if name == "matrices":
        import importlib

        return importlib.import_module(".matrices", __name__)
    if name == "__version__":
        from importlib.metadata import version

        return version("jaxamg")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
