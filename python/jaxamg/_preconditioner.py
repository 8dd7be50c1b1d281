"""`make_preconditioner`: a method of the engine as a linear map for other Krylov solvers.

One application is z = M r, an own primitive. M is constant: it depends on A, but a preconditioner changes
the way to a solution and not the solution, so its derivative in A's values is zero by definition. The tangent
of z is M ṙ and, M being linear, the cotangent r̄ = Mᵀ z̄: the same method on the transposed matrix.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad
from jax.tree_util import Partial
from jax.typing import ArrayLike

from ._claims import Known, known, merge
from ._complex import complex_vector, is_complex, real_form, real_vector
from ._ffi import apply_p
from ._info import concrete_info, traced_info
from ._matrix import Operands, is_traced, operands, right_hand_side, working_dtype
from ._method import Method, check_nodes, preconditioner_method
from ._nullspace import Projector, null_spaces, projector
from ._solve import reject_unsupported, solve_operands
from ._stats import publish


def make_preconditioner(  # noqa: D417  (what is not supported yet is not described)
    A: Any,
    config: Any = None,
    *,
    comm: Any = None,
    nglobal: int | None = None,
    partition_info: Any = None,
    save_stats_file: str | os.PathLike[str] | None = None,
    return_info: bool = False,
    nullspace: Any = None,
    transpose_nullspace: Any = None,
    labels: Any = None,
    label_sum: Any = None,
    **kwargs: Any,
) -> Callable[[ArrayLike], Any]:
    """Return M ≈ A⁻¹ as a function `r -> M r`, for `M=` of `jax.scipy.sparse.linalg.cg`, `bicgstab`, `gmres`.

    By default M is one V cycle of the AMG that preconditions `solve`. It works under every transformation, is
    transposable, and can be made inside `jit`. The hierarchy is set up by the first application and cached as
    that of a solve; it is not set up again for the same A.

    Args:
        A: matrix (n, n), as in `solve`.
        config: AmgX configuration of the method, as in `solve`; None: one AMG cycle with the settings of
            `solve`'s default preconditioner; "auto": the preconditioner of what suits A. Where it has no
            `tolerance`, exactly `max_iters` iterations (default 1) are done, whatever the residual. With one,
            iterations go on until it is met.
        save_stats_file: path to which settings, grid table, complexities and memory are written as text.
        return_info: the function returns `(M r, info)`, with `solve`'s info for A z = r.
        nullspace, transpose_nullspace, labels, label_sum: of a singular A, as in `solve`, or attached to A by
            `with_cache`: M ≈ A⁺ takes from r what no A x has, and gives M r nothing of A's null space.
        **kwargs: keys of the method, which win over `config`: `presweeps=2`; `block_dim=k` as in `solve`.

    `comm`, `nglobal` and `partition_info` are part of the interface, but not supported by this version.

    Returns:
        A function of r (n,) or (n, m), and a pytree; the result has r's shape and dtype, which is also the
        precision of the work. It is linear if the method is: AMG and smoothers without `tolerance`; for a
        complex A, which makes all results complex, over the real numbers alone. A Krylov method, such as PCG,
        or a tolerance makes M depend on r: use it in flexible methods only, and do not rely on the derivative
        of M itself. A's values are constants: the derivative of M r in them is zero. A solution found with M
        does not depend on M; nor does its derivative.

    Raises:
        What `solve` raises for A and `config`. A non-finite or singular A makes M r NaN.

    >>> import jax, jaxamg
    >>> A = jaxamg.matrices.poisson_matrix(30)
    >>> M = jaxamg.make_preconditioner(A)
    >>> b = jaxamg.matrices.rhs_ones(900)
    >>> x, _ = jax.scipy.sparse.linalg.cg(lambda x: A @ x, b, M=M, tol=1e-5, maxiter=15)
    >>> bool(abs(A @ x - b).max() < 1e-3)
    True
    """
    reject_unsupported(comm=comm, nglobal=nglobal, partition_info=partition_info)
    matrix = operands(A)
    if isinstance(config, str) and config == "auto":
        from ._auto import choose  # which imports SciPy

        choice = choose(matrix if callable(A) else A, kwargs.get("block_dim", 1))
        config = choice.config.get("preconditioner")
    dtype = working_dtype(matrix.values, matrix.values)
    is_complex_matrix = is_complex(dtype)
    facts = merge(known(A), Known(None, nullspace, transpose_nullspace, labels, label_sum))
    spaces = null_spaces(facts, matrix.n, dtype)
    if is_complex_matrix:
        matrix = real_form(matrix)
        if "block_dim" in kwargs:  # a complex unknown is two real ones
            kwargs["block_dim"] *= 2
    chosen = preconditioner_method(config, kwargs)
    check_nodes(matrix.n, chosen.block_dim)
    if save_stats_file is not None:
        publish(save_stats_file, chosen, matrix)
    # A pytree: as an argument of a jitted function its arrays are operands, not constants.
    arrays = map(jnp.asarray, jax.lax.stop_gradient(matrix.arrays))
    application = _Application(chosen, matrix.format, matrix.n, is_complex_matrix, return_info)
    return Partial(application, *arrays, None if spaces is None else projector(spaces))


@dataclass(frozen=True)
class _Application:
    """The static part of a preconditioner, hashable so that equal ones share their compiled code."""

    method: Method
    format: str
    n: int
    """Of the matrix in real form where it is complex."""
    is_complex: bool
    return_info: bool

    def __call__(
        self, row_index: Any, col_index: Any, values: Any, null: Projector | None, r: ArrayLike
    ) -> Any:
        A = Operands(self.format, row_index, col_index, values, self.n)
        r = right_hand_side(r, self.n // 2 if self.is_complex else self.n)
        r = jnp.asarray(r, working_dtype(r, r))
        if not self.is_complex:
            return self._apply(A, null, r)
        applied = self._apply(A, null, real_vector(r))
        if not self.return_info:
            return complex_vector(applied)
        return complex_vector(applied[0]), applied[1]

    def _apply(self, A: Operands, null: Projector | None, r: jax.Array) -> Any:
        if not (self.return_info or self.method.monitored):
            if is_complex(r.dtype):  # of a real M the real and the imaginary part are two lanes
                z = jax.vmap(partial(self._apply, A, null), -1, -1)(jnp.stack([r.real, r.imag], axis=-1))
                return jax.lax.complex(z[..., 0], z[..., 1])
            form = {"config": self.method.canonical, "format": A.format, "transposed": False}
            r = r if null is None else null.off_left(r)
            z = apply_p.bind(A.row_index, A.col_index, A.values.astype(r.dtype), r, **form)
            return z if null is None else null.off_right(z)
        spaces = None if null is None else null.spaces
        if spaces is not None and is_complex(r.dtype):
            spaces = spaces.of_real_form()
        z, *report = solve_operands(A, r, self.method, null=spaces)
        if not self.return_info:
            return z
        how = r.ndim == 1, null is not None
        if is_traced(z):
            return z, traced_info(report, *how)
        return z, concrete_info([np.asarray(array) for array in report], *how)


def _apply_jvp(primals: Sequence[Any], tangents: Sequence[Any], **params: Any) -> tuple[Any, Any]:
    z = apply_p.bind(*primals, **params)
    r_dot = tangents[3]
    if type(r_dot) is ad.Zero:
        return z, r_dot
    return z, apply_p.bind(*primals[:3], r_dot, **params)


def _apply_transpose(z_bar, row_index, col_index, values, r, **params: Any):
    if type(z_bar) is ad.Zero:
        return None, None, None, ad.Zero(r.aval)
    params |= {"transposed": not params["transposed"]}
    return None, None, None, apply_p.bind(row_index, col_index, values, z_bar, **params)


ad.primitive_jvps[apply_p] = _apply_jvp
ad.primitive_transposes[apply_p] = _apply_transpose
