"""`config="auto"`: a look at the matrix, and a table that says what suits what.

The look is one pass over A in the engine and needs A's values: while A is traced there is nothing to look at,
and the default stands, which takes any matrix. The table has a row for each kind of matrix;
benchmarks/auto.py measures it against all presets.
"""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np
import scipy.sparse as sp

from . import _engine
from ._complex import is_complex
from ._matrix import Operands, is_traced, operands
from ._presets import PRESETS
from ._remember import Remembered, buffers_of


class Choice(NamedTuple):
    """What `config="auto"` chose: a preset, the reason, and the configuration."""

    preset: str
    why: str
    config: dict[str, Any]


class Facts:
    """What the rules ask of a square matrix with concrete values."""

    def __init__(self, A: sp.csr_array, block_dim: int = 1, has_near_nullspace: bool = False):
        # int64 and int32 are what the engine takes.
        offsets, columns = A.indptr.astype(np.int64, copy=False), A.indices.astype(np.int32, copy=False)
        self._matrix = offsets, columns, A.data
        found = _engine.matrix_facts(*self._matrix, block_dim)
        self._rows, self._entries, self._block_dim = A.shape[0], columns.size, block_dim
        self.nodes = block_dim > 1
        self.has_near_nullspace = has_near_nullspace
        self.symmetric: bool = found["symmetric"]
        self.one_sign: bool = found["one_sign"]
        # Of the off-diagonal entries of a row to its diagonal: 1 for a Laplacian, below 1 for a dominant one.
        self.mean_coupling: float = found["mean_coupling"]
        self.largest_coupling: float = found["largest_coupling"]
        # Of the off-diagonal entries what has the diagonal's sign.
        self.same_sign: float = found["same_sign"]
        # Decades between the off-diagonal entries of a row, on average: anisotropy, convection, jumps.
        self.unevenness: float = found["unevenness"]

    @property
    def small(self) -> bool:
        return self._rows <= 1000

    @property
    def thin(self) -> bool:
        """As a path or a tree."""
        return self._entries < 4 * self._rows

    @property
    def definite(self) -> bool:
        """Symmetric, and nothing in the signs of its diagonal against it."""
        return self.symmetric and self.one_sign

    @property
    def m_matrix(self) -> bool:
        """It or its negative has the signs of one; whether the inverse is positive nobody knows."""
        return self.one_sign and self.same_sign <= 1e-3

    @property
    def dominant(self) -> bool:
        """Weakly, row by row."""
        return self.largest_coupling <= 1 + 1e-5

    @cached_property
    def _distance(self) -> tuple[int, float]:
        return _engine.distance_across(*self._matrix, self._block_dim, 1000)

    @property
    def steps(self) -> int:
        """From one end to the other, which iterations without levels have to go; at most 1000."""
        return self._distance[0]

    @property
    def jumps(self) -> float:
        """Decades between the diagonal entries of neighbours, on average."""
        return self._distance[1]

    @property
    def solid(self) -> bool:
        """In three dimensions rather than in two, by the rows for its steps."""
        return self._rows > 2 * self._block_dim * self.steps**2

    @property
    def alike(self) -> bool:
        """Whether every place looks as any other, be it anisotropic, so that one coarsening suits all."""
        return self.jumps * self.unevenness <= 0.02

    @property
    def levels_are_cheap(self) -> bool:
        """Whether it is flat, so that coarse matrices stay sparse, and smoothed aggregation suits it."""
        return not self.solid and (self.nodes or (self.m_matrix and self.alike))

    @cached_property
    def effort(self) -> float:
        """About the iterations of conjugate gradients without levels, to 1e-8; measured, not derived.

        By the condition of a dominant matrix, at most (1 + c) / (1 - c) for the largest coupling c; else by
        the steps across, twice if no boundary holds the longest waves. Jumps and anisotropy take them longer,
        most in two dimensions, where there is no way around, and unknowns that push each other, as in
        elasticity.
        """
        c = self.mean_coupling if self.dominant and self.mean_coupling <= 0.9 else self.largest_coupling
        by_condition = 9.5 * math.sqrt((1 + c) / (1 - c)) if c < 1 else math.inf
        if by_condition <= 200:
            return by_condition
        a_step = 1.05 if self.solid or self._entries <= 5.5 * self._rows * self._block_dim else 1.6
        anisotropy = 0.3 * self.unevenness if self.symmetric else 0.0  # else it is convection, which carries
        uneven = (1.0 if self.solid else 2.75) * (1.3 * self.jumps + anisotropy)
        floating = (
            2.0 if self.largest_coupling - self.mean_coupling < 1e-5 else 1.0
        )  # no row is at a boundary
        by_steps = 25 + self.steps * floating * (a_step + uneven + min(40 * self.same_sign, 6.5))
        return min(by_condition, by_steps)


