"""`solve` against dense answers: every kind of matrix, eager and jitted, and what it reports."""

import os
import signal
import subprocess
import sys
import time

import jax
import jax.export
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from jaxamg import AMGXStatus
from problems import GALLERY, poisson2d, rhs
from systems import CONDITION, DENSE, KINDS, MATRIX, B, N, X, bcsr, relative_error

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_matrix(kind, jitted, dtype):
    A, b = KINDS[kind](MATRIX, dtype), jnp.asarray(B, dtype)
    tolerance = TOLERANCE[dtype]

    def solve(b):
        return jaxamg.solve(A, b, tolerance=tolerance)

    x, info = (jax.jit(solve) if jitted else solve)(b)
    assert int(info["status"]) == AMGXStatus.SUCCESS
    assert x.dtype == dtype
    # ‖x - x*‖ / ‖x*‖ <= κ ‖r‖ / ‖b‖, and rounding of A and b itself moves x* by κ eps
    assert relative_error(x, X) <= CONDITION * (tolerance + 4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("kind", ["BCSR", "BCOO", "dense"])
def test_a_traced_matrix(kind):
    x, _ = jax.jit(lambda A, b: jaxamg.solve(A, b, tolerance=1e-10))(KINDS[kind](MATRIX, np.float64), B)
    assert relative_error(x, X) <= CONDITION * 1e-10


@pytest.mark.parametrize("name", [name for name, problem in GALLERY.items() if problem.suits_default])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-6), (np.float32, 1e-5)])
def test_default_configuration(name, dtype, tolerance):
    problem = GALLERY[name]
    A = problem.build()
    b = rhs(A.shape[0])
    x, info = jaxamg.solve(A.astype(dtype), b.astype(dtype), tolerance=tolerance)
    assert info["status"] == AMGXStatus.SUCCESS
    x = np.asarray(x, np.float64)
    # What the engine calls b - A x is rounded, as A and b are: by a few eps |A| |x| in each row.
    rounding = 8 * np.finfo(dtype).eps * np.linalg.norm(abs(A) @ abs(x))
    assert np.linalg.norm(b - A @ x) <= tolerance * np.linalg.norm(b) + rounding


def test_several_right_hand_sides():
    b = np.stack([B, B**2, np.zeros(N), np.cos(B)], axis=1)
    x, info = jaxamg.solve(bcsr(MATRIX), b, tolerance=1e-10)
    assert x.shape == (N, 4)
    for lane in (0, 1, 3):
        assert relative_error(x[:, lane], np.linalg.solve(DENSE, b[:, lane])) <= CONDITION * 1e-10
        alone = jaxamg.solve(bcsr(MATRIX), b[:, lane], tolerance=1e-10)[1]
        count = alone["iterations"]
        assert info["iterations"][lane] == count
        assert np.isnan(info["residual_history"][lane, count + 1 :]).all()
    assert np.array_equal(x[:, 2], np.zeros(N))
    assert np.array_equal(info["status"], np.full(4, AMGXStatus.SUCCESS))


class TestInfo:
    def test_eager(self):
        x, info = jaxamg.solve(bcsr(MATRIX), B, tolerance=1e-8)
        assert type(info["iterations"]) is int
        assert type(info["residual"]) is float
        assert info["status"] is AMGXStatus.SUCCESS
        history = info["residual_history"]
        assert history.shape == (info["iterations"] + 1,)
        assert history[0] == pytest.approx(np.linalg.norm(B), rel=N * np.finfo(float).eps)
        assert history[-1] <= 1e-8 * history[0]
        rounding = 8 * np.finfo(float).eps * np.linalg.norm(abs(DENSE) @ abs(X))
        assert info["residual"] == pytest.approx(np.linalg.norm(B - DENSE @ x), rel=1e-3, abs=rounding)
        assert info["setup_time"] > 0
        assert info["solve_time"] > 0

    def test_in_jit(self):
        eager = jaxamg.solve(bcsr(MATRIX), B, max_iters=50)[1]
        info = jax.jit(lambda b: jaxamg.solve(bcsr(MATRIX), b, max_iters=50)[1])(B)
        assert info.keys() == {"iterations", "residual", "status", "residual_history"}
        assert info["residual_history"].shape == (51,)
        count = eager["iterations"]
        assert info["iterations"] == count
        assert np.array_equal(info["residual_history"][: count + 1], eager["residual_history"])
        assert np.isnan(info["residual_history"][count + 1 :]).all()

    def test_not_converged(self):
        x, info = jaxamg.solve(bcsr(MATRIX), B, {"preconditioner": "NOSOLVER"}, max_iters=2, tolerance=1e-12)
        assert info["status"] is AMGXStatus.NOT_CONVERGED
        assert info["iterations"] == 2
        assert info["residual"] == pytest.approx(np.linalg.norm(B - DENSE @ x), rel=1e-12)


