"""The engine in lineax's words: a solver, an operator that carries a sparse matrix, and a preconditioner."""

import itertools
import json
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ._claims import Known, known
from ._complex import is_complex
from ._config import plain
from ._derivatives import multiply
from ._matrix import Operands, operands
from ._method import Method, check_nodes, method
from ._nullspace import NullSpaces, null_spaces
from ._preconditioner import make_preconditioner
from ._solve import solve_operands
from ._status import AMGXStatus
from ._with_cache import joined, split

try:
    import equinox as eqx
    import lineax as lx
except ImportError as error:
    raise ImportError("this part of jaxamg needs lineax: pip install 'jaxamg[lineax]'") from error

_BY_REASON = {1: lx.RESULTS.nonfinite_input, 2: lx.RESULTS.nonfinite_input, 3: lx.RESULTS.singular,
              4: lx.RESULTS.breakdown, 5: lx.RESULTS.stagnation, 8: lx.RESULTS.singular}  # fmt: skip


class SparseLinearOperator(lx.AbstractLinearOperator):
    """A sparse matrix as a lineax operator, which `jaxamg.AMG` solves with as it is.

    Args:
        matrix: BCSR, BCOO, SciPy sparse or a dense array, (n, n).
        tags: lineax's, such as `lineax.symmetric_tag`; unchecked.
        transposed: the operator is the transpose of `matrix`.

    Raises:
        What `jaxamg.solve` raises for a matrix; ValueError for one to which a null space is attached.

    >>> import jaxamg, lineax
    >>> operator = jaxamg.SparseLinearOperator(jaxamg.matrices.poisson_matrix(20), lineax.symmetric_tag)
    >>> solution = lineax.linear_solve(operator, jaxamg.matrices.rhs_ones(400), jaxamg.AMG(tolerance=1e-4))
    >>> bool(abs(operator.mv(solution.value) - 1).max() < 1e-2)
    True
    """

    row_index: jax.Array
    col_index: jax.Array
    values: jax.Array
    format: str = eqx.field(static=True)
    n: int = eqx.field(static=True)
    transposed: bool = eqx.field(static=True)
    tags: frozenset[object] = eqx.field(static=True)

    def __init__(self, matrix: Any, tags: object | frozenset[object] = (), transposed: bool = False):
        found, facts = operands(matrix), known(matrix)
        if facts.nullspace is not None or facts.transpose_nullspace is not None:
            raise ValueError(
                "SparseLinearOperator: in lineax, null spaces belong to what solves, not to the operator: "
                "give the bare matrix, and jaxamg.AMG or make_lineax_preconditioner nullspace=..."
            )
        self.row_index, self.col_index, self.values = map(jnp.asarray, found.arrays)
        self.format, self.n, self.transposed = found.format, found.n, transposed
        self.tags = frozenset(tags if isinstance(tags, tuple | frozenset) else (tags,))

    @property
    def operands(self) -> Operands:
        """Of the matrix as it is stored, not transposed."""
        return Operands(self.format, self.row_index, self.col_index, self.values, self.n)

    def mv(self, vector: jax.Array) -> jax.Array:
        dtype = jnp.result_type(self.values, vector)
        arrays = self.row_index, self.col_index, self.values.astype(dtype), vector.astype(dtype)
        return multiply(*arrays, format=self.format, transposed=self.transposed)

    def as_matrix(self) -> jax.Array:
        return self.mv(jnp.eye(self.n, dtype=self.values.dtype))  # n vectors at once

    def transpose(self) -> "SparseLinearOperator":
        if self._is_its_transpose():
            return self
        return SparseLinearOperator(self.operands, lx.transpose_tags(self.tags), not self.transposed)

    def _is_its_transpose(self) -> bool:
        if is_complex(self.values.dtype):  # being definite, and so Hermitian, does not tell
            return bool(self.tags & {lx.symmetric_tag, lx.diagonal_tag})
        return lx.is_symmetric(self)

    def in_structure(self) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((self.n,), self.values.dtype)

    def out_structure(self) -> jax.ShapeDtypeStruct:
        return self.in_structure()


