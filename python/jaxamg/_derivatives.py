"""Derivatives of a linear solve. Forward and reverse mode of any order follow by composition of these rules.

    x = A⁻¹ b, so A x = b and Ȧ x + A ẋ = ḃ:                ẋ = A⁻¹ (ḃ - Ȧ x)

That is linear in ḃ and Ȧ, and its transpose takes the cotangent x̄ to

    b̄ = λ = A⁻ᵀ x̄   and, from  -⟨λ, Ȧ x⟩ = Σ -λᵢ xⱼ Ȧᵢⱼ,   Ā = -λ xᵀ  at A's entries.

Where A is singular, x = A⁺ b, and with A its null spaces turn, those of a constant rank. The derivative of A⁺
(Golub and Pereyra, SIAM J. Numer. Anal. 10, 1973, equation 4.12), times b, with ρ = b - A x and u = (Aᵀ)⁺ x:

    ẋ = y + A⁺ (ḃ - Ȧ x - A y + (Aᵀ)⁺ Ȧᵀ ρ),   y = Ȧᵀ u.

Transposed, with λ = (Aᵀ)⁺ x̄, it is  b̄ = λ  and  Ā = -λ xᵀ + ρ (A⁺ λ)ᵀ + u (x̄ - Aᵀ λ)ᵀ. The first term is the
regular one; the second is 0 if A x = b, the third if x̄ has nothing of the null space.

All are solves with the matrix of the forward pass, for which the engine has the hierarchy already. If the
solve is `transposed`, A above stands for the transpose of what is stored. The initial guess and what `info`
reports have no derivative: x does not depend on them beyond the tolerance. Nobody sees the report of a solve
in these rules, so one that fails warns where the forward one would only report.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad

from ._complex import is_complex
from ._ffi import member_axes, multiply_p, no_guess, outer_p, solve_p


def multiply(row_index, col_index, values, x, *, format: str, transposed: bool) -> jax.Array:
    if format == "dense":
        A = jnp.matrix_transpose(values) if transposed else values
        return jnp.matvec(A, x) if x.ndim == A.ndim - 1 else A @ x
    product = partial(multiply, row_index, col_index, format=format, transposed=transposed)
    if is_complex(values.dtype):
        return product(values.real, x) + 1j * product(values.imag, x)
    if is_complex(x.dtype):  # two lanes
        y = jax.vmap(partial(product, values), -1, -1)(jnp.stack([x.real, x.imag], axis=-1))
        return jax.lax.complex(y[..., 0], y[..., 1])
    return multiply_p.bind(row_index, col_index, values, x, format=format, transposed=transposed)


def _outer(row_index, col_index, u, v, *, format: str, members: int) -> jax.Array:
    if u.ndim == members + 1:
        u, v = u[..., None], v[..., None]
    if format == "dense":
        return u @ jnp.matrix_transpose(v)
    return outer_p.bind(row_index, col_index, u, v, format=format)


def _noisy(params: dict[str, Any]) -> dict[str, Any]:
    return params | {"on_failure": "warn"} if params["on_failure"] == "report" else params


def _adjoint(params: dict[str, Any]) -> dict[str, Any]:
    return _noisy(params) | {
        "transposed": not (params["transposed"] or params["symmetric"]),
        "tolerance": params["adjoint_tolerance"],
        "adjoint_tolerance": params["tolerance"],
    }


def _solve_jvp(primals, tangents, **params: Any):
    row_index, col_index, A, b, _, *null = primals
    _, _, A_dot, b_dot, *_ = tangents
    x, *report = solve_p.bind(*primals, **params)

    right_side, y = b_dot, None
    if type(A_dot) is not ad.Zero:
        times, transpose_times = _products(row_index, col_index, params)
        A_dot_x = times(A_dot, x)
        right_side = -A_dot_x if type(b_dot) is ad.Zero else b_dot - A_dot_x
        if null[0].size > 0:
            adjoint = partial(_adjoint_solve, row_index, col_index, A, null=null, params=params)
            y = transpose_times(A_dot, adjoint(x))
            right_side += adjoint(transpose_times(A_dot, b - times(A, x))) - times(A, y)
    if type(right_side) is ad.Zero:  # only x0 has a tangent
        x_dot = _zero_tangent(x)
    else:
        x_dot = solve_p.bind(row_index, col_index, A, right_side, no_guess(b), *null, **_noisy(params))[0]
        x_dot = x_dot if y is None else y + x_dot
    return [x, *report], [x_dot, *map(_zero_tangent, report)]


def _products(row_index, col_index, params: dict[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`(matrix, vector) -> A x` and `Aᵀ x`, for the A that is solved with."""
    product = partial(multiply, row_index, col_index, format=params["format"])
    transposed = params["transposed"]
    return partial(product, transposed=transposed), partial(product, transposed=not transposed)