class TestInitialGuess:
    def test_a_solution_needs_no_iteration(self):
        x, info = jaxamg.solve(bcsr(MATRIX), B, {"convergence": "ABSOLUTE"}, tolerance=1e-8, x0=X)
        assert info["iterations"] == 0
        assert np.array_equal(x, X)

    def test_it_changes_the_iterations_but_not_the_solution(self):
        x, info = jaxamg.solve(bcsr(MATRIX), B, tolerance=1e-9, x0=np.ones(N))
        initial = B - DENSE @ np.ones(N)
        assert info["residual_history"][0] == pytest.approx(np.linalg.norm(initial), rel=1e-12)
        assert relative_error(x, X) <= CONDITION * 1e-9 * np.linalg.norm(initial) / np.linalg.norm(B)


class TestDtypes:
    def test_float32_meets_float64(self):
        assert jaxamg.solve(bcsr(MATRIX, np.float32), B)[0].dtype == np.float64
        assert jaxamg.solve(bcsr(MATRIX, np.float32), B.astype(np.float32))[0].dtype == np.float32

    def test_integers_become_floating(self):
        A = sp.csr_array(poisson2d(4), dtype=np.int64)
        x, _ = jaxamg.solve(A, np.ones(16, np.int32), tolerance=1e-10)
        assert x.dtype == np.float64
        assert np.linalg.norm(1 - A @ x) <= 1e-9

    def test_lists_are_arrays(self):
        for options in ({}, {"block_dim": 3}, {"x0": [0] * N}):
            x, _ = jaxamg.solve(DENSE.tolist(), B.tolist(), **options)
            np.testing.assert_array_equal(x, jaxamg.solve(DENSE, B, **options)[0])

    def test_without_x64_numpys_float64_becomes_float32(self):
        code = (
            "import jaxamg, numpy as np, scipy.sparse as sp\n"
            "A = sp.eye_array(5, format='csr')\n"
            "A.indptr, A.indices = A.indptr.astype(np.int64), A.indices.astype(np.int64)\n"
            "x, _ = jaxamg.solve(A, np.arange(5.0))\n"
            "assert x.dtype == np.float32 and np.array_equal(x, np.arange(5)), x\n"
        )
        run_python(code)


def test_tiny_right_hand_sides_are_solved_like_any_other():
    x, info = jaxamg.solve(bcsr(MATRIX), 1e-30 * B, tolerance=1e-10)
    assert info["iterations"] > 0
    assert relative_error(1e30 * np.asarray(x), X) <= CONDITION * 1e-10


def test_zero_right_hand_side():
    x, info = jaxamg.solve(bcsr(MATRIX), np.zeros(N))
    assert info["status"] is AMGXStatus.SUCCESS
    assert info["iterations"] == 0
    assert np.array_equal(x, np.zeros(N))


class TestTracedMisuse:
    """A status, never an exception: other lanes of a batch must not suffer."""

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    @pytest.mark.parametrize("where", ["A", "b"])
    def test_non_finite_values(self, where, bad):
        A, b = bcsr(MATRIX), jnp.asarray(B)
        if where == "A":
            A.data = A.data.at[7].set(bad)
        else:
            b = b.at[7].set(bad)
        x, info = jax.jit(jaxamg.solve)(A, b)
        assert info["status"] == AMGXStatus.FAILED
        assert np.isnan(x).all()

    def test_only_the_lane_with_nan_fails(self):
        b = jnp.stack([B, B], axis=1).at[3, 1].set(jnp.nan)
        x, info = jax.jit(lambda b: jaxamg.solve(bcsr(MATRIX), b, tolerance=1e-10))(b)
        assert info["status"].tolist() == [AMGXStatus.SUCCESS, AMGXStatus.FAILED]
        assert relative_error(x[:, 0], X) <= CONDITION * 1e-10
        assert np.isnan(x[:, 1]).all()

    def test_a_zero_row(self):
        A = bcsr(MATRIX)
        A.data = A.data.at[A.indptr[5] : A.indptr[6]].set(0)
        x, info = jax.jit(jaxamg.solve)(A, B)
        assert info["status"] == AMGXStatus.FAILED
        assert np.isnan(x).all()

    def test_a_structurally_singular_matrix_never_succeeds(self):
        A = np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 0.0], [5.0, 6.0, 0.0]])
        _, info = jax.jit(jaxamg.solve)(A, np.array([1.0, 0.0, 0.0]))  # b is not in the range
        assert info["status"] != AMGXStatus.SUCCESS


