"""`config="auto"`: a look at the matrix, and a table that says what suits what.

The look is a few passes over A in NumPy and needs A's values: while A is traced there is nothing to look at,
and the default stands, which takes any matrix. The table has a row for each kind of matrix;
benchmarks/auto.py measures it against all presets.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import breadth_first_order

from ._complex import is_complex
from ._matrix import Operands, is_traced
from ._presets import PRESETS


class Choice(NamedTuple):
    """What `config="auto"` chose: a preset, the reason, and the configuration."""

    preset: str
    why: str
    config: dict[str, Any]


class Facts:
    """What the rules ask of a square matrix with concrete values."""

    def __init__(self, A: sp.csr_array, block_dim: int = 1):
        self._A = A
        self.nodes = block_dim > 1
        diagonal = A.diagonal()
        self.positive_diagonal = bool((diagonal > 0).all())
        magnitude = np.abs(diagonal)
        others = np.maximum(abs(A) @ np.ones(A.shape[0], A.dtype) - magnitude, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            coupling = others / magnitude
        # Of the off-diagonal entries of a row to its diagonal: 1 for a Laplacian, below 1 for a dominant one.
        self.mean_coupling = float(np.mean(coupling))
        self.largest_coupling = float(np.max(coupling))
        # Σ a_ij - |a_ii| = -Σ |a_ij| where all off-diagonals are negative.
        sums = A @ np.ones(A.shape[0], A.dtype) - diagonal
        self.positive_share = float((others + sums).sum() / 2 / max(others.sum(), np.finfo(A.dtype).tiny))

    @cached_property
    def symmetric(self) -> bool:
        """By uᵀ(A v) = vᵀ(A u) for two random vectors: without the cost of a transpose."""
        generator = np.random.default_rng(0)
        u, v = (generator.random((2, self._A.shape[0])) - 0.5).astype(self._A.dtype)
        Au, Av = self._A @ u, self._A @ v
        size = np.linalg.norm(u) * np.linalg.norm(Av)
        return bool(abs(u @ Av - v @ Au) <= 64 * np.finfo(self._A.dtype).eps * size)

    @property
    def small(self) -> bool:
        return self._A.shape[0] <= 1000

    @property
    def m_matrix(self) -> bool:
        """Has the signs of one; whether its inverse is positive nobody knows."""
        return self.positive_diagonal and self.positive_share <= 1e-3

    @property
    def dominant(self) -> bool:
        """Weakly: then a symmetric matrix with a positive diagonal is at least semidefinite."""
        return self.largest_coupling <= 1 + 1e-5

    @property
    def positive_definite(self) -> bool:
        """Symmetric, and nothing against it: off-diagonals of both signs may exceed a definite diagonal."""
        return self.positive_diagonal and (self.dominant or not self.m_matrix) and self.symmetric

    @cached_property
    def even(self) -> bool:
        """Whether all off-diagonals weigh about the same: no anisotropy, no jumps."""
        A = self._A
        rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
        off = A.indices != rows
        weights = np.abs(A.data[off])
        weights = weights[weights > 0]
        return weights.size == 0 or float(weights.max()) <= 4 * float(weights.min())

    @property
    def even_m_matrix(self) -> bool:
        return self.m_matrix and self.positive_definite and self.even

    @cached_property
    def distance(self) -> int:
        """Steps from the first row to the farthest, which iterations without levels have to go."""
        order, before = breadth_first_order(self._A, 0)
        steps, row = 0, order[-1]
        while row != 0:
            row, steps = before[row], steps + 1
        return steps


class Rule(NamedTuple):
    """One kind of matrix."""

    applies: Callable[[Facts], bool]
    preset: str
    why: str


# The first that applies.
RULES = [
    Rule(
        lambda A: A.small and A.positive_definite,
        "pcg-jacobi",
        "symmetric and small: levels cost more than they save",
    ),
    Rule(lambda A: A.small, "bicgstab-jacobi", "small: levels cost more than they save"),
    Rule(
        lambda A: A.nodes and A.positive_definite,
        "pcg-aggregation",
        "symmetric, nodes of several unknowns: aggregates keep them together",
    ),
    Rule(
        lambda A: A.nodes,
        "bicgstab-aggregation",
        "nodes of several unknowns: aggregates keep them together",
    ),
    Rule(
        lambda A: A.dominant and A.mean_coupling <= 0.9 and A.positive_definite,
        "pcg-jacobi",
        "symmetric, and its diagonal outweighs its rows: few iterations without levels",
    ),
    Rule(
        lambda A: A.dominant and A.mean_coupling <= 0.9,
        "bicgstab-jacobi",
        "its diagonal outweighs its rows: few iterations without levels",
    ),
    Rule(
        lambda A: A.even_m_matrix and A.distance <= 160,
        "pcg-jacobi",
        "a symmetric M-matrix, alike everywhere and of few steps across: levels cost more than they save",
    ),
    Rule(
        lambda A: A.even_m_matrix and A.distance <= 300,
        "pcg-aggregation",
        "a symmetric M-matrix, alike everywhere and not many steps across: the cheapest levels do",
    ),
    Rule(
        lambda A: A.m_matrix and A.positive_definite,
        "pcg-aggressive",
        "a symmetric M-matrix: classical AMG with aggressive coarsening",
    ),
    Rule(
        lambda A: A.positive_definite,
        "pcg-aggressive",
        "symmetric with positive off-diagonals, as finite elements have: taken to be positive definite",
    ),
    Rule(
        lambda A: A.m_matrix and A.symmetric,
        "bicgstab-aggregation",
        "symmetric, but its rows outweigh its diagonal: it may be indefinite, which PCG does not take",
    ),
    Rule(lambda A: A.m_matrix, "bicgstab-aggregation", "nonsymmetric with the signs of an M-matrix"),
    Rule(lambda A: True, "default", "nothing speaks for another method"),
]


def choose(A: Operands, block_dim: int = 1) -> Choice:
    """Choose a configuration for a matrix."""
    if is_traced(*A.arrays):
        return _choice("default", "A's values are not known while a function is traced")
    if is_complex(A.values.dtype):
        return _choice("default", "a complex matrix, for which there are no rules")
    facts = Facts(_scipy(A), block_dim)
    rule = next(rule for rule in RULES if rule.applies(facts))
    return _choice(rule.preset, rule.why)


def _choice(preset: str, why: str) -> Choice:
    return Choice(preset, why, PRESETS[preset])


def _scipy(A: Operands) -> sp.csr_array:
    if A.format == "csr":
        arrays = (np.asarray(array) for array in (A.values, A.col_index, A.row_index))
        values, columns, offsets = arrays
        matrix = sp.csr_array((values[: offsets[-1]], columns[: offsets[-1]], offsets), shape=(A.n, A.n))
    else:
        rows, columns, values = A.entries()
        matrix = sp.csr_array((values, (rows, columns)), shape=(A.n, A.n))
        matrix.eliminate_zeros()
    return matrix.astype(np.promote_types(matrix.dtype, np.float32), copy=False)