def _zero_tangent(primal) -> ad.Zero:
    return ad.Zero(jax.typeof(primal).to_tangent_aval())


def _solve_transpose(cotangents, row_index, col_index, A, b, x0, *null, **params: Any):
    x_bar = cotangents[0]
    if type(x_bar) is ad.Zero:
        lam = ad.Zero(b.aval)
    else:
        lam = _adjoint_solve(row_index, col_index, A, x_bar, null, params)
    return None, None, None, lam, *[None] * (1 + len(null))


def _adjoint_solve(row_index, col_index, A, x_bar, null, params: dict[str, Any]) -> jax.Array:
    right, left, *others = null
    return solve_p.bind(
        row_index, col_index, A, x_bar, no_guess(x_bar), left, right, *others, **_adjoint(params)
    )[0]


ad.primitive_jvps[solve_p] = _solve_jvp
ad.primitive_transposes[solve_p] = _solve_transpose


# y = A x is linear in A and in x: Ā = ȳ xᵀ at A's entries, x̄ = Aᵀ ȳ. For y = Aᵀ x: Ā = x ȳᵀ, x̄ = A ȳ.
def _multiply_transpose(y_bar, row_index, col_index, A, x, *, format: str, transposed: bool):
    y_bar = ad.instantiate_zeros(y_bar)
    if ad.is_undefined_primal(A):
        u, v = (x, y_bar) if transposed else (y_bar, x)
        members = member_axes(A.aval.ndim, format)
        return None, None, _outer(row_index, col_index, u, v, format=format, members=members), None
    x_bar = multiply_p.bind(row_index, col_index, A, y_bar, format=format, transposed=not transposed)
    return None, None, None, x_bar


# S = u vᵀ at A's entries is linear in u and in v, and with S̄ as a matrix of A's pattern: ū = S̄ v, v̄ = S̄ᵀ u.
def _outer_transpose(S_bar, row_index, col_index, u, v, *, format: str):
    S_bar = ad.instantiate_zeros(S_bar)
    if ad.is_undefined_primal(u):
        u_bar = multiply_p.bind(row_index, col_index, S_bar, v, format=format, transposed=False)
        return None, None, u_bar, None
    v_bar = multiply_p.bind(row_index, col_index, S_bar, u, format=format, transposed=True)
    return None, None, None, v_bar


def _define_bilinear(primitive: Primitive, transpose: Callable[..., Any]) -> None:
    """The two arguments after the index arrays are the linear ones."""
    ad.defjvp(
        primitive,
        None,
        None,
        lambda u_dot, row_index, col_index, u, v, **params: primitive.bind(
            row_index, col_index, u_dot, v, **params
        ),
        lambda v_dot, row_index, col_index, u, v, **params: primitive.bind(
            row_index, col_index, u, v_dot, **params
        ),
    )
    ad.primitive_transposes[primitive] = transpose


_define_bilinear(multiply_p, _multiply_transpose)
_define_bilinear(outer_p, _outer_transpose)


# ---- reverse mode only: the same λ and Ā, for JAX without the tangents


@partial(jax.custom_vjp, nondiff_argnums=(6,))
def adjoint_solve(
    row_index, col_index, A, b, x0, null, params: tuple[tuple[str, Any], ...]
) -> list[jax.Array]:
    """`solve_p` with a derivative in reverse mode alone; `params` are its items."""
    return solve_p.bind(row_index, col_index, A, b, x0, *null, **dict(params))


def _adjoint_forward(row_index, col_index, A, b, x0, null, params):
    results = solve_p.bind(row_index, col_index, A, b, x0, *null, **dict(params))
    return results, (row_index, col_index, A, b, x0, null, results[0])


def _adjoint_backward(params, residuals, cotangents):
    row_index, col_index, A, b, x0, null, x = residuals
    options = dict(params)
    x_bar = cotangents[0]
    adjoint = partial(_adjoint_solve, row_index, col_index, A, null=null, params=options)
    lam = adjoint(x_bar)
    left, right = [-lam], [x]
    if null[0].size > 0:
        times, transpose_times = _products(row_index, col_index, options)
        again = solve_p.bind(row_index, col_index, A, lam, no_guess(b), *null, **_noisy(options))[0]
        left += [b - times(A, x), adjoint(x)]
        right += [again, x_bar - transpose_times(A, lam)]
    u, v = (jnp.concatenate([c.reshape(len(x), -1) for c in side], axis=1) for side in (left, right))
    if options["transposed"]:
        u, v = v, u
    A_bar = _outer(row_index, col_index, u, v, format=options["format"], members=0)
    return None, None, A_bar, lam, jnp.zeros_like(x0), None


adjoint_solve.defvjp(_adjoint_forward, _adjoint_backward)