def _register() -> None:
    """What lineax asks of an operator besides its methods: its functions dispatch on the class."""
    for same in (lx.linearise, lx.materialise):
        same.register(SparseLinearOperator, lambda operator: operator)
    lx.conj.register(
        SparseLinearOperator,
        lambda operator: eqx.tree_at(lambda op: op.values, operator, jnp.conj(operator.values)),
    )
    lx.diagonal.register(SparseLinearOperator, lambda operator: jnp.diagonal(operator.as_matrix()))
    definite = {lx.positive_semidefinite_tag, lx.negative_semidefinite_tag}
    has_tag = {
        lx.is_symmetric: {lx.symmetric_tag, lx.diagonal_tag} | definite,
        lx.is_diagonal: {lx.diagonal_tag},
        lx.is_tridiagonal: {lx.tridiagonal_tag, lx.diagonal_tag},
        lx.is_lower_triangular: {lx.lower_triangular_tag, lx.diagonal_tag},
        lx.is_upper_triangular: {lx.upper_triangular_tag, lx.diagonal_tag},
        lx.is_positive_semidefinite: {lx.positive_semidefinite_tag},
        lx.is_negative_semidefinite: {lx.negative_semidefinite_tag},
        lx.has_unit_diagonal: {lx.unit_diagonal_tag},
    }
    for question, tags in has_tag.items():
        question.register(SparseLinearOperator, lambda operator, tags=tags: bool(operator.tags & tags))


_register()


class _State(eqx.Module):
    A: tuple[Any, ...]  # row_index, col_index, values
    null: NullSpaces | None  # of the operator
    method: Method = eqx.field(static=True)
    format: str = eqx.field(static=True)
    transposed: bool = eqx.field(static=True)
    symmetric: bool = eqx.field(static=True)
    # The vectors' structures as lineax sees them; the engine works on flat ones.
    solution: Any = eqx.field(static=True)
    right_side: Any = eqx.field(static=True)


