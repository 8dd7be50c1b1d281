"""The solver cache as Python sees it: what is set up, refreshed and kept, and by whom."""

import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
from problems import poisson2d, rhs
from systems import CONDITION, MATRIX, B, X, bcsr, relative_error, with_values


def counters(*names):
    info = jaxamg.get_solver_cache_info()
    return tuple(info[name] for name in names)


def test_new_values_are_refreshed_without_a_retrace():
    A, traces = bcsr(MATRIX), 0

    @jax.jit
    def solve(values, b):
        nonlocal traces
        traces += 1
        return jaxamg.solve(with_values(A, values), b)[0]

    for scale in (1.0, 2.0, 4.0):
        solve(scale * A.data, B).block_until_ready()
    assert traces == 1
    # A multiple of A leads to the same hierarchy: nothing symbolic is done again.
    assert counters("setups", "refreshes", "rebuilds") == (1, 2, 0)


def test_a_refresh_gives_the_bits_of_a_setup():
    A = bcsr(MATRIX)
    changed = A.data * (1 + 0.5 * jnp.sin(jnp.arange(A.nse)))
    jaxamg.solve(A, B)
    refreshed, _ = jaxamg.solve(with_values(A, changed), B)
    assert counters("setups", "refreshes") == (1, 1)
    jaxamg.clear_solver_cache()
    fresh, _ = jaxamg.solve(with_values(A, changed), B)
    assert counters("setups", "refreshes") == (1, 0)
    assert np.array_equal(refreshed, fresh)


def test_a_gradient_sets_nothing_up():
    A = bcsr(MATRIX)
    jax.grad(lambda v, b: jnp.sum(jaxamg.solve(with_values(A, v), b)[0]), argnums=(0, 1))(A.data, B)
    assert counters("setups", "refreshes", "hits") == (1, 0, 1)


def test_reuse_setup_keeps_the_hierarchy():
    A = bcsr(MATRIX)
    jaxamg.solve(A, B)
    x, _ = jaxamg.solve(with_values(A, 1.1 * A.data), B, tolerance=1e-10, reuse_setup=True)
    assert counters("setups") == (2,)  # another tolerance is another configuration
    x, _ = jaxamg.solve(with_values(A, 1.2 * A.data), B, tolerance=1e-10, reuse_setup=True)
    assert counters("setups", "refreshes", "hits") == (2, 0, 1)
    assert relative_error(1.2 * np.asarray(x), X) <= CONDITION * 1e-10


def test_reuse_setup_by_name():
    A = bcsr(MATRIX)
    for scale, policy, expected in (
        (1.0, "auto", (1, 0, 0)),
        (1.1, "auto", (1, 0, 1)),  # a multiple: as many iterations
        (1.1, "refresh", (1, 1, 1)),
        (1.2, "full", (2, 1, 1)),
        (1.2, "full", (2, 1, 2)),
        (1.3, "keep", (2, 1, 3)),
    ):
        matrix = with_values(A, scale * A.data)
        x, info = jax.jit(lambda A, policy=policy: jaxamg.solve(A, B, tolerance=1e-10, reuse_setup=policy))(
            matrix
        )
        assert info["status"] == jaxamg.AMGXStatus.SUCCESS
        assert relative_error(scale * np.asarray(x), X) <= CONDITION * 1e-10
        assert counters("setups", "refreshes", "hits") == expected
    assert counters("misses") == (1,)
    with pytest.raises(ValueError, match="reuse_setup is 'never'"):
        jaxamg.solve(A, B, reuse_setup="never")


def test_limits_from_the_environment():
    code = """
import jaxamg, numpy as np
A = jaxamg.matrices.poisson_matrix(20)
for _ in range(2):
    x, info = jaxamg.solve(A, np.ones(400, np.float32))
    assert info["status"] == 0
print(*(jaxamg.get_solver_cache_info()[k] for k in ("byte_capacity", "entries", "setups", "evictions")))
"""

    def run(limit):
        environment = os.environ | {"JAXAMG_CACHE_BYTES": limit}
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)

    assert run("1000").stdout.split() == ["1000", "0", "2", "2"]
    assert run("1000000000").stdout.split() == ["1000000000", "1", "1", "0"]
    assert "JAXAMG_CACHE_BYTES: expected a number of bytes, got 1GB" in run("1GB").stderr


def test_reuse_setup_recovers_from_a_matrix_that_failed():
    A = bcsr(MATRIX)
    solve = jax.jit(lambda v: jaxamg.solve(with_values(A, v), B, tolerance=1e-10, reuse_setup=True))
    assert solve(A.data.at[0].set(jnp.nan))[1]["status"] == jaxamg.AMGXStatus.FAILED
    x, info = solve(A.data)
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    assert relative_error(x, X) <= CONDITION * 1e-10


def test_each_configuration_pattern_and_dtype_has_an_entry():
    jaxamg.solve(bcsr(MATRIX), B)
    jaxamg.solve(bcsr(MATRIX), B, {"solver": "PCG"})
    jaxamg.solve(bcsr(MATRIX, np.float32), B.astype(np.float32))
    jaxamg.solve(bcsr(MATRIX @ MATRIX), B)
    assert counters("entries", "setups", "hits") == (4, 4, 0)
    jaxamg.solve(MATRIX, B)  # the same matrix as SciPy's
    assert counters("entries", "hits") == (4, 1)


def test_clear_and_finalize():
    jaxamg.solve(bcsr(MATRIX), B)
    assert counters("bytes") > (0,)
    jaxamg.finalize()
    jaxamg.finalize()
    assert counters("entries", "bytes", "setups") == (0, 0, 0)
    jaxamg.solve(bcsr(MATRIX), B)


def test_ten_thousand_solves_do_not_grow_memory():
    A, b = bcsr(MATRIX), jnp.asarray(B)
    solve = jax.jit(lambda v, b: jaxamg.solve(with_values(A, v), b)[0])

    def run(count):
        for i in range(count):
            solve(A.data * (1 + i % 3), b).block_until_ready()

    run(1000)
    before = resident_bytes()
    run(10_000)
    # A leak of a vector per solve would show as 6 MB, of a hierarchy as 100 MB and more.
    assert resident_bytes() - before < 3e6


def resident_bytes() -> int:
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_threads_may_solve_at_once():
    A = bcsr(poisson2d(60))
    b = rhs(3600)
    alone = {scale: np.asarray(jaxamg.solve(with_values(A, scale * A.data), b)[0]) for scale in (1.0, 3.0)}

    def solve(i):
        scale = (1.0, 3.0)[i % 2]
        x, info = jaxamg.solve(with_values(A, scale * A.data), b)
        return info["status"] == jaxamg.AMGXStatus.SUCCESS and np.array_equal(x, alone[scale])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(solve, range(40)))


@pytest.mark.skipif(
    jax.default_backend() == "gpu", reason="a process that holds a CUDA context has no sound children"
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:.*fork:RuntimeWarning")
def test_the_engine_works_after_fork():
    """JAX itself does not: the child uses the engine alone."""
    from jaxamg._grid import set_up
    from jaxamg._method import method

    A, b = poisson2d(100), rhs(10_000)
    config = method(None, {}).canonical
    parent, _ = set_up(config, A).solve(b)
    child = os.fork()
    if child == 0:
        x, _ = set_up(config, A).solve(b)
        os._exit(0 if np.array_equal(x, parent) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
