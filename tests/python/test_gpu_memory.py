"""A full GPU: the cache gives up what it holds for another try, and what does not fit then is an error."""

import ctypes
import os

import jax
import jaxamg
import numpy as np
import pytest
from problems import poisson3d, rhs

pytestmark = [
    pytest.mark.skipif(jax.default_backend() != "gpu", reason="fills a GPU's memory"),
    pytest.mark.skipif(
        os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE", "true").lower() in ("false", "0"),
        reason="JAX itself needs memory while the GPU is full",
    ),
]

LEFT = 64 << 20
"""What the rest of the test may still take, in bytes: far less than a hierarchy, enough for a launch."""


class FullGpu:
    """Holds all memory of the GPU that is neither XLA's nor the engine's, but for `LEFT`."""

    def __enter__(self):
        self.driver = ctypes.CDLL("libcuda.so.1")
        device, self.context = ctypes.c_int(), ctypes.c_void_p()
        free, total, self.held = ctypes.c_size_t(), ctypes.c_size_t(), ctypes.c_uint64()
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(self.context), device)
        self.device = device
        self.call("cuCtxPushCurrent_v2", self.context)
        self.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        if free.value > LEFT:
            self.call("cuMemAlloc_v2", ctypes.byref(self.held), ctypes.c_size_t(free.value - LEFT))
        self.call("cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))
        return self

    def __exit__(self, *_):
        self.call("cuCtxPushCurrent_v2", self.context)
        if self.held.value:
            self.call("cuMemFree_v2", self.held)
        self.call("cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))
        self.call("cuDevicePrimaryCtxRelease_v2", self.device)

    def call(self, name, *arguments):
        status = getattr(self.driver, name)(*arguments)
        assert status == 0, f"{name}: error {status}"


def system(n):
    A = poisson3d(n)
    return A, rhs(A.shape[0])


def test_the_cache_makes_room_and_what_does_not_fit_is_an_error():
    (A, b), (other, b_other), (large, b_large) = system(90), system(89), system(160)
    solved, _ = jaxamg.solve(A, b, tolerance=1e-8)
    solved = np.asarray(solved)
    with FullGpu():
        # The engine keeps what the setup of A took: as much is free as that needed beside its hierarchy, not
        # enough for another hierarchy of this size beside A's, which is evicted.
        x, info = jaxamg.solve(other, b_other, tolerance=1e-8)
        assert info["status"] is jaxamg.AMGXStatus.SUCCESS
        assert np.linalg.norm(b_other - other @ np.asarray(x)) <= 1e-7 * np.linalg.norm(b_other)
        counts = jaxamg.get_solver_cache_info()
        assert (counts["entries"], counts["evictions"]) == (1, 1)
        assert counts["setups"] == 3  # the first try for `other` is one
        with pytest.raises(jax.errors.JaxRuntimeError, match="not enough memory"):
            jaxamg.solve(large, b_large, tolerance=1e-8)
        # That leaves nothing behind: the next solve works, with the same bits as ever.
        x, info = jaxamg.solve(A, b, tolerance=1e-8)
        assert info["status"] is jaxamg.AMGXStatus.SUCCESS
        assert np.array_equal(np.asarray(x), solved)
    _, info = jaxamg.solve(large, b_large, tolerance=1e-8)
    assert info["status"] is jaxamg.AMGXStatus.SUCCESS
