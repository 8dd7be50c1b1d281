"""`rigid_body_modes` against what makes a motion rigid: no two nodes come nearer or part."""

import itertools

import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest


@pytest.mark.parametrize("dim", [2, 3])
def test_no_two_nodes_come_nearer(dim):
    x = 100 + np.random.default_rng(0).normal(size=(20, dim))
    modes = np.asarray(jaxamg.rigid_body_modes(x))
    assert modes.shape == (20 * dim, 3 if dim == 2 else 6)
    u = modes.reshape(20, dim, -1)
    for i, j in itertools.combinations(range(20), 2):
        assert np.abs((x[i] - x[j]) @ (u[i] - u[j])).max() < 1e-4  # coordinates of 100 in float32


@pytest.mark.parametrize("dim", [2, 3])
def test_modes_are_independent_and_of_one_size(dim):
    x = 1e-6 * np.random.default_rng(0).normal(size=(20, dim))
    modes = np.asarray(jaxamg.rigid_body_modes(x), np.float64)
    assert np.linalg.cond(modes) < 10
    assert np.abs(modes).max() <= 1


def test_integers_and_float32():
    assert jaxamg.rigid_body_modes(np.arange(6).reshape(3, 2)).dtype == jnp.result_type(float)
    assert jaxamg.rigid_body_modes(np.zeros((1, 3), np.float32)).dtype == np.float32


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 4), (2, 3, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="coords has shape"):
        jaxamg.rigid_body_modes(np.zeros(shape))
