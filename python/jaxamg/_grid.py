"""A solver outside of JAX, and the table of its grids."""

import numpy as np
import scipy.sparse as sp

from . import _engine


def set_up(config: str, A: sp.csr_array) -> _engine.Solver:
    solver = _engine.Solver(config)
    solver.setup(A.indptr.astype(np.int64), A.indices.astype(np.int32), A.data)
    return solver


def grid_table(report: _engine.SolverReport) -> str:
    """Return the levels and complexities of a hierarchy as text, empty if there is none.

    Sparsity is the share of entries that are stored.
    """
    if not report.levels:
        return ""
    rows = [("level", "rows", "nonzeros", "sparsity", "smoother")]
    for number, level in enumerate(report.levels):
        n, nnz = level["rows"], level["entries"]
        rows.append((str(number), f"{n:,}", f"{nnz:,}", f"{nnz / n**2:.2e}", level["smoother"]))
    operator, grid = report.operator_complexity, report.grid_complexity
    return f"{align(rows)}\noperator complexity {operator:.3f}, grid complexity {grid:.3f}"


def align(rows: list[tuple[str, ...]]) -> str:
    """Return a table as text, right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def megabytes(report: _engine.SolverReport) -> str:
    return f"memory {report.bytes / 1e6:.1f} MB"
