"""The command line: solve a Matrix Market file, check a configuration, or tell what is installed."""

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse as sp

from . import _engine
from ._auto import choose
from ._cache import get_solver_cache_info
from ._config import resolve
from ._describe import descriptions
from ._grid import grid_table, megabytes, set_up
from ._method import method, unread_keys
from ._progress import live_residual
from ._status import AMGXStatus

BAD_INPUT = 2


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0 on SUCCESS, 1 if the solve ended otherwise, 2 on bad input."""
    options = _parser().parse_args(arguments)
    warnings.showwarning = lambda message, *_: print(f"jaxamg: warning: {message}", file=sys.stderr)
    try:
        return options.run(options)
    except (OSError, ValueError, TypeError, ImportError) as error:
        print(f"jaxamg: error: {error}", file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jaxamg", description="Sparse linear solvers by algebraic multigrid."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    solve = commands.add_parser(
        "solve",
        help="solve A x = b for a matrix from a file",
        description="Solve A x = b in float64 and report iterations, residuals, grids and times.",
        epilog="Exit code: 0 if the solve ended with SUCCESS, 1 if it ended otherwise, 2 for bad input. "
        "The environment variable JAXAMG_NUM_THREADS sets the number of threads.",
    )
    solve.add_argument("matrix", metavar="A.mtx", help="Matrix Market file (.gz as well)")
    solve.add_argument("--rhs", metavar="b.mtx", help="right-hand side, also .npy (default: ones)")
    solve.add_argument(
        "--config",
        metavar="c.json",
        help='AmgX configuration, a preset\'s name, or "auto": what suits A (default: BiCGStab with AMG)',
    )
    solve.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="key of the outer solver, or by a dotted path of what it holds, with a JSON value or a word: "
        "tolerance=1e-8, solver=PCG, preconditioner.presweeps=2; repeatable, wins over --config",
    )
    solve.add_argument("--output", metavar="x.npy", help="write the solution, NumPy format")
    solve.add_argument("--plot", metavar="history.png", help="plot the residual history (needs matplotlib)")
    solve.set_defaults(run=_solve)

    info = commands.add_parser("info", help="print version, threads, methods and cache size")
    info.set_defaults(run=_info)

    methods = commands.add_parser("methods", help="list the methods that fill a slot, and their sources")
    methods.set_defaults(run=_methods)

    config = commands.add_parser("config", help="work on configuration files")
    config_commands = config.add_subparsers(required=True, metavar="COMMAND")
    check = config_commands.add_parser(
        "check",
        help="say what is wrong with a configuration, and which of its keys nothing reads",
        epilog="Exit code: 0 if a solve would take the configuration, 2 if not.",
    )
    check.add_argument("file", metavar="FILE", help="AmgX configuration, JSON")
    check.set_defaults(run=_check_config)
    return parser


def _solve(options: argparse.Namespace) -> int:
    settings = _settings(options.set)
    chosen = None if options.config == "auto" else method(options.config, settings)
    plot = _plotter() if options.plot else None
    for path in filter(None, (options.output, options.plot)):
        _check_folder(path)
    A = _read_matrix(options.matrix)
    if chosen is None:
        choice = choose(A)
        chosen = method(choice.config, settings)
        print(f"configuration {choice.preset}: {choice.why}")
    b = _read_rhs(options.rhs, A.shape[0])
    print(f"{options.matrix}: {A.shape[0]:,} unknowns, {A.nnz:,} nonzeros; b = {options.rhs or 'ones'}")

    solver = set_up(chosen.canonical, A)
    with live_residual() as observer:
        x, info = solver.solve(b, observer=observer)
    status = AMGXStatus(info["status"][0])
    reason = _engine.explain(info["reason"][0])

    report = solver.report()
    if grids := grid_table(report):
        print(f"\n{grids}")
    print(f"\n{status.name} after {info['iterations'][0]} iterations" + (f": {reason}" if reason else ""))
    print(f"residual {info['residual'][0]:.3e}, true relative residual {_relative_residual(A, x, b):.3e}")
    print(f"setup {solver.setup_time:.3f} s, solve {solver.solve_time:.3f} s, {megabytes(report)}")
    if options.output:
        with open(options.output, "wb") as file:  # np.save would append .npy to another name
            np.save(file, x)
    if plot:
        plot(info["history"][0], options.plot)
    return 0 if status == AMGXStatus.SUCCESS else 1


def _info(_: argparse.Namespace) -> int:
    from importlib.metadata import version

    print(f"jaxamg {version('jaxamg')}, jax {version('jax')}")
    print(f"threads {_engine.num_threads()}, solver cache {get_solver_cache_info()['capacity']} entries")
    print(f"methods {', '.join(_engine.methods())}")
    return 0


def _methods(_: argparse.Namespace) -> int:
    for entry in descriptions().values():
        if entry.kind == "method":
            print(f"{entry.name:16}  {entry.meaning} [{entry.source}]")
    return 0


def _check_config(options: argparse.Namespace) -> int:
    tree = resolve(options.file, {})
    try:
        unread = unread_keys(tree)
    except ValueError as error:
        raise ValueError(f"{options.file}: {error}") from error
    for path in unread:
        print(f"{options.file}: {path}: no method in use reads this key")
    print(f"{options.file}: valid" + (f", {len(unread)} keys that nothing reads" if unread else ""))
    return 0


def _settings(pairs: list[str]) -> dict[str, Any]:
    """Nest `a.b=value` pairs: {"a": {"b": value}}."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        *scopes, key = path.split(".")
        if not equals or not all([*scopes, key]):
            raise ValueError(f"--set {pair}: expected KEY=VALUE, such as tolerance=1e-8")
        target = settings
        for scope in scopes:
            target = target.setdefault(scope, {})
            if not isinstance(target, dict):
                raise ValueError(f"--set {pair}: {scope} has been set to a value before")
        try:
            target[key] = json.loads(text)
        except ValueError:  # a name
            target[key] = text
    return settings


