"""What a solve did, as text: for the file of `save_stats_file`, and for the logger "jaxamg"."""

import logging
import os
from itertools import pairwise
from typing import Any

import jax
import numpy as np
from jax.experimental import io_callback

from . import _engine
from ._complex import real_form
from ._matrix import Operands, is_traced, working_dtype
from ._method import Method
from ._status import AMGXStatus

_logger = logging.getLogger("jaxamg")


def publish(
    path: str | os.PathLike[str] | None,
    method: Method,
    A: Operands,
    report: Any = (),
    *,
    near: Any = None,
    reuse_setup: str = "refresh",
    hierarchy: Any = None,
    in_real_form: bool = False,
) -> None:
    """Write everything to the file, if one is named, and log the parts that the configuration asks for.

    `in_real_form`: the system was complex. Without a report there has been no solve yet. Traced arrays are
    reported when they are there.
    """
    logged = method.printed if _logger.isEnabledFor(logging.INFO) else frozenset()
    if path is None and not logged:
        return
    target = None if path is None else os.fspath(path)

    near = np.zeros(0) if near is None else near
    traced = is_traced(*A.arrays, near, *report)
    if traced or not isinstance(A.values, jax.Array):
        on_gpu = jax.default_backend() == "gpu"
    else:
        on_gpu = next(iter(A.values.devices())).platform == "gpu"

    def write(arrays: Any, near: Any, report: Any) -> None:
        matrix = Operands(A.format, *arrays, n=A.n)
        if in_real_form:
            matrix = real_form(matrix)
        parts = _parts(method.canonical, matrix, near, report, reuse_setup, hierarchy, on_gpu)
        for key, text in parts.items():
            if key in logged:
                _logger.info("%s", text)
        if target is not None:
            with open(target, "w", encoding="utf-8") as file:
                file.write("\n\n".join(parts.values()) + "\n")

    if traced:
        # A callback has no derivative, and needs none.
        io_callback(write, None, *jax.lax.stop_gradient((A.arrays, near)), report)
    else:
        write(A.arrays, near, report)


def _parts(
    config: str, A: Operands, near: Any, report: Any, reuse_setup: str, hierarchy: Any, on_gpu: bool
) -> dict[str, str]:
    """Return the sections by the configuration key that asks for them."""
    from ._grid import grid_table, megabytes

    if hierarchy is not None:
        solver = hierarchy.report
    else:
        dtype = report[3].dtype if report else working_dtype(A.values, A.values)
        values = np.ascontiguousarray(A.values, dtype)
        near = np.ascontiguousarray(near, dtype)
        indices = map(np.ascontiguousarray, (A.row_index, A.col_index))
        solver = _engine.cached_report(config, A.format, *indices, values, A.n, near, reuse_setup, on_gpu)
    grids = grid_table(solver)
    parts = {
        "print_config": "settings\n" + config.replace(", ", "\n"),
        "print_grid_stats": (f"grids\n{grids}\n" if grids else "") + megabytes(solver),
    }
    if report:
        iterations, status, _, _, _, history, times = map(np.asarray, report)
        parts["print_solve_stats"] = "\n\n".join(
            f"residuals of right-hand side {lane}: {AMGXStatus(int(status[lane])).name}\n"
            + _residual_table(history[lane, : count + 1])
            for lane, count in enumerate(iterations)
        )
        parts["obtain_timings"] = f"setup {times[0]:.6f} s, solve {times[1]:.6f} s"
    return parts


def _residual_table(history: np.ndarray) -> str:
    from ._grid import align

    rows = [("iteration", "residual", "rate"), ("0", f"{history[0]:.6e}", "")]
    for i, (before, now) in enumerate(pairwise(history), start=1):
        rows.append((str(i), f"{now:.6e}", f"{now / before:.4f}" if before > 0 else ""))
    return align(rows)
