"""`python -m jaxamg`: what it prints, writes and returns."""

import json
import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from jaxamg._cli import main
from problems import convection_diffusion2d, poisson2d, rhs


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A.mtx, symmetric, and b.mtx in the working directory."""
    monkeypatch.chdir(tmp_path)
    A = poisson2d(20)
    scipy.io.mmwrite("A.mtx", A, symmetry="symmetric")
    scipy.io.mmwrite("b.mtx", rhs(400)[:, None])
    return A


def test_solves_a_file(files, capsys):
    command = ["solve", "A.mtx", "--rhs", "b.mtx", "--set", "tolerance=1e-9", "--output", "solution"]
    assert main(command) == 0
    x = np.load("solution")
    residual = np.linalg.norm(rhs(400) - files @ x) / np.linalg.norm(rhs(400))
    assert residual <= 1e-9

    output = capsys.readouterr().out
    assert "400 unknowns, 1,920 nonzeros; b = b.mtx" in output
    assert "iteration    0  residual" in output
    assert "operator complexity" in output
    assert "DENSE_LU_SOLVER" in output
    assert "SUCCESS after" in output
    assert f"true relative residual {residual:.3e}" in output
    assert "setup" in output
    assert "memory" in output


def test_the_right_hand_side_defaults_to_ones(files, capsys):
    assert main(["solve", "A.mtx", "--output", "x.npy"]) == 0
    assert "b = ones" in capsys.readouterr().out
    assert np.linalg.norm(1 - files @ np.load("x.npy")) <= 1e-6 * 20


def test_configuration_file_and_settings(files, capsys):
    with open("c.json", "w") as file:
        json.dump({"solver": "PCG", "preconditioner": {"solver": "NOSOLVER"}, "max_iters": 1}, file)
    assert main(["solve", "A.mtx", "--config", "c.json"]) == 1
    assert "NOT_CONVERGED after 1 iterations" in capsys.readouterr().out
    settings = ["--set", "preconditioner.solver=BLOCK_JACOBI", "--set", "max_iters=500"]
    assert main(["solve", "A.mtx", "--config", "c.json", *settings]) == 0
    assert "operator complexity" not in capsys.readouterr().out


def test_auto_says_what_it_chose_and_why(files, capsys):
    assert main(["solve", "A.mtx", "--config", "auto", "--set", "tolerance=1e-9", "--output", "x.npy"]) == 0
    assert "configuration pcg-jacobi: symmetric and small" in capsys.readouterr().out
    assert np.linalg.norm(1 - files @ np.load("x.npy")) <= 1e-9 * 20


def test_a_singular_matrix_is_no_success(files, capsys):
    """Ones are not in its range."""
    scipy.io.mmwrite("S.mtx", sp.csr_array([[1.0, 0.0], [2.0, 0.0]]))
    assert main(["solve", "S.mtx", "--set", "preconditioner=NOSOLVER", "--set", "max_iters=10"]) == 1
    assert "SUCCESS" not in capsys.readouterr().out


def test_plot(files):
    pytest.importorskip("matplotlib")
    assert main(["solve", "A.mtx", "--plot", "history.png"]) == 0
    with open("history.png", "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"


BAD_INPUT = {
    "missing file": (["missing.mtx"], "missing.mtx"),
    "no Matrix Market file": (["notes.txt"], "notes.txt is no Matrix Market file"),
    "not square": (["wide.mtx"], r"must be square"),
    "complex": (["complex.mtx"], "complex numbers"),
    "rhs of another size": (["A.mtx", "--rhs", "short.npy"], "short.npy: expected 400 numbers"),
    "unknown key": (["A.mtx", "--set", "tolerence=1"], "solver.tolerence: unknown key"),
    "no value": (["A.mtx", "--set", "tolerance"], "--set tolerance: expected KEY=VALUE"),
    "a value as a scope": (
        ["A.mtx", "--set", "preconditioner=AMG", "--set", "preconditioner.presweeps=2"],
        "preconditioner has been set",
    ),
    "missing configuration": (["A.mtx", "--config", "missing.json"], "missing.json"),
    "unwritable output": (["A.mtx", "--output", "missing/x.npy"], "missing/x.npy"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_exit_code_2(case, files, capsys):
    with open("notes.txt", "w") as file:
        file.write("not a matrix\n")
    scipy.io.mmwrite("wide.mtx", sp.csr_array(np.ones((2, 3))))
    scipy.io.mmwrite("complex.mtx", sp.csr_array(1j * np.eye(2)))
    np.save("short.npy", np.ones(7))
    arguments, message = BAD_INPUT[case]
    assert main(["solve", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("jaxamg: error: ")
    assert message in error


def test_a_folder_that_is_missing_is_told_before_the_solve(files, capsys):
    assert main(["solve", "A.mtx", "--output", "missing/x.npy"]) == 2
    output = capsys.readouterr()
    assert "missing/x.npy cannot be written: its folder does not exist" in output.err
    assert not output.out


def test_unread_keys_are_warned_of(files, capsys):
    assert main(["solve", "A.mtx", "--set", "gmres_n_restart=31"]) == 0
    assert capsys.readouterr().err.startswith(
        "jaxamg: warning: configuration keys that no method in use reads"
    )


def test_as_a_program(tmp_path):
    A = convection_diffusion2d(16, 20.0)
    scipy.io.mmwrite(tmp_path / "A.mtx", A)

    def run(*arguments):
        command = [sys.executable, "-m", "jaxamg", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run("solve", "A.mtx").returncode == 0
    assert run("solve", "B.mtx").returncode == 2
    assert run().returncode == 2
    assert "solve" in run("--help").stdout
    info = run("info")
    assert info.returncode == 0
    assert "PBICGSTAB" in info.stdout