def _check_folder(path: str) -> None:
    """Before the solve: what a long one found must not be lost."""
    if not Path(path).resolve().parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: its folder does not exist")


def _read_matrix(path: str) -> sp.csr_array:
    A = sp.csr_array(_read_mtx(path))
    if A.shape[0] != A.shape[1] or A.shape[0] == 0:
        raise ValueError(f"{path}: the matrix must be square and not empty, not of shape {A.shape}")
    return A.astype(np.float64)


def _read_rhs(path: str | None, n: int) -> np.ndarray:
    if path is None:
        return np.ones(n)
    b = np.load(path) if Path(path).suffix == ".npy" else _read_mtx(path)
    b = np.squeeze(b.toarray() if sp.issparse(b) else b)
    if b.shape != (n,):
        raise ValueError(f"{path}: expected {n} numbers, got shape {b.shape}")
    return b.astype(np.float64)


def _read_mtx(path: str) -> Any:
    try:
        array = scipy.io.mmread(path, spmatrix=False)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path} is no Matrix Market file: {error}") from error
    if np.iscomplexobj(array):
        raise ValueError(f"{path} holds complex numbers, for which there is jaxamg.solve in Python")
    return array


def _relative_residual(A: sp.csr_array, x: np.ndarray, b: np.ndarray) -> float:
    """‖b - A x‖ / ‖b‖ without the engine."""
    norm_b = float(np.linalg.norm(b))
    return float(np.linalg.norm(b - A @ x)) / (norm_b or 1.0)


def _plotter() -> Any:
    """Import matplotlib before the solve: a long one must not end in an ImportError."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("--plot needs matplotlib: pip install 'jaxamg[plot]'") from error

    def plot(history: list[float], path: str) -> None:
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        axes.semilogy(history, marker=".")
        axes.set(xlabel="iteration", ylabel="residual")
        axes.grid(True)
        figure.savefig(path)

    return plot
