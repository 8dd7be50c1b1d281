"""Convolutions with a constant kernel, and sums over windows."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .linear import Linear, csr, product


class Window(NamedTuple):
    """One axis of a window's way over an array."""

    size: int
    stride: int
    padding: tuple[int, int]
    base_dilation: int
    dilation: int

    def reads(self, length: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each tap, the results that read an element, and the elements that they read."""
        dilated = (length - 1) * self.base_dilation + 1 if length else 0
        reach = (self.size - 1) * self.dilation + 1
        count = max(0, (sum(self.padding) + dilated - reach) // self.stride + 1)
        results = np.arange(count)
        pairs = []
        for tap in range(self.size):
            place = results * self.stride + tap * self.dilation - self.padding[0]
            inside = (place >= 0) & (place < dilated) & (place % self.base_dilation == 0)
            pairs.append((results[inside], place[inside] // self.base_dilation))
        return pairs


def convolved(value: Linear, positions: np.ndarray, kernel: np.ndarray, windows: Sequence[Window],
              result_numbers: np.ndarray, groups: int) -> Linear:  # fmt: skip
    """Convolve.

    Args:
        value: what is convolved.
        positions: its element numbers (batch, channel, *space).
        kernel: (channel of the result, channel within a group, *taps).
        windows: one for each axis in space.
        result_numbers: element numbers of the result (batch, channel, *space).
        groups: of channels.
    """
    reads = [window.reads(length) for window, length in zip(windows, positions.shape[2:], strict=True)]
    out_per_group = kernel.shape[0] // groups
    data, rows, columns = [], [], []
    everything = np.arange(positions.shape[0])
    for taps in itertools.product(*(range(window.size) for window in windows)):
        weights = kernel[(slice(None), slice(None), *taps)]
        out, within = np.nonzero(weights)
        pairs = [reads[axis][tap] for axis, tap in enumerate(taps)]
        channel = out // out_per_group * kernel.shape[1] + within
        row = result_numbers[np.ix_(everything, out, *(result for result, _ in pairs))]
        column = positions[np.ix_(everything, channel, *(element for _, element in pairs))]
        weight = weights[out, within].reshape((1, -1) + (1,) * len(windows))
        data.append(np.broadcast_to(weight, row.shape).ravel())
        rows.append(row.ravel())
        columns.append(column.ravel())
    local = csr(
        np.concatenate(data),
        np.concatenate(rows),
        np.concatenate(columns),
        (result_numbers.size, value.size),
    )
    return Linear(product(local, value.matrix), result_numbers.shape)


def conv(value: Linear, kernel: np.ndarray, shape: tuple[int, ...], params: dict[str, Any]) -> Linear:
    dimensions = params["dimension_numbers"]
    kernel = kernel.transpose(dimensions.rhs_spec)
    positions = np.arange(value.size).reshape(value.shape).transpose(dimensions.lhs_spec)
    numbers = np.arange(math.prod(shape)).reshape(shape).transpose(dimensions.out_spec)
    windows = [
        Window(*axis)
        for axis in zip(
            kernel.shape[2:],
            params["window_strides"],
            params["padding"],
            params["lhs_dilation"],
            params["rhs_dilation"],
            strict=True,
        )
    ]
    result = convolved(value, positions, kernel, windows, numbers, params["feature_group_count"])
    return Linear(result.matrix, shape)


def window_sum(value: Linear, shape: tuple[int, ...], params: dict[str, Any]) -> Linear:
    windows = [
        Window(*axis)
        for axis in zip(
            params["window_dimensions"],
            params["window_strides"],
            params["padding"],
            params["base_dilation"],
            params["window_dilation"],
            strict=True,
        )
    ]
    positions = np.arange(value.size).reshape((1, 1, *value.shape))
    numbers = np.arange(math.prod(shape)).reshape((1, 1, *shape))
    kernel = np.ones((1, 1, *params["window_dimensions"]), value.matrix.dtype)
    return Linear(convolved(value, positions, kernel, windows, numbers, 1).matrix, shape)
