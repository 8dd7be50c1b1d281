"""The engine's operations as JAX primitives: solve, apply, multiply, outer, and setup for eager use.

A matrix is passed as `(row_index, col_index, values)` and a `format`:

- "csr": row offsets (n + 1,), columns (nse,), values (nse,); what lies past the last offset is padding;
- "coo": rows (nse,), columns (nse,), values (nse,); an entry in row n is padding, as in JAX's BCOO;
- "dense": two empty index arrays and values (n, n); only solve takes it.

Vectors are (n,) or (n, m) for m lanes. Several matrices of one pattern, the members of a batch, are one
operand: values, all vectors and all results then have an axis in front, and outer's vectors their axis of
lanes. The calls have no side effects, so XLA may drop or repeat them.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.ffi
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import mlir, xla

from . import _engine


def _primitive(name: str, abstract_eval: Callable[..., Any], attributes: Sequence[str]) -> Primitive:
    primitive = Primitive(name)
    primitive.def_impl(partial(xla.apply_primitive, primitive))
    primitive.def_abstract_eval(abstract_eval)
    call = jax.ffi.ffi_lowering(name)

    def lowering(ctx: mlir.LoweringRuleContext, *operands: Any, **params: Any) -> Any:
        # XLA refuses attributes that the handler does not declare; some parameters are for our rules alone.
        return call(ctx, *operands, **{key: params[key] for key in attributes})

    for platform, handlers in _engine.registrations().items():
        jax.ffi.register_ffi_target(name, handlers[name], platform=platform)
        mlir.register_lowering(primitive, lowering, platform=platform.lower())
    return primitive


def no_guess(b: Any) -> jax.Array:
    """Return the x0 that stands for none."""
    return jnp.zeros(0, b.dtype)


def no_null(b: Any) -> tuple[jax.Array, ...]:
    """Return the null spaces that stand for a regular A's."""
    none = jnp.zeros(0, jnp.int32)
    return no_guess(b), no_guess(b), none, none


def member_axes(values_rank: int, format: str) -> int:
    """Return 1 if values of this rank are those of a batch, else 0."""
    return values_rank - (2 if format == "dense" else 1)


def _solve_shapes(
    row_index, col_index, values, b, *_: Any, format: str, max_iters: int, **__: Any
) -> list[ShapedArray]:
    batch = values.shape[: member_axes(values.ndim, format)]
    m = b.shape[-1] if b.ndim == len(batch) + 2 else 1
    lanes = ShapedArray((*batch, m), jnp.int32)
    residual = inconsistency = ShapedArray((*batch, m), b.dtype)
    history = ShapedArray((*batch, m, max_iters + 1), b.dtype)
    times = ShapedArray((*batch, 2), jnp.float32)
    return [ShapedArray(b.shape, b.dtype), lanes, lanes, lanes, residual, inconsistency, history, times]


def _multiply_shape(row_index, col_index, values, x, **_: Any) -> ShapedArray:
    return ShapedArray(x.shape, x.dtype)


def _apply_shape(row_index, col_index, values, r, **_: Any) -> ShapedArray:
    return ShapedArray(r.shape, r.dtype)


def _setup_shapes(row_index, col_index, values, **_: Any) -> list[ShapedArray]:
    return [ShapedArray((), dtype) for dtype in (jnp.int32, jnp.int32, jnp.float32)]


def _outer_shape(row_index, col_index, u, v, **_: Any) -> ShapedArray:
    return ShapedArray((*u.shape[:-2], *col_index.shape), u.dtype)


# (row_index, col_index, values, b, x0, *null, near)
# -> (x, iterations, status, reason, residual, inconsistency, history, times):
# x = A⁻¹ b, or A⁻ᵀ b if transposed, from x0, which is empty or like b. `null`, `_nullspace.NullSpaces`, are
# the null spaces of the map that is inverted, A or Aᵀ: then x is A⁺ b, and `inconsistency` tells what part
# of b no A x has; members share the vectors, or these have an axis in front. `near` (n, m) is A's near null
# space, which members share, or empty. The results after x are, for each lane, what was done; times are those
# of setup and solve, in s. `tolerance` replaces the configuration's unless it is 0; the backward pass takes
# `adjoint_tolerance`. `on_failure` is what happens to lanes without success besides their status: "report"
# nothing, "warn" a RuntimeWarning from the running computation, "raise" its error, "nan" x = NaN. `hierarchy`
# is the number of one to solve with instead of the cache's, or 0: no reference to the object, which JAX's
# caches of compiled code would keep alive.
solve_p = _primitive(
    "jaxamg_solve",
    _solve_shapes,
    ["config", "format", "transposed", "reuse_setup", "hierarchy", "tolerance", "on_failure"],
)
solve_p.multiple_results = True

# (row_index, col_index, values, r) -> M r, or Mᵀ r if transposed: max_iters iterations from 0
apply_p = _primitive("jaxamg_apply", _apply_shape, ["config", "format", "transposed"])

# (row_index, col_index, values) -> (number, reason, time): what is set up, held until the engine's
# let_go(number); why no method takes the matrix; s. It has a side effect, hence is bound eagerly only.
setup_p = _primitive("jaxamg_setup", _setup_shapes, ["config", "format", "n"])
setup_p.multiple_results = True

# (row_index, col_index, values, x) -> A x, or Aᵀ x if transposed
multiply_p = _primitive("jaxamg_multiply", _multiply_shape, ["format", "transposed"])

# (row_index, col_index, u, v) -> u vᵀ at A's entries, summed over the lanes
outer_p = _primitive("jaxamg_outer", _outer_shape, ["format"])