class Rule(NamedTuple):
    """One kind of matrix."""

    applies: Callable[[Facts], bool]
    preset: str
    why: str


# The first that applies.
RULES = [
    Rule(
        lambda A: A.has_near_nullspace and A.definite,
        "pcg-smoothed",
        "symmetric, with a near null space, which smoothed aggregation keeps on every level",
    ),
    Rule(
        lambda A: A.small and A.definite,
        "pcg-jacobi",
        "symmetric and small: levels cost more than they save",
    ),
    Rule(lambda A: A.small, "bicgstab-jacobi", "small: levels cost more than they save"),
    Rule(
        lambda A: A.definite and A.effort <= (175 if A.levels_are_cheap else 260),
        "pcg-jacobi",
        "symmetric, and dominant or of few steps across: levels cost more than they save",
    ),
    Rule(
        lambda A: A.nodes and A.m_matrix and A.symmetric,
        "pcg-aggregation",
        "symmetric, nodes of several unknowns: aggregates keep them together",
    ),
    Rule(
        lambda A: A.nodes and A.definite,
        "pcg-smoothed",
        "symmetric, nodes of several unknowns that push each other, as in elasticity: smoothed aggregation",
    ),
    Rule(
        lambda A: A.nodes,
        "bicgstab-aggregation",
        "nodes of several unknowns: aggregates keep them together",
    ),
    Rule(
        lambda A: A.definite and A.thin,
        "pcg-classical",
        "symmetric with few entries in a row, as on a line: aggressive coarsening would leave too few rows",
    ),
    Rule(
        lambda A: A.m_matrix and A.symmetric and A.alike and not A.solid,
        "pcg-smoothed",
        "symmetric with the signs of an M-matrix, alike everywhere: smoothed aggregation",
    ),
    Rule(
        lambda A: A.m_matrix and A.symmetric and A.alike,
        "pcg-aggregation",
        "symmetric with the signs of an M-matrix, alike everywhere, in three dimensions: the sparsest levels",
    ),
    Rule(
        lambda A: A.definite,
        "pcg-aggressive",
        "symmetric, with jumps or positive off-diagonals: classical AMG with aggressive coarsening",
    ),
    Rule(
        lambda A: (A.m_matrix or A.dominant) and A.effort <= 200,
        "bicgstab-jacobi",
        "nonsymmetric, and dominant or of few steps across: levels cost more than they save",
    ),
    Rule(
        lambda A: A.m_matrix and A.unevenness <= 0.3,
        "bicgstab-aggressive",
        "nonsymmetric with the signs of an M-matrix, even in all directions: little convection",
    ),
    Rule(lambda A: A.m_matrix, "bicgstab-aggregation", "nonsymmetric with the signs of an M-matrix"),
    Rule(lambda A: True, "default", "nothing speaks for another method"),
]


def choose(A: Any, block_dim: int = 1, has_near_nullspace: bool = False) -> Choice:
    """Choose a configuration for a matrix: what `operands` takes, but no callable without a pattern.

    A matrix of JAX is looked at once: as long as its arrays live, what they led to is remembered.
    """
    question = (block_dim, has_near_nullspace)
    return _choices.get(A, question, lambda: _look(A, *question))


_choices: Remembered[Choice] = Remembered()


def _look(A: Any, block_dim: int, has_near_nullspace: bool) -> Choice:
    if buffers_of(A):  # concrete, and so is what is taken of them, also where a function is traced
        with jax.ensure_compile_time_eval():
            matrix = operands(A)
    else:
        matrix = operands(A)
    if is_traced(*matrix.arrays):
        return _choice("default", "A's values are not known while a function is traced")
    if is_complex(matrix.values.dtype):
        return _choice("default", "a complex matrix, for which there are no rules")
    facts = Facts(_scipy(matrix), block_dim, has_near_nullspace)
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
