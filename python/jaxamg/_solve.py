"""`solve`: checks, one primitive, a report."""

import os
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from . import _batching  # noqa: F401  registers the primitives' batching rules
from ._claims import Known, is_symmetric, known, merge
from ._complex import complex_vector, is_complex, real_form, real_vector
from ._derivatives import adjoint_solve
from ._ffi import no_guess, no_null, solve_p
from ._info import concrete_info, raise_misuse, traced_info
from ._matrix import Operands, as_array, initial_guess, is_traced, operands, right_hand_side, working_dtype
from ._method import Method, check_nodes, method
from ._nullspace import NullSpaces, near_null_vectors, null_spaces
from ._stats import publish


def solve(  # noqa: D417  (what is not supported yet is not described)
    A: Any,
    b: ArrayLike,
    config: Any = None,
    comm: Any = None,
    nglobal: int | None = None,
    partition_info: Any = None,
    save_stats_file: str | os.PathLike[str] | None = None,
    *,
    x0: ArrayLike | None = None,
    block_dim: int = 1,
    reuse_setup: bool | str = False,
    nullspace: Any = None,
    transpose_nullspace: Any = None,
    labels: Any = None,
    label_sum: Any = None,
    derivative: str = "implicit",
    near_nullspace: Any = None,
    precond_dtype: Any = None,
    adjoint_tolerance: float | None = None,
    on_failure: str | None = None,
    hierarchy: Any = None,
    **kwargs: Any,
) -> tuple[jax.Array, dict[str, Any]]:
    """Solve A x = b for a square sparse A.

    Works eagerly and inside `jit`; differentiable in both modes, to any order, in A's values and b.
    The hierarchy is cached by configuration and pattern: the same A again costs no setup, new values on a
    known pattern a refresh, and a gradient no setup at all. Under `vmap` over b there is still one hierarchy,
    and one pass over A for all lanes; over A's values, one symbolic setup, refreshed for each.

    Args:
        A: matrix (n, n): BCSR, BCOO, SciPy sparse (any format) or a dense array. Columns need not be sorted;
            duplicates add up. Or a linear function `x -> A x`, which is turned into a matrix; inside `jit` it
            needs a cached pattern, see `with_cache`.
        b: right-hand side (n,), or (n, m) for m of them. Its dtype with A's decides the precision, by JAX's
            promotion rules: float32, float64, complex64 or complex128. Integers become floating. Without
            `jax_enable_x64`, float64 of NumPy and SciPy becomes float32, as everywhere in JAX.
        config: AmgX configuration: a dict, flat (`{"solver": "PCG", "tolerance": 1e-8}`) or nested, a JSON
            file's path, a preset's name ("pcg-aggressive"), or None for BiCGStab preconditioned by classical
            AMG, tolerance 1e-6. "auto": the preset that suits A by its symmetry, signs, diagonal and size,
            which takes a pass over A's concrete values, once for arrays of JAX; while A is traced it is the
            default.
        save_stats_file: path to which settings, grid table, complexities, memory, residuals and times are
            written as text. The configuration keys `print_config`, `print_grid_stats`, `print_solve_stats`
            and `obtain_timings` send each its part of that to Python's logger "jaxamg" at level INFO.
        x0: initial guess, shaped like b. Changes the iterations, not the solution nor its derivative.
        block_dim: unknowns of a node, k: rows i*k+c of A and b are the component c of node i. Smoothers then
            invert k by k blocks, AMG coarsens nodes, by aggregation unless told otherwise, and each component
            of the residual has to meet the tolerance (`use_scalar_norm=1`: all together).
        nullspace: of a singular A, what it takes to zero: "constant", or vectors (n,) or (n, m). x is the
            pseudo-inverse solution A⁺ b: of the x that leave the least of b the shortest. A constant to a
            derivative.
        transpose_nullspace: what the transpose of A takes to zero; default: the conjugate of `nullspace`,
            which is right for a symmetric real or a Hermitian A. Either stands for the other.
        labels: `(count, labels)`: the components 0 to count - 1 of a disconnected domain, as one integer a
            row (n,). Each null vector counts in every component by itself.
        label_sum: the function that adds up what several ranks have of each component; with all rows here it
            is not called.
        near_nullspace: what A makes little of except at a boundary, (n, m): rigid motions for elasticity, see
            `rigid_body_modes`. `algorithm: SMOOTHED_AGGREGATION` keeps it on every level, and by default the
            constants in each component of a node. A constant to a derivative.
        reuse_setup: what becomes of a cached hierarchy for new values on its pattern. False or "refresh": it
            is refreshed, which gives the bits of a fresh setup. True or "keep": it is taken as it is. "auto":
            as it is until calls need clearly more iterations (a fifth) than the best one with it, or fail;
            then it is refreshed. "full": it is set up anew.
        derivative: "implicit": forward and reverse mode, of any order; "adjoint": reverse mode alone.
        precond_dtype: "float32": the preconditioner of a Krylov method in float64 runs in single precision,
            in less memory, also that of a gradient. The solution is as exact as ever.
        adjoint_tolerance: tolerance of the transposed solves of a gradient; default: the solve's own.
        on_failure: what a solve does that ends without `SUCCESS`, eagerly and inside `jit`, forward and
            backward: "warn": a RuntimeWarning; "raise": an error from the running computation; "nan": x =
            NaN. By default a solve only tells in `info`, and those of a gradient, which have no `info`, warn.
        hierarchy: what `jaxamg.setup` returned for a matrix of A's pattern and dtype, instead of the cache's;
            it brings the configuration, so that `config` is not given, and of keys at most `tolerance`. Its
            values are those it was set up with: for another A it preconditions as `reuse_setup=True` does.
        **kwargs: keys of the outer solver, which win over `config`: `tolerance=1e-8`.

    A complex system is solved as the real one of real and imaginary parts, [[a, -b], [b, a]] for an entry
    a + ib. So conjugate gradients serve a Hermitian positive definite A, and are the complex ones. The norm
    L2 is that of the complex residual; L1 and LMAX add and compare its real and imaginary parts. Derivatives
    are those of `jnp.linalg.solve`, in JAX's conventions: of a real function, a step against the conjugate of
    `grad` descends. Where the diagonal is complex, as in Helmholtz's equation with damping, it helps to
    smooth both parts of an unknown together: `{"block_dim": 2, "preconditioner": {"algorithm": "CLASSICAL",
    "selector": "PMIS", "interpolator": "D2"}}` in `config`.

    Every other argument is part of the interface, but not supported by this version.

    Returns:
        `(x, info)`. `info["iterations"]`; `info["residual"]`, the norm of b - A x; `info["status"]`, an
        `AMGXStatus`; `info["residual_history"]`, entry 0 being the initial residual; with a null space
        `info["rhs_inconsistency"]`, ‖b - A A⁺ b‖ / ‖b‖, and residuals are those of A A⁺ b; outside of
        transformations also `setup_time` and `solve_time` in seconds, and for `config="auto"` `config`, with
        the chosen `preset`, `why`, and its `config`. Under a transformation these are arrays, and the history
        has max_iters + 1 entries, NaN after the last. With b (n, m), each has one value (row) per column.

    Raises:
        TypeError: A is no matrix, or `config` no configuration.
        ValueError: shapes that do not fit, indices out of range, an invalid configuration; outside of
            transformations also non-finite values, a row of zeros, or null vectors that are none. With traced
            values these yield x = NaN and the status FAILED.
        NotImplementedError: an argument that this version does not support.

    Warns:
        NullSpaceWarning: A's rows sum to 0 and no null space is declared.

    >>> import jaxamg
    >>> A = jaxamg.matrices.poisson_matrix(30)
    >>> x, info = jaxamg.solve(A, jaxamg.matrices.rhs_ones(900), {"solver": "PCG"}, tolerance=1e-4)
    >>> info["status"]
    <AMGXStatus.SUCCESS: 0>
    >>> bool(abs(A @ x - 1).max() < 1e-2)
    True
    """
    if precond_dtype is not None:
        if np.dtype(precond_dtype) != np.float32:
            raise ValueError(f"precond_dtype is {precond_dtype!r}; it must be None, for A's own, or float32")
        kwargs |= {"precond_dtype": "float32"}
    b = as_array(b)
    matrix = operands(A, b)
    if block_dim != 1:  # a complex unknown is two real ones
        kwargs["block_dim"] = 2 * block_dim if is_complex(working_dtype(matrix.values, b)) else block_dim
    choice = None
    if isinstance(config, str) and config == "auto":
        from ._auto import choose  # which imports SciPy

        choice = choose(matrix if callable(A) else A, block_dim, near_nullspace is not None)
        config = choice.config
    if hierarchy is None:
        chosen = method(config, kwargs)
    else:
        from ._hierarchy import checked  # which imports SciPy

        chosen = checked(hierarchy, config, kwargs, matrix, b)
    check_nodes(matrix.n, block_dim)
    facts = merge(known(A), Known(None, nullspace, transpose_nullspace, labels, label_sum))
    reject_unsupported(
        comm=comm,
        nglobal=nglobal,
        partition_info=partition_info,
    )
    _check_choice("derivative", derivative, ("implicit", "adjoint"))
    _check_choice("on_failure", on_failure, (None, "warn", "raise", "nan"))
    _check_choice("reuse_setup", reuse_setup, (False, True, "refresh", "keep", "auto", "full"))
    reuse = reuse_setup if isinstance(reuse_setup, str) else "keep" if reuse_setup else "refresh"
    forward = backward = 0.0  # the configuration's
    if hierarchy is not None and "tolerance" in kwargs:
        forward = backward = method(None, kwargs).tolerance
    if adjoint_tolerance is not None:
        backward = method(config, kwargs | {"tolerance": adjoint_tolerance}).tolerance

    rhs = right_hand_side(b, matrix.n)
    guess = initial_guess(x0, rhs.shape)
    dtype = working_dtype(matrix.values, rhs)
    null = null_spaces(facts, matrix.n, dtype)
    near = near_null_vectors(near_nullspace, matrix.n, dtype, chosen, hierarchy)
    x, *report = solve_operands(
        matrix,
        rhs,
        chosen,
        guess,
        null,
        near,
        tolerance=forward,
        adjoint_tolerance=backward,
        on_failure=on_failure or "report",
        derivative=derivative,
        reuse_setup=reuse,
        hierarchy=0 if hierarchy is None else hierarchy.number,
        symmetric=is_symmetric(A, rhs),
    )
    how = {"near": near, "reuse_setup": reuse, "hierarchy": hierarchy, "in_real_form": is_complex(x.dtype)}
    publish(save_stats_file, chosen, matrix, report, **how)
    if is_traced(x):
        return x, traced_info(report, rhs.ndim == 1, null is not None)
    report = [np.asarray(array) for array in report]
    raise_misuse(report[2], matrix, rhs, guess)
    info = concrete_info(report, rhs.ndim == 1, null is not None)
    return x, info if choice is None else info | {"config": choice}


