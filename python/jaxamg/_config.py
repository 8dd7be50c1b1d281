"""From what the user wrote to the one configuration the engine reads.

This is the merging half of the configuration: defaults and keywords. Scopes, types, ranges and unknown keys
are the engine's.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.core
import numpy as np

from ._presets import PRESETS

_OUTER_DEFAULTS = {
    "solver": "PBICGSTAB",
    "convergence": "RELATIVE_INI",
    "tolerance": 1e-6,
    "max_iters": 1000,
    "norm": "L2",
    "exact_coarse_solve": 1,
}

_AMG_DEFAULTS = {
    "solver": "AMG",
    "algorithm": "CLASSICAL",
    "selector": "PMIS",
    "interpolator": "D2",
    "smoother": {"solver": "BLOCK_JACOBI", "relaxation_factor": 0.9},
    "presweeps": 1,
    "postsweeps": 1,
    "max_levels": 100,
    "strength_threshold": 0.5,
    "dense_lu_num_rows": 1,
    "aggressive_levels": 0,
    "coarse_solver": "DENSE_LU_SOLVER",
    "max_iters": 1,
    "cycle": "V",
}

# On elasticity block Jacobi has eigenvalues above 2 / 0.9: with the scalar default's damping it diverges.
_BLOCK_AMG_DEFAULTS = {
    "smoother": {"solver": "BLOCK_JACOBI", "relaxation_factor": 0.8},
    "algorithm": "AGGREGATION",
    "selector": "SIZE_2",
    "min_coarse_rows": 32,
    "dense_lu_num_rows": 64,
}

# What `info` reports comes from these two, whatever the user wrote.
_ALWAYS_ON = {"monitor_residual": 1, "store_res_history": 1}

_TOP_LEVEL_KEYS = frozenset(
    {
        "config_version",
        "determinism_flag",
        "block_dim",
        "block_format",
        "separation_interior",
        "separation_exterior",
        "min_rows_latency_hiding",
        "fine_level_consolidation",
    }
)


def resolve(config: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the complete nested configuration (`config_version: 2`) for one solve.

    The key `block_dim`, of the top level, decides the defaults of AMG.

    `config` is a dict, flat (keys of the outer solver) or nested (`solver` is an object), a JSON file's path,
    a preset's name, or None. `kwargs` are keys of the outer solver and win over `config`. Neither is
    modified.

    Raises:
        TypeError: `config` is no dict, path or None.
        ValueError: the file is no JSON object, or a str is neither a file nor a path.
        OSError: the file cannot be read.

    >>> resolved = resolve({"solver": "PCG", "preconditioner": {"solver": "JACOBI_L1"}}, {"tolerance": 1e-8})
    >>> resolved["solver"]["tolerance"], resolved["solver"]["preconditioner"]
    (1e-08, {'solver': 'JACOBI_L1'})
    """
    top, outer = _split(_load(config))
    keyword_top, keyword_outer = _split(plain(kwargs))
    top, outer = top | keyword_top, _merge(outer, keyword_outer)
    defaults = _defaults(outer.get("solver", _OUTER_DEFAULTS["solver"]), top, outer.get("preconditioner"))
    solver = _merge(plain(defaults), outer) | _ALWAYS_ON
    return {"config_version": 2} | top | {"solver": solver}


