"""The live residual line of the command line."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Observer = Callable[[int, list[float]], None]


@contextmanager
def live_residual() -> Iterator[Observer]:
    """Show each iteration's residual on one line of a terminal; elsewhere print few lines."""
    if not sys.stdout.isatty():
        yield _print_sparsely
        return
    try:
        from rich.live import Live
        from rich.text import Text
    except ImportError:
        yield lambda iteration, residual: print(f"\r{_line(iteration, residual)}", end="", flush=True)
        print()
        return
    with Live(refresh_per_second=10) as live:

        def show(iteration: int, residual: list[float]) -> None:
            live.update(Text(_line(iteration, residual)))

        yield show


def _print_sparsely(iteration: int, residual: list[float]) -> None:
    if iteration & (iteration - 1) == 0:  # 0 and the powers of two
        print(_line(iteration, residual), flush=True)


def _line(iteration: int, residual: list[float]) -> str:
    return f"iteration {iteration:4}  residual {residual[0]:.3e}"
