"""Configurations from Python to the engine: what is accepted, refused and warned of."""

import json
import re
import warnings
from pathlib import Path

import jaxamg
import numpy as np
import pytest
from jaxamg import _engine
from jaxamg._config import resolve
from jaxamg._method import method
from systems import MATRIX, B

SAMPLES = sorted((Path(__file__).parents[3] / "shared/amgx/configs").glob("*.json"))


@pytest.mark.skipif(not SAMPLES, reason="AmgX's sample configurations are not beside this checkout")
def test_all_of_amgx_samples_are_accepted():
    assert len(SAMPLES) == 62
    for path in SAMPLES:
        canonical = _engine.canonical_config(resolve(path, {}))
        assert canonical.startswith("config_version=2, "), path.name


REFUSED = {
    "unknown key": (
        {"tolerence": 1e-8},
        ValueError,
        "solver.tolerence: unknown key.*did you mean.*tolerance",
    ),
    "unknown nested key": (
        {"preconditioner": {"solver": "AMG", "presweep": 2}},
        ValueError,
        "solver.preconditioner.presweep: unknown key.*did you mean.*presweeps",
    ),
    "unknown solver": (
        {"solver": "PBICGSTAP"},
        ValueError,
        "unknown solver.*PBICGSTAP.*did you mean.*PBICGSTAB",
    ),
    "unknown choice": ({"norm": "L3"}, ValueError, "solver.norm: .*L3"),
    "a word for a number": ({"max_iters": "many"}, ValueError, "solver.max_iters: expected an integer.*many"),
    "a fraction for an integer": ({"max_iters": 1.5}, ValueError, "solver.max_iters: expected an integer"),
    "negative tolerance": ({"tolerance": -1e-6}, ValueError, "solver.tolerance: expected a number in 0"),
    "no value": ({"tolerance": None}, ValueError, "solver.tolerance: expected"),
    "an array as a value": (
        {"tolerance": np.ones(2)},
        TypeError,
        "numbers, strings and dicts, not a ndarray",
    ),
    "a later version's method": (
        {"selector": "DUMMY", "solver": "AMG"},
        ValueError,
        "DUMMY is not available in this version",
    ),
    "a selector without an aggressive form": (
        {"selector": "CR", "aggressive_levels": 1, "solver": "AMG"},
        ValueError,
        "aggressive_levels: selector CR has no aggressive form; set aggressive_selector",
    ),
    "a method for what a matrix does not have": (
        {"selector": "GEO", "solver": "AMG"},
        ValueError,
        "selector: GEO groups unknowns by their coordinates.*choose PMIS",
    ),
    "a list": (["PCG"], TypeError, "config must be a dict or a JSON file's path, not list"),
    "an array": (np.ones(3), TypeError, "an initial guess is x0="),
    "a missing file": (
        "missing/config.json",
        OSError,
        "cannot read the configuration file.*missing/config.json",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    config, error, message = REFUSED[case]
    with pytest.raises(error) as raised:
        jaxamg.solve(MATRIX, B, config)
    assert re.search(message, str(raised.value), re.DOTALL)


def test_keywords_are_checked_like_the_dict():
    with pytest.raises(ValueError, match=r"solver.tolerance: expected a number in 0"):
        jaxamg.solve(MATRIX, B, tolerance=-1)
    with pytest.raises(ValueError, match=r"solver.x_0: unknown key"):
        jaxamg.solve(MATRIX, B, x_0=1)


def test_a_file_is_read_anew_each_time(tmp_path):
    path = tmp_path / "config.json"
    for count in (1, 2):
        path.write_text(json.dumps({"solver": "PCG", "max_iters": count}))
        assert method(path, {}).max_iters == count
    path.write_text("{")
    with pytest.raises(ValueError, match="is not valid JSON"):
        jaxamg.solve(MATRIX, B, str(path))


def test_values_that_python_calls_equal_are_told_apart():
    assert method({"max_iters": 1}, {}).max_iters == 1
    with pytest.raises(ValueError, match="max_iters"):
        method({"max_iters": True}, {})
    assert method({"max_iters": np.int64(1)}, {}) == method({"max_iters": 1}, {})


class TestUnreadKeys:
    def test_are_listed_once(self):
        config = {"solver": "PCG", "gmres_n_restart": 17, "preconditioner": {"kaczmarz_coloring_needed": 0}}
        unread = "solver.gmres_n_restart, solver.preconditioner.kaczmarz_coloring_needed"
        with pytest.warns(UserWarning, match=unread) as record:
            jaxamg.solve(MATRIX, B, config)
        assert [warning.filename for warning in record] == [__file__]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            jaxamg.solve(MATRIX, B, config)

    @pytest.mark.parametrize(
        "config",
        [
            None,
            {"solver": "CG", "max_iters": 201},
            {"preconditioner": {"algorithm": "AGGREGATION", "selector": "SIZE_2"}, "max_iters": 202},
            {"solver": "AMG", "max_iters": 203},
            {"device_mem_pool_size": 1000, "max_iters": 204},
        ],
        ids=str,
    )
    def test_are_not_our_own_defaults_nor_resource_keys(self, config):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            method(config, {"store_res_history": 1})