def resolve_preconditioner(config: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the complete nested configuration of a method that preconditions somebody else's iteration.

    As `resolve`, but the default is the preconditioner of `resolve`'s default. The residual is monitored, as
    `monitor_residual` says, where there is a tolerance to reach; elsewhere one iteration is the default.

    >>> resolve_preconditioner(None, {"presweeps": 2})["solver"]["monitor_residual"]
    0
    """
    top, method = _split(_load(config))
    keyword_top, keywords = _split(plain(kwargs))
    top, method = top | keyword_top, _merge({"solver": "AMG"} | method, keywords)
    if method["solver"] == "AMG":
        defaults = _OUTER_DEFAULTS | _amg_defaults(top, method)
    else:
        defaults = _defaults(method["solver"], top, method.get("preconditioner"))
    monitored = method.get("monitor_residual", int("tolerance" in method))
    max_iters = _OUTER_DEFAULTS["max_iters"] if monitored else 1
    solver = _merge(plain(defaults | {"max_iters": max_iters, "monitor_residual": monitored}), method)
    return {"config_version": 2} | top | {"solver": solver}


def _defaults(outer_solver: Any, top: Mapping[str, Any], preconditioner: Any) -> dict[str, Any]:
    if outer_solver == "AMG":  # has no preconditioner, and runs with AmgX's own AMG defaults
        return _OUTER_DEFAULTS
    return _OUTER_DEFAULTS | {"preconditioner": _amg_defaults(top, preconditioner)}


def _amg_defaults(top: Mapping[str, Any], amg: Any) -> dict[str, Any]:
    if top.get("block_dim", 1) == 1:
        # The selector of classical AMG would be none for aggregates.
        is_aggregation = isinstance(amg, Mapping) and amg.get("algorithm") == "AGGREGATION"
        return _AMG_DEFAULTS | ({"selector": "SIZE_2"} if is_aggregation else {})
    if isinstance(amg, Mapping) and amg.get("algorithm") == "CLASSICAL":  # to which SIZE_2 would be a stray
        return _AMG_DEFAULTS | {"smoother": _BLOCK_AMG_DEFAULTS["smoother"]}
    return _AMG_DEFAULTS | _BLOCK_AMG_DEFAULTS


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge in which `over` wins.

    An object that names another method than the one under it replaces it whole: keys of AMG would be strays
    in a BLOCK_JACOBI.
    """
    merged = dict(under)
    for key, value in over.items():
        below = under.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            same_method = value.get("solver", below.get("solver")) == below.get("solver")
            value = _merge(below, value) if same_method else value
        merged[key] = value
    return merged


def _split(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a configuration, flat or nested, into its top level and the outer solver's object."""
    if isinstance(config.get("solver"), dict):
        return {key: value for key, value in config.items() if key != "solver"}, config["solver"]
    top = {key: value for key, value in config.items() if key in _TOP_LEVEL_KEYS}
    return top, {key: value for key, value in config.items() if key not in _TOP_LEVEL_KEYS}


def _load(config: Any) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, str) and config == "auto":
        raise ValueError('config="auto" needs a matrix to look at, which is not at hand here')
    if isinstance(config, str) and config in PRESETS:
        return plain(PRESETS[config])
    if isinstance(config, (str, os.PathLike)):
        return _read(config)
    if isinstance(config, Mapping):
        return plain(config)
    given = "an array" if hasattr(config, "shape") else type(config).__name__
    hint = "; an initial guess is x0=" if given in ("an array", "list", "tuple") else ""
    raise TypeError(f"config must be a dict or a JSON file's path, not {given}{hint}")


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    path = os.fspath(path)
    if not (os.path.exists(path) or path.endswith(".json") or os.path.dirname(path)):
        raise ValueError(
            f"config {path!r} is no file and no preset; pass a dict, a JSON file's path, None (defaults), "
            f'"auto", or one of {", ".join(PRESETS)}'
        )
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
    except OSError as error:
        raise OSError(error.errno, f"cannot read the configuration file: {error.strerror}", path) from error
    except ValueError as error:  # malformed JSON, or bytes that are no UTF-8
        raise ValueError(f"configuration file {path} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise ValueError(f"configuration file {path} must hold a JSON object, not {type(config).__name__}")
    return config


def plain(value: Any) -> Any:
    """Copy with scalars of NumPy and JAX turned into Python's, which is what JSON and the engine know."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | jax.Array) and value.ndim == 0:
        if isinstance(value, jax.core.Tracer):
            raise TypeError(
                "a configuration is static, but one of its values is traced: name it in static_argnames"
            )
        return value.item()
    return value.item() if isinstance(value, np.generic) else value
