"""The report on a solve: the file of `save_stats_file`, and what the printing keys log."""

import logging
import warnings

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
from problems import poisson2d, rhs
from systems import KINDS, bcsr, with_values

A = bcsr(poisson2d(20))
B = rhs(400)
PARTS = {
    "print_config": "solver(solver)=PCG",
    "print_grid_stats": "operator complexity",
    "print_solve_stats": "SUCCESS",
    "obtain_timings": "setup ",
}


def solve(A, b, **keys):
    return jaxamg.solve(A, b, {"solver": "PCG"}, **keys)


def counters():
    info = jaxamg.get_solver_cache_info()
    return info["setups"], info["refreshes"]


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_file_shows_the_hierarchy_of_the_solve(kind, jitted, tmp_path, dtype):
    """Found in the cache in every form a matrix comes in: nothing is set up for the table."""
    path = tmp_path / "stats.txt"
    matrix = KINDS[kind](poisson2d(20), dtype)

    def run(b):
        return solve(matrix, b, save_stats_file=path)[0]

    jax.block_until_ready((jax.jit(run) if jitted else run)(jnp.asarray(B, dtype)))
    jax.effects_barrier()
    text = path.read_text()
    assert all(part in text for part in PARTS.values())
    assert counters() == (1, 0)


def test_the_file_shows_a_kept_hierarchy(tmp_path):
    solve(A, B)
    solve(with_values(A, 2 * A.data), B, reuse_setup=True, save_stats_file=tmp_path / "stats.txt")
    assert counters() == (1, 0)


def test_residuals_of_every_lane(tmp_path):
    path = tmp_path / "stats.txt"
    _, info = solve(A, np.stack([B, B**2], axis=1), save_stats_file=path)
    tables = path.read_text().split("residuals of right-hand side ")[1:]
    assert len(tables) == 2
    for lane, table in enumerate(tables):
        rows = [line.split() for line in table.splitlines() if line.split() and line.split()[0].isdigit()]
        found = [float(row[1]) for row in rows if len(row) in (2, 3)]
        expected = info["residual_history"][lane, : info["iterations"][lane] + 1]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("key", PARTS)
def test_each_printing_key_logs_its_part(key, jitted, caplog):
    def run(b):
        return solve(A, b, **{key: 1})[0]

    with caplog.at_level(logging.INFO, logger="jaxamg"), warnings.catch_warnings():
        warnings.simplefilter("error")  # the key is read
        jax.block_until_ready((jax.jit(run) if jitted else run)(B))
        jax.effects_barrier()
    assert len(caplog.messages) == 1
    assert PARTS[key] in caplog.text


def test_a_key_of_an_inner_method_counts(caplog):
    config = {"solver": "PCG", "preconditioner": {"solver": "AMG", "print_grid_stats": 1}}
    with caplog.at_level(logging.INFO, logger="jaxamg"):
        jaxamg.solve(A, B, config)
    assert "grid complexity" in caplog.text


def test_nothing_is_logged_unasked(caplog):
    with caplog.at_level(logging.INFO, logger="jaxamg"):
        solve(A, B, print_grid_stats=0)
    assert not caplog.messages


def test_a_silent_logger_costs_nothing():
    """Samples of AmgX print as a rule; a program that reads no log gets no callbacks into its computation."""
    logging.getLogger("jaxamg").setLevel(logging.WARNING)
    try:
        jaxpr = jax.make_jaxpr(lambda b: solve(A, b, print_grid_stats=1, print_solve_stats=1)[0])(B)
    finally:
        logging.getLogger("jaxamg").setLevel(logging.NOTSET)
    assert "callback" not in str(jaxpr)
