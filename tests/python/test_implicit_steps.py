"""The example that drives optimistix and diffrax, small, against dense answers."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest

pytest.importorskip("optimistix")
pytest.importorskip("diffrax")
sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

from implicit_steps import at_rest, five_point_pattern, residual, stationary

n = 8
F = jnp.asarray(100 + 50 * np.sin(np.arange(n * n, dtype=np.float64)).reshape(n, n))


@pytest.fixture(scope="module")
def solver():
    return jaxamg.AMG(pattern=five_point_pattern(n), tolerance=1e-12)


def jacobian(u):
    return jax.jacobian(residual)(u, F).reshape(n * n, n * n)


def test_pattern_is_that_of_the_jacobian():
    pattern = five_point_pattern(n)
    found = np.zeros((n * n, n * n), bool)
    found[pattern.rows, pattern.col_index] = True
    assert np.array_equal(found, np.asarray(jacobian(jnp.zeros((n, n)))) != 0)


def test_newton_solves_and_differentiates(solver):
    u = stationary(F, solver)
    assert jnp.abs(residual(u, F)).max() <= 1e-6
    # du/df = J⁻¹, so the gradient of Σ u is J⁻ᵀ 1.
    gradient = jax.grad(lambda f: jnp.sum(stationary(f, solver)))(F)
    expected = jnp.linalg.solve(jacobian(u).T, jnp.ones(n * n)).reshape(n, n)
    np.testing.assert_allclose(gradient, expected, rtol=1e-7)


def test_implicit_steps_come_to_rest_at_the_solution(solver):
    v, steps = at_rest(F, solver)
    assert (
        steps < 200
    )  # an explicit method's stability limit alone, t ≤ 2.8 / |λ| with |λ| ≈ 8 (n + 1)², asks for more
    np.testing.assert_allclose(v, stationary(F, solver), atol=1e-5)