def solve_operands(
    A: Operands,
    b: Any,
    chosen: Method,
    x0: Any = None,
    null: NullSpaces | None = None,
    near: Any = None,
    *,
    tolerance: float = 0.0,
    adjoint_tolerance: float = 0.0,
    on_failure: str = "report",
    derivative: str = "implicit",
    reuse_setup: str = "refresh",
    hierarchy: int = 0,
    symmetric: bool = False,
    transposed: bool = False,
) -> list[jax.Array]:
    """Bind the primitive with arguments that have been checked; A, b and x0 are brought to one dtype."""
    return _solve(
        *A.arrays,
        b,
        x0,
        null,
        near,
        dtype=working_dtype(A.values, b),
        format=A.format,
        config=chosen.canonical,
        tolerance=tolerance,
        adjoint_tolerance=adjoint_tolerance,
        on_failure=on_failure,
        derivative=derivative,
        max_iters=chosen.max_iters,
        reuse_setup=reuse_setup,
        hierarchy=hierarchy,
        symmetric=symmetric,
        transposed=transposed,
    )


# One compiled call, also outside of jit: eager casts would take longer than a small solve.
@partial(
    jax.jit,
    inline=True,
    static_argnames=(
        "dtype",
        "derivative",
        "format",
        "config",
        "tolerance",
        "adjoint_tolerance",
        "on_failure",
        "max_iters",
        "reuse_setup",
        "hierarchy",
        "symmetric",
        "transposed",
    ),
)
def _solve(
    row_index,
    col_index,
    values,
    b,
    x0,
    null,
    near,
    *,
    dtype: np.dtype,
    derivative: str,
    format: str,
    **params: Any,
) -> list[jax.Array]:
    A, b = Operands(format, row_index, col_index, values, n=b.shape[0]), b.astype(dtype)
    x0 = None if x0 is None else x0.astype(dtype)
    if is_complex(dtype):
        if params["transposed"]:  # the transpose of the real form is that of Aᴴ
            A = A._replace(values=jnp.conj(values))
        x0 = None if x0 is None else real_vector(x0)
        x, *report = _bind(real_form(A), real_vector(b), x0, null, near, derivative, params)
        return [complex_vector(x), *report]
    return _bind(A, b, x0, null, near, derivative, params)


def _bind(
    A: Operands, b: Any, x0: Any, null: NullSpaces | None, near: Any, derivative: str, params: dict[str, Any]
) -> list[jax.Array]:
    params = params | {"format": A.format}
    arrays = A.row_index, A.col_index, A.values.astype(b.dtype), b, no_guess(b) if x0 is None else x0
    near = jnp.zeros(0, b.dtype) if near is None else jax.lax.stop_gradient(near.astype(b.dtype))
    null_arrays = (*(no_null(b) if null is None else null), near)
    if derivative == "adjoint":
        return adjoint_solve(*arrays, null_arrays, tuple(sorted(params.items())))
    return solve_p.bind(*arrays, *null_arrays, **params)


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, choices))}")


def reject_unsupported(**arguments: Any) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise NotImplementedError(f"{name}: this version supports only the default")
