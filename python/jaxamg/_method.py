"""A configuration as the engine takes it."""

import json
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from . import _engine
from ._config import resolve, resolve_preconditioner

# Read by `_stats`: what is logged.
PRINTED = frozenset({"print_config", "print_grid_stats", "print_solve_stats", "obtain_timings"})


class Method(NamedTuple):
    """A validated configuration."""

    canonical: str
    """AmgX's notation in one normal form."""
    max_iters: int
    tolerance: float
    monitored: bool
    printed: frozenset[str]
    """Those of `PRINTED` that are set anywhere."""
    block_dim: int = 1


def method_of(canonical: str, block_dim: int) -> Method:
    """Take a configuration in the engine's notation, as it comes from a file."""
    info = _engine.config_info(canonical)
    return Method(canonical, info["max_iters"], info["tolerance"], True, frozenset(), block_dim)


def check_nodes(n: int, block_dim: int) -> None:
    """Raise ValueError if n unknowns are no nodes of block_dim."""
    if block_dim > 0 and n % block_dim:
        raise ValueError(f"block_dim: {n} unknowns are no nodes of {block_dim} each")


def method(config: Any, keywords: Mapping[str, Any]) -> Method:
    """Merge defaults, configuration and keywords; validate; warn once of keys that nothing reads.

    Raises what `resolve` raises, and ValueError with the path of a key that is unknown or out of range.
    """
    return _validated(_encode(resolve(config, keywords)))


def preconditioner_method(config: Any, keywords: Mapping[str, Any]) -> Method:
    """As `method`, for what preconditions somebody else's iteration."""
    return _validated(_encode(resolve_preconditioner(config, keywords)))


# In a loop of eager solves the same dict comes again and again, and validating it can take longer than a
# small solve. The key is JSON since that tells 1 from 1.0 and true, which in Python are equal and hash alike.
@lru_cache(maxsize=256)
def _validated(document: str) -> Method:
    tree = json.loads(document)
    canonical = _engine.canonical_config(tree)
    info = _engine.config_info(canonical)
    unread = _theirs(tree, info["unread"])
    for path in unread:
        if _name(path) == "precond_dtype":
            raise ValueError(
                f"{path}: no Krylov method with a preconditioner reads it; its precision is that of A and b. "
                'Choose one, such as "PCG", or convert A and b to float32'
            )
    if unread:
        message = f"configuration keys that no method in use reads: {', '.join(unread)}"
        warnings.warn(message, UserWarning, stacklevel=4)
    printed = frozenset(_name(path) for path, value in _values(tree) if value) & PRINTED
    monitored = bool(tree["solver"]["monitor_residual"])
    block_dim = tree.get("block_dim", 1)
    return Method(canonical, info["max_iters"], info["tolerance"], monitored, printed, block_dim)


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def unread_keys(tree: Mapping[str, Any]) -> list[str]:
    """Paths of the keys in a resolved configuration that the user gave and no method in use reads."""
    return _theirs(tree, _engine.config_info(_engine.canonical_config(tree))["unread"])


def _theirs(tree: Mapping[str, Any], unread: list[str]) -> list[str]:
    # Unread, defaults are nobody's mistake.
    defaults: set[tuple[str, Any]] = set()
    for keys in ({}, {"block_dim": 2}):
        defaults |= {*_values(resolve(None, keys)), *_values(resolve_preconditioner(None, keys))}
    theirs = {path for path, value in _values(tree) if (path, value) not in defaults}
    return [path for path in unread if path in theirs and _name(path) not in PRINTED]


def _values(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield prefix + key, value.get("solver")
            yield from _values(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _refuse(value: Any) -> Any:
    raise TypeError(f"a configuration holds numbers, strings and dicts, not a {type(value).__name__}")


_encode = json.JSONEncoder(default=_refuse).encode