class AMG(lx.AbstractLinearSolver):
    """jaxamg's solvers for `lineax.linear_solve`, and through it for optimistix and diffrax.

    Args:
        config: AmgX configuration, as in `jaxamg.solve`; None: BiCGStab preconditioned by AMG; "auto": what
            suits the operator's matrix. As `lineax.linear_solve` is a jitted function, in which values are
            traced, that takes `state=solver.init(operator, {})`; without, it is the default.
        pattern: where an operator has its entries that is only a function, such as the Jacobians that
            optimistix and diffrax make; a `jaxamg.Pattern`. The values are found by one product a colour.
        nullspace, transpose_nullspace, labels, label_sum: of a singular operator, as in `jaxamg.solve`: the
            solution is the pseudo-inverse's, and so are its derivatives. Vectors and labels are flat, of the
            order of `jax.flatten_util.ravel_pytree`.
        **kwargs: keys of the solver, which win over `config`: `tolerance=1e-8`; `block_dim=k` as in
            `jaxamg.solve`.

    The operator is square: a `jaxamg.SparseLinearOperator`, a lineax operator that has its entries
    (MatrixLinearOperator, PyTreeLinearOperator, those of diagonals), or with `pattern` any other. Vectors may
    be pytrees. `solution.stats` has `num_steps`, `max_steps` and `residual`; `solution.result` tells what
    `jaxamg.solve` reports as `info["status"]`. x is NaN where it has no meaning.

    Raises:
        ValueError: an operator that is not square, or a function without a pattern.
        Otherwise as `jaxamg.solve` for matrix and configuration.

    >>> import jaxamg, lineax
    >>> A, b = jaxamg.matrices.poisson_matrix(20).todense(), jaxamg.matrices.rhs_ones(400)
    >>> solution = lineax.linear_solve(lineax.MatrixLinearOperator(A), b, jaxamg.AMG({"solver": "PCG"}))
    >>> solution.result == lineax.RESULTS.successful, bool(solution.stats["num_steps"] < 15)
    (Array(True, dtype=bool), True)
    """

    method: Method | None = eqx.field(static=True)
    """None: up to the matrix."""
    keywords: str = eqx.field(static=True)
    """Then, as JSON, which can be hashed."""
    pattern: Any
    # What is known of the operator: its arrays, and the rest.
    _arrays: tuple[Any, ...]
    _static: Any = eqx.field(static=True)

    def __init__(
        self,
        config: Any = None,
        *,
        pattern: Any = None,
        nullspace: Any = None,
        transpose_nullspace: Any = None,
        labels: Any = None,
        label_sum: Any = None,
        **kwargs: Any,
    ):
        is_auto = isinstance(config, str) and config == "auto"
        self.method = None if is_auto else method(config, kwargs)
        self.keywords = json.dumps(plain(kwargs)) if is_auto else ""
        self.pattern = pattern
        facts = Known(None, nullspace, transpose_nullspace, labels, label_sum)
        self._arrays, self._static = split(facts)

    def init(self, operator: lx.AbstractLinearOperator, options: dict[str, Any]) -> _State:
        rows, columns = operator.out_size(), operator.in_size()
        if rows != columns:
            raise ValueError(f"jaxamg.AMG solves square systems; the operator is {rows} by {columns}")
        A, transposed = _entries(operator, self.pattern)
        dtype = jnp.result_type(A.values, *jax.tree.leaves(operator.out_structure()))
        chosen = self.method or _suited(A, json.loads(self.keywords))
        check_nodes(rows, chosen.block_dim)
        return _State(
            A=tuple(map(jnp.asarray, A.arrays)),
            method=chosen,
            format=A.format,
            null=null_spaces(joined(self._arrays, self._static), rows, dtype),
            transposed=transposed,
            # For a complex matrix the engine's symmetry is A = Aᴴ, lineax's A = Aᵀ.
            symmetric=lx.is_symmetric(operator) and not is_complex(A.values.dtype),
            solution=_static(operator.in_structure()),
            right_side=_static(operator.out_structure()),
        )

    def compute(
        self, state: _State, vector: Any, options: dict[str, Any]
    ) -> tuple[Any, lx.RESULTS, dict[str, Any]]:
        b, _ = ravel_pytree(vector)
        A = Operands(state.format, *state.A, n=b.size)
        x, iterations, status, reason, residual, *_ = solve_operands(
            A, b, state.method, null=state.null, symmetric=state.symmetric, transposed=state.transposed
        )
        stats = {"num_steps": iterations[0], "max_steps": state.method.max_iters, "residual": residual[0]}
        return _unravel(x, state.solution), _result(status[0], reason[0]), stats

    def transpose(self, state: _State, options: dict[str, Any]) -> tuple[_State, dict[str, Any]]:
        null = state.null
        return _State(
            A=state.A,
            null=None if null is None else null.of_transpose(is_complex(state.A[2].dtype)),
            method=state.method,
            format=state.format,
            transposed=state.transposed != (not state.symmetric),
            symmetric=state.symmetric,
            solution=state.right_side,
            right_side=state.solution,
        ), options

    def conj(self, state: _State, options: dict[str, Any]) -> tuple[_State, dict[str, Any]]:
        if not is_complex(state.A[2].dtype):
            return state, options
        state = eqx.tree_at(lambda s: s.A[2], state, jnp.conj(state.A[2]))
        if state.null is not None:
            state = eqx.tree_at(lambda s: s.null, state, state.null.of_conjugate())
        return state, options

    def assume_full_rank(self) -> bool:
        facts = joined(self._arrays, self._static)
        return facts.nullspace is None and facts.transpose_nullspace is None

    # The same, asked for each side, in lineax before 0.0.9.
    def allow_dependent_columns(self, operator: lx.AbstractLinearOperator) -> bool:
        return not self.assume_full_rank()

    def allow_dependent_rows(self, operator: lx.AbstractLinearOperator) -> bool:
        return not self.assume_full_rank()


