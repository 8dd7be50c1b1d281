"""The text that `save_stats_file` asks for."""

from itertools import pairwise
from typing import Any

import numpy as np

from ._matrix import Operands
from ._status import AMGXStatus


def write_stats(path: str, config: str, format: str, n: int, arrays: Any, report: Any) -> None:
    """Write what one solve did, and the grids it did it on, which are set up here once more."""
    import scipy.sparse as sp

    from ._grid import align, complexities, grid_rows, megabytes, set_up

    rows, columns, values = Operands(format, *arrays, n=n).entries()
    solver = set_up(config, sp.csr_array((values, (rows, columns)), shape=(n, n)))
    sections = ["settings\n" + config.replace(", ", "\n")]
    if solver.grid():
        sections.append(f"grids\n{align(grid_rows(solver))}\n{complexities(solver)}")
    sections.append(megabytes(solver))
    iterations, status, _, _, history, times = map(np.asarray, report)
    for lane, count in enumerate(iterations):
        title = f"residuals of right-hand side {lane}: {AMGXStatus(int(status[lane])).name}"
        sections.append(f"{title}\n{align(_residual_rows(history[lane, : count + 1]))}")
    sections.append(f"setup {times[0]:.6f} s, solve {times[1]:.6f} s")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(sections) + "\n")


def _residual_rows(history: np.ndarray) -> list[tuple[str, ...]]:
    rows = [("iteration", "residual", "rate"), ("0", f"{history[0]:.6e}", "")]
    for i, (before, now) in enumerate(pairwise(history), start=1):
        rows.append((str(i), f"{now:.6e}", f"{now / before:.4f}" if before > 0 else ""))
    return rows
