"""float64 unless a test asks for less; the solver cache starts empty in every test."""

import contextlib

import jax
import jaxamg
import numpy as np
import pytest

jax.config.update("jax_enable_x64", True)


@pytest.fixture(autouse=True)
def _empty_cache():
    jaxamg.clear_solver_cache()
    yield
    # On a GPU an error of a callback may come late: it belongs to this test, which expected it.
    with contextlib.suppress(jax.errors.JaxRuntimeError):
        jax.effects_barrier()


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param