def make_lineax_preconditioner(  # noqa: D417  (what is not supported yet is not described)
    operator: lx.AbstractLinearOperator,
    config: Any = None,
    *,
    tags: Any = None,
    comm: Any = None,
    nglobal: int | None = None,
    partition_info: Any = None,
    save_stats_file: Any = None,
    pattern: Any = None,
    **kwargs: Any,
) -> lx.FunctionLinearOperator:
    """Return `make_preconditioner` of an operator's matrix as an operator, for `options["preconditioner"]`.

    Args:
        operator: as `jaxamg.AMG` takes it.
        config: as in `make_preconditioner`.
        tags: lineax's tags of the result; by default those of `operator`. An AMG cycle with the same sweeps
            before and after is symmetric or definite if the matrix is.
        save_stats_file: as in `make_preconditioner`.
        pattern: as in `jaxamg.AMG`.
        **kwargs: as in `make_preconditioner`, which also takes `nullspace` of a singular operator.

    `comm`, `nglobal` and `partition_info` are part of the interface, but not supported by this version.

    >>> import jaxamg, lineax
    >>> tags = lineax.positive_semidefinite_tag
    >>> operator = jaxamg.SparseLinearOperator(jaxamg.matrices.poisson_matrix(20), tags)
    >>> options = {"preconditioner": jaxamg.make_lineax_preconditioner(operator)}
    >>> b = jaxamg.matrices.rhs_ones(400)
    >>> solution = lineax.linear_solve(operator, b, lineax.CG(rtol=1e-4, atol=1e-4), options=options)
    >>> bool(solution.stats["num_steps"] < 15)
    True
    """
    A, transposed = _entries(operator, pattern)
    distribution = {"comm": comm, "nglobal": nglobal, "partition_info": partition_info}
    M = make_preconditioner(A, config, **distribution, save_stats_file=save_stats_file, **kwargs)
    domain, codomain = map(_static, (operator.in_structure(), operator.out_structure()))

    def apply(vector: Any) -> Any:
        r, _ = ravel_pytree(vector)
        z = jax.linear_transpose(M, r)(r)[0] if transposed else M(r)
        return _unravel(z, domain)

    chosen = operator.tags if tags is None else tags
    return lx.FunctionLinearOperator(apply, _structure(codomain), chosen)


def _suited(A: Operands, keywords: dict[str, Any]) -> Method:
    from ._auto import choose

    return method(choose(A, keywords.get("block_dim", 1)).config, keywords)


def _entries(operator: lx.AbstractLinearOperator, pattern: Any) -> tuple[Operands, bool]:
    """Return an operator's matrix, and whether it is to be taken transposed."""
    if isinstance(operator, SparseLinearOperator):
        return operator.operands, operator.transposed
    if isinstance(operator, lx.TaggedLinearOperator):
        return _entries(operator.operator, pattern)
    if pattern is not None:
        return _from_products(operator, pattern), False
    if isinstance(operator, lx.MatrixLinearOperator):
        return operands(operator.matrix), False
    if isinstance(operator, _WITH_ENTRIES):
        return operands(operator.as_matrix()), False
    raise ValueError(
        f"a {type(operator).__name__} does not show where it has entries: give "
        "AMG(pattern=jaxamg.pattern(rows, cols, shape)) or a jaxamg.SparseLinearOperator; "
        "lineax.materialise makes a small one dense"
    )


_WITH_ENTRIES = (lx.PyTreeLinearOperator, lx.DiagonalLinearOperator, lx.TridiagonalLinearOperator)


def _from_products(operator: lx.AbstractLinearOperator, pattern: Any) -> Operands:
    from ._operator import entries

    structure = _static(operator.in_structure())
    dtype = jnp.result_type(*structure[0])

    def product(x: jax.Array) -> jax.Array:
        return ravel_pytree(operator.mv(_unravel(x, structure)))[0]

    return Operands(
        "csr", pattern.row_index, pattern.col_index, entries(product, pattern, dtype), pattern.shape[0]
    )


def _result(status: jax.Array, reason: jax.Array) -> lx.RESULTS:
    result = lx.RESULTS.where(
        status == AMGXStatus.NOT_CONVERGED, lx.RESULTS.max_steps_reached, lx.RESULTS.breakdown
    )
    for code, meaning in _BY_REASON.items():
        result = lx.RESULTS.where(reason == code, meaning, result)
    return lx.RESULTS.where(status == AMGXStatus.SUCCESS, lx.RESULTS.successful, result)


def _static(structure: Any) -> tuple[tuple[jax.ShapeDtypeStruct, ...], Any]:
    """Return a structure as what can be a static field, hashable."""
    leaves, tree = jax.tree.flatten(structure)
    return tuple(leaves), tree


def _structure(static: tuple[tuple[jax.ShapeDtypeStruct, ...], Any]) -> Any:
    leaves, tree = static
    return jax.tree.unflatten(tree, leaves)


def _unravel(flat: jax.Array, static: tuple[tuple[jax.ShapeDtypeStruct, ...], Any]) -> Any:
    leaves, tree = static
    ends = list(itertools.accumulate(math.prod(leaf.shape) for leaf in leaves))
    parts = jnp.split(flat, ends[:-1])
    shaped = [part.reshape(leaf.shape).astype(leaf.dtype) for part, leaf in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(tree, shaped)