class TestPurity:
    def test_an_unused_solve_disappears(self):
        compiled = jax.jit(lambda A, b: (jaxamg.solve(A, b), b)[1]).lower(bcsr(MATRIX), B).compile()
        assert "jaxamg_solve" not in compiled.as_text()

    def test_checkpoint(self):
        def loss(b):
            return jnp.sum(jaxamg.solve(bcsr(MATRIX), b)[0] ** 2)

        assert np.array_equal(jax.grad(jax.checkpoint(loss))(B), jax.grad(loss)(B))

    def test_export(self):
        solve = jax.jit(lambda A, b: jaxamg.solve(A, b)[0])
        allow = [jax.export.DisabledSafetyCheck.custom_call("jaxamg_solve")]
        A = jnp.asarray(DENSE)
        exported = jax.export.export(solve, disabled_checks=allow)(A, B)
        assert np.array_equal(exported.call(A, B), solve(A, B))

    def test_import_touches_no_device_and_no_heavy_package(self):
        code = (
            "import sys, jaxamg, jax\n"
            "from jax._src import xla_bridge\n"
            "assert not xla_bridge._backends\n"
            "assert not {'matplotlib', 'rich', 'scipy.sparse', 'scipy.io'} & sys.modules.keys()\n"
        )
        run_python(code)


def test_the_same_bits_at_any_number_of_threads():
    code = (
        "import jax, sys; jax.config.update('jax_enable_x64', True)\n"
        "import hashlib, jaxamg, numpy as np\n"
        "from problems import GALLERY, rhs\n"
        "A = GALLERY['p3d_40'].build()\n"
        "for config in ({}, {'solver': 'PCG'}):\n"
        "    x, info = jaxamg.solve(A, rhs(A.shape[0]), config)\n"
        "    print(hashlib.sha256(np.asarray(x)).hexdigest(), info['residual_history'].tolist())\n"
    )
    outputs = {run_python(code, JAXAMG_NUM_THREADS=str(threads)) for threads in (1, 2, 4)}
    assert len(outputs) == 1


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_save_stats_file(jitted, tmp_path):
    path = tmp_path / "stats.txt"

    def loss(A, b):
        return jnp.sum(jaxamg.solve(A, b, {"solver": "PCG"}, save_stats_file=path)[0])

    gradient = jax.grad(loss, argnums=1)
    gradient = (jax.jit(gradient) if jitted else gradient)(bcsr(poisson2d(20)), np.ones(400))
    jax.block_until_ready(gradient)
    jax.effects_barrier()
    text = path.read_text()
    for part in ("solver(solver)=PCG", "operator complexity", "memory", "SUCCESS", "rate", "setup"):
        assert part in text
    finest = next(line for line in text.splitlines() if line.split()[:1] == ["0"])
    assert finest.split() == ["0", "400", "1,920", "1.20e-02", "BLOCK_JACOBI"]


def test_an_interrupt_waits_for_the_solve_and_leaves_the_library_usable():
    code = (
        "import signal, time, jaxamg\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background\n"
        "A, b = jaxamg.matrices.poisson_matrix(400), jaxamg.matrices.rhs_ones(400**2)\n"
        "solve = lambda n, **how: jaxamg.solve(A, b, {'solver': 'PCG', 'max_iters': n, **how})\n"
        "solve(1, preconditioner='NOSOLVER')  # compiled\n"
        "try:\n"
        "    print('running', flush=True)\n"
        "    solve(4000, preconditioner='NOSOLVER', tolerance=0.0)\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
        "print(solve(100, tolerance=1e-4)[1]['status'].name)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment_of_tests(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().split() == ["interrupted", "SUCCESS"]
    assert process.returncode == 0


def environment_of_tests() -> dict[str, str]:
    path = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path}


def run_python(code: str, **environment: str) -> str:
    """Output of the code in a fresh interpreter, which must succeed."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_of_tests() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
