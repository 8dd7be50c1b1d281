"""Defaults and keywords merge into what the engine reads: one case per sentence of the contract."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxamg._config import resolve

OUTER = {
    "solver": "PBICGSTAB",
    "convergence": "RELATIVE_INI",
    "tolerance": 1e-6,
    "max_iters": 1000,
    "norm": "L2",
    "exact_coarse_solve": 1,
    "monitor_residual": 1,
    "store_res_history": 1,
}
AMG = {
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


def nested(**outer):
    return {"config_version": 2, "solver": outer}


CASES = {
    "defaults": (None, nested(**OUTER, preconditioner=AMG)),
    "flat keys belong to the outer solver": (
        {"solver": "PCG", "tolerance": 1e-8},
        nested(**OUTER | {"solver": "PCG", "tolerance": 1e-8}, preconditioner=AMG),
    ),
    "nested": (
        {"config_version": 2, "solver": {"scope": "main", "solver": "PCG", "norm": "L1"}},
        nested(**OUTER | {"scope": "main", "solver": "PCG", "norm": "L1"}, preconditioner=AMG),
    ),
    "nested without a version": (
        {"solver": {"solver": "CG"}},
        nested(**OUTER | {"solver": "CG"}, preconditioner=AMG),
    ),
    "the top level of a nested file stays": (
        {"config_version": 2, "max_iters": 7, "determinism_flag": 1, "solver": {}},
        nested(**OUTER, preconditioner=AMG) | {"max_iters": 7, "determinism_flag": 1},
    ),
    "AMG defaults go under an AMG preconditioner": (
        {"preconditioner": {"solver": "AMG", "selector": "HMIS", "smoother": "JACOBI_L1"}},
        nested(**OUTER, preconditioner=AMG | {"selector": "HMIS", "smoother": "JACOBI_L1"}),
    ),
    "a preconditioner object without a name is AMG": (
        {"preconditioner": {"cycle": "W"}},
        nested(**OUTER, preconditioner=AMG | {"cycle": "W"}),
    ),
    "deep merge reaches the smoother": (
        {"preconditioner": {"smoother": {"max_iters": 2}}},
        nested(**OUTER, preconditioner=AMG | {"smoother": AMG["smoother"] | {"max_iters": 2}}),
    ),
    "another smoother replaces the default one whole": (
        {"preconditioner": {"smoother": {"solver": "CHEBYSHEV"}}},
        nested(**OUTER, preconditioner=AMG | {"smoother": {"solver": "CHEBYSHEV"}}),
    ),
    "a non-AMG preconditioner drops the AMG defaults": (
        {"solver": "CG", "preconditioner": {"solver": "BLOCK_JACOBI"}, "max_iters": 500},
        nested(**OUTER | {"solver": "CG", "max_iters": 500}, preconditioner={"solver": "BLOCK_JACOBI"}),
    ),
    "a preconditioner's name stays a name": (
        {"preconditioner": "BLOCK_JACOBI"},
        nested(**OUTER, preconditioner="BLOCK_JACOBI"),
    ),
    "an outer AMG gets no AMG defaults": (
        {"solver": "AMG", "cycle": "F"},
        nested(**OUTER | {"solver": "AMG", "cycle": "F"}),
    ),
    "top-level keys of a flat dict move to the top": (
        {
            "config_version": 2,
            "determinism_flag": 1,
            "block_format": "COL_MAJOR",
            "separation_interior": "OWNED",
            "separation_exterior": "FULL",
            "min_rows_latency_hiding": 10,
            "fine_level_consolidation": 1,
            "norm": "L1",
        },
        nested(**OUTER | {"norm": "L1"}, preconditioner=AMG)
        | {
            "determinism_flag": 1,
            "block_format": "COL_MAJOR",
            "separation_interior": "OWNED",
            "separation_exterior": "FULL",
            "min_rows_latency_hiding": 10,
            "fine_level_consolidation": 1,
        },
    ),
    "monitoring cannot be turned off": (
        {"monitor_residual": 0, "store_res_history": 0},
        nested(**OUTER, preconditioner=AMG),
    ),
    "inner monitoring is the user's": (
        {"preconditioner": {"solver": "GS", "monitor_residual": 0}},
        nested(**OUTER, preconditioner={"solver": "GS", "monitor_residual": 0}),
    ),
    "aggregates are made by an aggregation's selector": (
        {"preconditioner": {"algorithm": "AGGREGATION"}},
        nested(**OUTER, preconditioner=AMG | {"algorithm": "AGGREGATION", "selector": "SIZE_2"}),
    ),
    "scalars of NumPy and JAX become Python's": (
        {"tolerance": np.float32(0.5), "max_iters": jnp.int32(3)},
        nested(**OUTER | {"tolerance": 0.5, "max_iters": 3}, preconditioner=AMG),
    ),
}


@pytest.mark.parametrize(("config", "expected"), CASES.values(), ids=CASES.keys())
class TestEveryCase:
    def test_resolves_as_documented(self, config, expected):
        assert resolve(config, {}) == expected

    def test_keywords_say_the_same_as_a_dict(self, config, expected):
        assert resolve(None, config or {}) == expected

    def test_resolving_twice_changes_nothing(self, config, expected):
        assert resolve(resolve(config, {}), {}) == expected

    def test_a_file_says_the_same_as_a_dict(self, config, expected, tmp_path):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config or {}, default=lambda scalar: scalar.item()))
        assert resolve(path, {}) == resolve(str(path), {}) == expected


def test_keywords_win_over_the_dict():
    solver = resolve({"solver": "CG", "tolerance": 1e-3}, {"tolerance": 1e-9, "max_iters": 5})["solver"]
    assert (solver["solver"], solver["tolerance"], solver["max_iters"]) == ("CG", 1e-9, 5)


def test_keywords_reach_the_outer_solver_of_a_nested_dict():
    resolved = resolve(
        {"config_version": 2, "solver": {"solver": "CG"}}, {"max_iters": 5, "determinism_flag": 1}
    )
    assert resolved["determinism_flag"] == 1
    assert resolved["solver"]["max_iters"] == 5
    assert "max_iters" not in resolved


def test_a_keyword_replaces_the_preconditioner_by_another_method():
    resolved = resolve({"preconditioner": {"selector": "HMIS"}}, {"preconditioner": {"solver": "GS"}})
    assert resolved["solver"]["preconditioner"] == {"solver": "GS"}


def test_a_keyword_refines_the_preconditioner_of_the_same_method():
    resolved = resolve({"preconditioner": {"selector": "HMIS"}}, {"preconditioner": {"cycle": "W"}})
    assert resolved["solver"]["preconditioner"] == AMG | {"selector": "HMIS", "cycle": "W"}


def test_blocks_are_aggregated():
    blocks = {
        "smoother": {"solver": "BLOCK_JACOBI", "relaxation_factor": 0.8},
        "algorithm": "AGGREGATION",
        "selector": "SIZE_2",
        "min_coarse_rows": 32,
        "dense_lu_num_rows": 64,
    }
    expected = nested(**OUTER, preconditioner=AMG | blocks) | {"block_dim": 2}
    assert resolve(None, {"block_dim": 2}) == resolve({"block_dim": 2}, {}) == expected
    classical = {"preconditioner": {"solver": "AMG", "algorithm": "CLASSICAL"}}
    assert resolve(classical, {"block_dim": 2}) == nested(
        **OUTER, preconditioner=AMG | {"smoother": blocks["smoother"]}
    ) | {"block_dim": 2}


def test_the_users_dict_is_neither_changed_nor_shared():
    config = {"preconditioner": {"solver": "GS", "smoother": {"solver": "GS"}}}
    before = json.dumps(config)
    resolve(config, {"max_iters": 3})["solver"]["preconditioner"]["smoother"]["solver"] = "AMG"
    assert json.dumps(config) == before


def test_the_defaults_are_not_shared():
    resolve(None, {})["solver"]["preconditioner"]["smoother"]["solver"] = "GS"
    assert resolve(None, {}) == nested(**OUTER, preconditioner=AMG)


def test_a_traced_value_is_no_configuration():
    with pytest.raises(TypeError, match="a configuration is static, but one of its values is traced"):
        jax.jit(lambda tolerance: resolve({"tolerance": tolerance}, {}))(1e-3)


@pytest.mark.parametrize("config", [np.zeros(3), np.zeros((2, 2)), np.float64(1), [0.0, 1.0]])
def test_an_array_is_sent_to_x0(config):
    with pytest.raises(TypeError, match="x0="):
        resolve(config, {})


@pytest.mark.parametrize("config", [3, ["PCG"], {"PCG"}, 1e-8, b"PCG"])
def test_anything_else_is_a_type_error(config):
    with pytest.raises(TypeError, match=f"not {type(config).__name__}"):
        resolve(config, {})


def test_a_word_is_no_file():
    with pytest.raises(
        ValueError, match=r"'fastest' is no file and no preset; pass a dict, a JSON file's path"
    ):
        resolve("fastest", {})


@pytest.mark.parametrize("name", ["missing.json", "folder/missing"])
def test_a_missing_file_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"cannot read the configuration file.*{name}"):
        resolve(name, {})


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="cannot read the configuration file"):
        resolve(tmp_path, {})


@pytest.mark.parametrize("content", [b'{"solver": ', b"", b"\xff\xfe\x00"])
def test_broken_json_is_named(content, tmp_path):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.json is not valid JSON"):
        resolve(path, {})


def test_a_json_list_is_no_configuration(tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"list\.json must hold a JSON object, not list"):
        resolve(path, {})
