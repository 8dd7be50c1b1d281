"""The interpreter: equation by equation, with the operator's own control flow."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from . import scale, sums, windows
from .linear import (
    Linear,
    NotLinearError,
    Unknown,
    Value,
    coefficient_dtype,
    constants,
    depends_on_x,
    empty,
    product,
    shape_of,
    united,
)
from .moves import MOVES, move, require_known, scatter
from .probe import probe

_CALLS = {
    "checkpoint",
    "closed_call",
    "core_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "custom_vjp_call_jaxpr",
    "custom_vmap_call",
    "jit",
    "pjit",
    "remat",
    "remat2",
}
_CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr", "call")


def trace(jaxpr: ClosedJaxpr, n: int, dtype: Any) -> sp.csr_array:
    """Matrix (m, n) of a jaxpr from a vector (n,) to one array of m elements.

    Constants are left out: the caller has to see that the jaxpr maps 0 to 0. Coefficients that depend on
    tracers are NaN.

    Raises:
        NotLinearError: a nonlinear equation, or control flow that depends on x.
    """
    x = Linear(sp.eye_array(n, dtype=coefficient_dtype(dtype), format="csr"), (n,))
    complex_x = np.issubdtype(np.dtype(dtype), np.complexfloating)
    with jax.ensure_compile_time_eval():
        (result,) = Interpreter(complex_x).run(jaxpr.jaxpr, jaxpr.consts, [x])
    if isinstance(result, Linear):
        return result.matrix
    return empty(int(np.prod(shape_of(result))), n, dtype)


class Interpreter:
    """Runs jaxprs on `Value`s."""

    def __init__(self, complex_x: bool):
        self._complex_x = complex_x

    def run(self, jaxpr: Jaxpr, consts: Sequence[Any], arguments: Sequence[Value]) -> list[Value]:
        environment: dict[Any, Value] = {}

        def read(atom: Any) -> Value:
            return atom.val if isinstance(atom, Literal) else environment[atom]

        last_use = {atom: k for k, eqn in enumerate(jaxpr.eqns) for atom in eqn.invars if not _literal(atom)}
        last_use |= {atom: len(jaxpr.eqns) for atom in jaxpr.outvars if not _literal(atom)}
        environment.update(zip(jaxpr.constvars, map(_known, consts), strict=True))
        environment.update(zip(jaxpr.invars, arguments, strict=True))
        for k, eqn in enumerate(jaxpr.eqns):
            results = self.apply(eqn, [read(atom) for atom in eqn.invars])
            environment.update(zip(eqn.outvars, results, strict=True))
            for atom in [*eqn.invars, *eqn.outvars]:  # a large operator's matrices would fill the memory
                if not _literal(atom) and last_use.get(atom, k) == k:
                    environment.pop(atom, None)
        return [read(atom) for atom in jaxpr.outvars]

    def call(self, closed: Any, arguments: Sequence[Value]) -> list[Value]:
        # Since JAX 0.11 a jaxpr brings its constants itself.
        return self.run(getattr(closed, "jaxpr", closed), getattr(closed, "consts", ()), arguments)

    def apply(self, eqn: Any, operands: list[Value]) -> list[Value]:
        name, params = eqn.primitive.name, eqn.params
        if name in _CALLS:
            return self.call(next(params[key] for key in _CALLED if key in params), operands)
        if name in ("cond", "while", "scan"):
            return getattr(self, f"_{name}")(operands, params)
        if not any(map(depends_on_x, operands)):
            return _evaluated(eqn, operands)
        if name in scale.IDENTITIES:
            return list(operands)
        if name in MOVES:
            return move(eqn.primitive, operands, params)
        if name in ("real", "imag", "conj") and self._complex_x:
            raise NotLinearError(f"the operator is not complex linear: {name} of a value that depends on x")
        if rule := _RULES.get(name):
            result = rule(eqn, operands)
            if result is not None:
                return [result]
        return _probed(eqn, operands)

    def _cond(self, operands: list[Value], params: dict[str, Any]) -> list[Value]:
        index, *arguments = operands
        branches = params["branches"]
        if not isinstance(index, Unknown):
            require_known("cond", [index])
            return self.call(branches[int(np.clip(index, 0, len(branches) - 1))], arguments)
        results = zip(*(self.call(branch, arguments) for branch in branches), strict=True)
        return [_either(values) for values in results]

    def _while(self, operands: list[Value], params: dict[str, Any]) -> list[Value]:
        first, second = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
        cond_consts, body_consts, carry = operands[:first], operands[first:second], operands[second:]
        while True:
            (go_on,) = self.call(params["cond_jaxpr"], [*cond_consts, *carry])
            require_known("while", [go_on])
            if not np.any(go_on):
                return carry
            stepped = self.call(params["body_jaxpr"], [*body_consts, *carry])
            if np.ndim(go_on):  # lanes of a vmap, some of which have stopped
                stepped = self._chosen(params["body_jaxpr"].out_avals, go_on, stepped, carry)
            carry = stepped

    def _chosen(
        self, avals: Sequence[Any], where: Any, new: Sequence[Value], old: Sequence[Value]
    ) -> list[Value]:
        def choose(new: Any, old: Any) -> Any:
            lanes = [np.reshape(where, np.shape(where) + (1,) * (v.ndim - np.ndim(where))) for v in new]
            return [jnp.where(lane, *values) for lane, *values in zip(lanes, new, old, strict=True)]

        return self.call(jax.make_jaxpr(choose)(avals, avals), [*new, *old])

    def _scan(self, operands: list[Value], params: dict[str, Any]) -> list[Value]:
        if "ft_in" in params:  # since JAX 0.11
            num_consts, num_carry, _ = map(len, params["ft_in"].unpack())
        else:
            num_consts, num_carry = params["num_consts"], params["num_carry"]
        consts, carry = operands[:num_consts], operands[num_consts : num_consts + num_carry]
        xs = operands[num_consts + num_carry :]
        steps = range(params["length"])
        stacked: list[list[Value]] = []
        for k in reversed(steps) if params["reverse"] else steps:
            results = self.call(params["jaxpr"], [*consts, *carry, *(_step(x, k) for x in xs)])
            carry = results[:num_carry]
            stacked.append(results[num_carry:])
        if params["reverse"]:
            stacked.reverse()
        columns = list(zip(*stacked, strict=True))
        if not columns:  # no steps, or nothing stacked
            variables = params["jaxpr"].jaxpr.outvars[num_carry:]
            columns = [()] * len(variables)
            return [*carry, *(np.zeros((0, *v.aval.shape), v.aval.dtype) for v in variables)]
        return [*carry, *map(_stack, columns)]


def _literal(atom: Any) -> bool:
    return isinstance(atom, Literal)


def _known(constant: Any) -> Value:
    return Unknown(np.shape(constant)) if isinstance(constant, jax.core.Tracer) else constant


def _evaluated(eqn: Any, operands: Sequence[Value]) -> list[Value]:
    if any(isinstance(value, Unknown) for value in operands):
        return [Unknown(variable.aval.shape) for variable in eqn.outvars]
    result = eqn.primitive.bind(*operands, **eqn.params)
    return list(result) if eqn.primitive.multiple_results else [result]


def _step(x: Value, k: int) -> Value:
    if isinstance(x, Unknown):
        return Unknown(x.shape[1:])
    if not isinstance(x, Linear):
        return x[k]
    size = x.size // x.shape[0]
    return Linear(x.matrix[k * size : (k + 1) * size], x.shape[1:])


def _stack(values: Sequence[Value]) -> Value:
    shape = (len(values), *shape_of(values[0]))
    linear = [value for value in values if isinstance(value, Linear)]
    if linear:
        n, dtype, size = linear[0].matrix.shape[1], linear[0].matrix.dtype, linear[0].size
        rows = [v.matrix if isinstance(v, Linear) else empty(size, n, dtype) for v in values]
        return Linear(sp.csr_array(sp.vstack(rows, format="csr")), shape)
    if any(isinstance(value, Unknown) for value in values):
        return Unknown(shape)
    return np.stack([np.asarray(value) for value in values])


def _either(values: Sequence[Value]) -> Value:
    linear = [value for value in values if isinstance(value, Linear)]
    return united(linear) if linear else Unknown(shape_of(values[0]))


def _probed(eqn: Any, operands: list[Value]) -> list[Value]:
    """One operand that depends on x after the other: a linear equation adds up their parts."""
    totals: list[Any] = [None] * len(eqn.outvars)
    for k, operand in enumerate(operands):
        if not isinstance(operand, Linear):
            continue
        dtype = eqn.invars[k].aval.dtype
        for j, local in enumerate(_local_matrices(eqn, operands, k, dtype)):
            part = product(local, operand.matrix)
            totals[j] = part if totals[j] is None else sp.csr_array(totals[j] + part)
    return [Linear(t, v.aval.shape) for t, v in zip(totals, eqn.outvars, strict=True)]


def _local_matrices(eqn: Any, operands: list[Value], k: int, dtype: Any) -> list[sp.csr_array]:
    if any(isinstance(value, Unknown) for value in operands):
        # Nobody knows what it does: anything may depend on everything.
        return [
            sp.csr_array(np.full((int(np.prod(v.aval.shape)), operands[k].size), np.nan, np.float32))
            for v in eqn.outvars
        ]
    others = [
        np.zeros(v.shape, atom.aval.dtype) if isinstance(v, Linear) else v
        for v, atom in zip(operands, eqn.invars, strict=True)
    ]

    def function(value: jax.Array) -> list[Any]:
        result = eqn.primitive.bind(*others[:k], value, *others[k + 1 :], **eqn.params)
        return list(result) if eqn.primitive.multiple_results else [result]

    return probe(function, operands[k].shape, dtype, eqn.primitive.name)


# ---- rules ---------------------------------------------------------------------------------------
# (equation, operands) -> the result, or None where only probing helps.
Rule = Callable[[Any, list[Value]], Value | None]


def _elementwise(eqn: Any, operands: list[Value]) -> Value:
    result = eqn.outvars[0].aval
    return scale.scale(eqn.primitive.name, operands, result.shape, result.dtype)


def _fft(eqn: Any, operands: list[Value]) -> Value:
    warnings.warn("the operator has an FFT: its pattern is dense along the transformed axes", stacklevel=2)
    return sums.fft(operands[0], eqn.params["fft_type"], eqn.params["fft_lengths"])


def _conv(eqn: Any, operands: list[Value]) -> Value | None:
    value, kernel = operands
    if not isinstance(value, Linear) or isinstance(kernel, Linear) or eqn.params["batch_group_count"] != 1:
        return None
    result = eqn.outvars[0].aval
    return windows.conv(value, constants(kernel, result.dtype), result.shape, eqn.params)


def _sparse_product(eqn: Any, operands: list[Value]) -> Value | None:
    """BCOO and BCSR times a dense array with one contracted and no batch axis."""
    *stored, value = operands
    (contracted, batched), info = eqn.params["dimension_numbers"], eqn.params["lhs_spinfo"]
    plain = all(np.ndim(array) == rank for array, rank in zip(stored, (1, 2 if len(stored) == 2 else 1, 1),
                                                              strict=False))  # fmt: skip
    if any(map(depends_on_x, stored)) or len(contracted[0]) != 1 or batched[0] or not plain:
        return None
    require_known(eqn.primitive.name, stored[1:])
    data = constants(stored[0], eqn.outvars[0].aval.dtype)
    if len(stored) == 2:
        rows, columns = np.asarray(stored[1]).T
    else:
        columns, offsets = map(np.asarray, stored[1:])
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        data, columns = data[: rows.size], columns[: rows.size]
    inside = (rows < info.shape[0]) & (columns < info.shape[1])  # the rest is padding
    matrix = sp.csr_array((data[inside], (rows[inside], columns[inside])), shape=info.shape)
    if contracted[0][0] == 0:
        matrix = matrix.T
    axis = contracted[1][0]
    moved = np.moveaxis(np.arange(value.size).reshape(value.shape), axis, 0)
    rearranged = Linear(value.matrix[moved.ravel()], moved.shape)
    return Linear(sums.along(sp.csr_array(matrix), rearranged, 0), eqn.outvars[0].aval.shape)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(scale.SCALES, _elementwise),
    "convert_element_type": lambda eqn, v: scale.converted(v[0], eqn.params["new_dtype"]),
    "reduce_sum": lambda eqn, v: sums.reduce_sum(v[0], eqn.params["axes"]),
    "cumsum": lambda eqn, v: sums.cumsum(v[0], eqn.params["axis"], eqn.params["reverse"]),
    "fft": _fft,
    "dot_general": lambda eqn, v: sums.dot_general(v, eqn.params, eqn.outvars[0].aval.dtype),
    "scatter": lambda eqn, v: scatter(v, eqn.params),
    "scatter-add": lambda eqn, v: sums.scatter_add(v, eqn.params, 1),
    "scatter-sub": lambda eqn, v: sums.scatter_add(v, eqn.params, -1),
    "scatter_add": lambda eqn, v: sums.scatter_add(v, eqn.params, 1),
    "scatter_sub": lambda eqn, v: sums.scatter_add(v, eqn.params, -1),
    "conv_general_dilated": _conv,
    "reduce_window_sum": lambda eqn, v: windows.window_sum(v[0], eqn.outvars[0].aval.shape, eqn.params),
    "bcoo_dot_general": _sparse_product,
    "bcsr_dot_general": _sparse_product,
}
