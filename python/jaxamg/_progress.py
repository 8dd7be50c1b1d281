"""What a terminal shows of long work: the command line's residual, the progress of a loop."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
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


def progress(steps: Iterable[T], count: int, what: str, patience: float = 2.0) -> Iterator[T]:
    """Pass the steps on; on a terminal, show a bar once they have taken longer than `patience` seconds."""
    start, shown = time.monotonic(), False
    for k, step in enumerate(steps):
        if sys.stderr.isatty() and time.monotonic() - start > patience:
            shown = True
            bar = "#" * (30 * k // count)
            print(f"\r{what} [{bar:<30}] {k}/{count}", end="", file=sys.stderr, flush=True)
        yield step
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
