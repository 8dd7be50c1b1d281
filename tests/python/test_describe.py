"""`jaxamg.describe`, the reference page, and the shell's `methods` and `config check`."""

import json
import re
from pathlib import Path

import jaxamg
import pytest
from jaxamg import _engine
from jaxamg._cli import main
from jaxamg._describe import descriptions, reference_page

ROOT = Path(__file__).parents[2]
AMGX = ROOT.parent / "shared/amgx"


def test_the_committed_page_is_current():
    page = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    assert page == reference_page(), "run `python docs/generate.py`"


def test_every_registered_method_is_documented_with_its_source():
    page = reference_page()
    for name in _engine.methods():
        description = jaxamg.describe(name)
        assert description.kind == "method"
        assert description.meaning.endswith("."), name
        assert description.source, name
        assert f"| `{name}` |" in page
    documented = {d.name for d in descriptions().values() if d.kind == "method"}
    assert documented == set(_engine.methods())


def test_values_of_the_registry_are_allowed_values_and_documented_with_their_source():
    allowed = {row["name"]: row["allowed"] for row in _engine.parameters()}
    values = [row for row in _engine.registry() if row["key"] != "solver"]
    assert len({row["name"] for row in values} | {*_engine.methods()}) == len(_engine.registry())
    page = reference_page()
    for row in values:
        assert row["name"] in allowed[row["key"]].split("|")
        description = jaxamg.describe(row["name"])
        assert description.kind == row["key"]
        assert description.meaning.endswith("."), row["name"]
        assert description.source, row["name"]
        assert f"| `{row['key']}` | `{row['name']}` |" in page


def test_every_colouring_scheme_says_which_algorithm_serves_it():
    schemes = [d for d in descriptions().values() if d.kind == "matrix_coloring_scheme"]
    assert len(schemes) == 10
    assert all("all schemes are this one" in scheme.meaning for scheme in schemes)


@pytest.mark.skipif(not AMGX.exists(), reason="AmgX's table of parameters is not beside this checkout")
def test_keys_and_defaults_are_those_of_amgx():
    lines = (AMGX / "parameters.tsv").read_text().splitlines()
    table = [line.split("\t") for line in lines if not line.startswith("#")]
    keys = {d.name: d for d in descriptions().values() if d.kind == "key"}
    ours = {"aggregation_threshold", "block_dim", "precond_dtype", "prolongation_damping"}
    assert set(keys) == {row[0] for row in table} | ours
    for name, kind, default, *_ in table:
        read = {"int": int, "float": float}.get(kind, str)
        assert keys[name].default == read(default), name
        assert keys[name].meaning.endswith("."), name


def test_a_key_has_an_effect_or_says_that_it_has_none():
    sources = [*ROOT.glob("src/**/*.cpp"), *ROOT.glob("src/**/*.h"), *ROOT.glob("ffi/*.cpp")]
    engine = set(re.findall(r"param::(\w+)", "".join(path.read_text() for path in sources)))
    python = "".join((ROOT / "python/jaxamg" / name).read_text() for name in ("_method.py", "_solve.py"))
    for key in (entry for entry in descriptions().values() if entry.kind == "key"):
        is_read = key.name in engine or f'"{key.name}"' in python
        is_idle = "Not used" in key.meaning or "without effect" in key.source
        # A history is always kept.
        assert is_read or is_idle or key.name == "store_res_history", key.name
        assert not (key.name in engine and is_idle), key.name


def test_a_key_tells_what_this_version_has():
    selector = jaxamg.describe("selector")
    assert selector.default == "PMIS"
    assert "SIZE_2" in selector.available
    assert "GEO" in selector.allowed
    assert "GEO" not in selector.available
    assert "in this version: " in str(selector)
    assert jaxamg.describe("tolerance").default == 1e-12


def test_an_unknown_name_is_an_error_with_the_nearest():
    with pytest.raises(ValueError, match=r"`JACOBI_L2` is no method.*did you mean `JACOBI_L1`\?"):
        jaxamg.describe("JACOBI_L2")
    with pytest.raises(ValueError, match=r"did you mean `max_iters`\?"):
        jaxamg.describe("max_iter")


def test_methods_are_listed(capsys):
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == _engine.methods()


def check(tmp_path, configuration) -> int:
    file = tmp_path / "c.json"
    file.write_text(json.dumps(configuration))
    return main(["config", "check", str(file)])


def test_a_good_configuration_is_valid(tmp_path, capsys):
    assert check(tmp_path, {"solver": "PCG", "preconditioner": {"solver": "JACOBI_L1"}}) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'c.json'}: valid\n"


def test_keys_that_nothing_reads_are_listed(tmp_path, capsys):
    configuration = {"solver": "PCG", "preconditioner": {"solver": "JACOBI_L1", "kpz_mu": 5}, "kpz_order": 4}
    assert check(tmp_path, configuration) == 0
    output = capsys.readouterr().out
    assert "c.json: solver.preconditioner.kpz_mu: no method in use reads this key" in output
    assert "c.json: solver.kpz_order: no method" in output
    assert "valid, 2 keys that nothing reads" in output


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"tolerence": 1}, "solver.tolerence: unknown key; did you mean `tolerance`?"),
        ({"preconditioner": {"solver": "JACOBI_L2"}}, "did you mean `JACOBI_L1`?"),
        ({"preconditioner": {"solver": "AMG", "presweeps": -1}}, "solver.preconditioner.presweeps: expected"),
    ],
)
def test_a_bad_configuration_is_told_where_and_how(configuration, message, tmp_path, capsys):
    assert check(tmp_path, configuration) == 2
    error = capsys.readouterr().err
    assert "c.json: " in error
    assert message in error


def test_a_file_that_is_missing_or_no_json(tmp_path, capsys):
    assert main(["config", "check", str(tmp_path / "missing.json")]) == 2
    (tmp_path / "broken.json").write_text("{")
    assert main(["config", "check", str(tmp_path / "broken.json")]) == 2
    assert "not valid JSON" in capsys.readouterr().err
