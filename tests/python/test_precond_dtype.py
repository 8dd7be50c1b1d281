"""`precond_dtype`: the preconditioner in single precision inside of a Krylov method in double."""

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
from problems import poisson3d, rhs
from systems import CONDITION, DENSE, MATRIX, B, bcsr, relative_error, with_values

SINGLE = {"precond_dtype": "float32"}


def test_it_costs_an_iteration_at_most_and_saves_memory():
    A, b = poisson3d(14), rhs(14**3)
    bytes_ = []
    iterations = []
    for options in ({}, SINGLE):
        jaxamg.clear_solver_cache()
        x, info = jaxamg.solve(A, b, {"solver": "PCG"}, tolerance=1e-12, **options)
        assert info["status"] == jaxamg.AMGXStatus.SUCCESS
        assert np.linalg.norm(b - A @ np.asarray(x)) <= 2e-12 * np.linalg.norm(b)
        bytes_.append(jaxamg.get_solver_cache_info()["bytes"])
        iterations.append(info["iterations"])
    assert iterations[1] <= iterations[0] + 1
    assert bytes_[1] < bytes_[0]


def test_it_is_part_of_the_cache_key():
    for options in ({}, SINGLE, {}, SINGLE):
        jaxamg.solve(MATRIX, B, **options)
    info = jaxamg.get_solver_cache_info()
    assert (info["setups"], info["hits"]) == (2, 2)


def test_gradients_are_those_of_double():
    A = bcsr(MATRIX)

    def loss(values, b):
        x, _ = jaxamg.solve(with_values(A, values), b, tolerance=1e-12, **SINGLE)
        return jnp.sum(jnp.sin(x))

    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))

    def reference(values, b):
        return jnp.sum(jnp.sin(jnp.linalg.solve(jnp.zeros_like(DENSE).at[rows, A.indices].add(values), b)))

    found, expected = (jax.jit(jax.grad(f, (0, 1)))(A.data, B) for f in (loss, reference))
    for ours, dense in zip(found, expected, strict=True):
        assert relative_error(ours, dense) <= 10 * CONDITION * 1e-12


@pytest.mark.parametrize(
    "config",
    [
        {"solver": "AMG"},
        {"solver": "BLOCK_JACOBI"},
        {"solver": "CG"},
        {"solver": "PCG", "preconditioner": "NOSOLVER"},
    ],
    ids=str,
)
def test_without_a_preconditioner_it_is_refused(config):
    with pytest.raises(
        ValueError, match=r"solver\.precond_dtype: no Krylov method with a preconditioner reads it"
    ):
        jaxamg.solve(MATRIX, B, config, **SINGLE)


def test_other_precisions_are_refused():
    with pytest.raises(ValueError, match="it must be None, for A's own, or float32"):
        jaxamg.solve(MATRIX, B, precond_dtype=np.float16)
