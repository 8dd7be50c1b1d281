"""Every transform of `solve` against the same transform of a dense solve."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product

import jax
import jax.export
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from problems import convection_diffusion2d, magnetic2d, periodic_convection, poisson2d, rhs
from systems import bcsr, relative_error, with_values

N = 36
CONVECTION = periodic_convection(6)
LEFT = np.linalg.svd(CONVECTION.toarray())[0][:, -1]
PHASE = np.exp(1j * np.arange(N))
MATRICES = {
    "SPD": poisson2d(6),
    "nonsymmetric": convection_diffusion2d(6, 40.0),
    "Hermitian": magnetic2d(6, 0.7),
    "complex": convection_diffusion2d(6, 40.0) + magnetic2d(6, 0.7) + 1j * sp.eye_array(N),
    "singular": CONVECTION,
    "singular complex": sp.csr_array(
        (1 + 0.3j) * sp.diags_array(PHASE) @ CONVECTION @ sp.diags_array(PHASE.conj())
    ),
}
NULL_SPACES = {
    "singular": {"nullspace": "constant", "transpose_nullspace": LEFT},
    "singular complex": {"nullspace": PHASE, "transpose_nullspace": PHASE.conj() * LEFT},
}
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12, np.complex64: 1e-6, np.complex128: 1e-12}
SYSTEMS = [
    *product(["SPD", "nonsymmetric", "singular"], [np.float32, np.float64]),
    *product(["Hermitian", "complex", "singular complex"], [np.complex64, np.complex128]),
]
LANES = 3


class System:
    """One linear system: `ours` and `dense` map (values, b) to x."""

    def __init__(self, kind, dtype):
        self.A = bcsr(MATRICES[kind], dtype)
        self.dtype = dtype
        self.declared = NULL_SPACES.get(kind, {})
        sizes = np.linalg.svd(MATRICES[kind].toarray(), compute_uv=False)
        self.condition = sizes[0] / sizes[-2 if self.declared else -1]
        self.rows = jnp.searchsorted(self.A.indptr, jnp.arange(self.A.nse), side="right") - 1
        self.values = self.A.data
        self.is_complex = np.issubdtype(dtype, np.complexfloating)
        self.b = jnp.asarray(rhs(N) + (1j * rhs(N)[::-1] if self.is_complex else 0), dtype)
        # Symmetric changes, so that an SPD matrix stays one; small, so that it stays definite. A singular one
        # is scaled, so that it keeps its null spaces.
        scales = (1 + 0.1 * jnp.arange(LANES)).astype(dtype)
        is_changed = (self.rows == self.A.indices) | bool(self.declared)
        shift = jnp.where(is_changed, self.values, 0)
        self.many_values = self.values + scales[:, None] * shift
        self.many_b = jnp.stack([self.b, self.b**2, jnp.cos(self.b)])

    def ours(self, values, b, **options):
        options = self.declared | {"tolerance": TOLERANCE[self.dtype]} | options
        return jaxamg.solve(with_values(self.A, values), b, **options)[0]

    def dense(self, values, b):
        # In double precision, so that what differs is ours.
        wide = jnp.complex128 if self.is_complex else jnp.float64
        A = jnp.zeros((N, N), wide).at[self.rows, self.A.indices].add(values.astype(wide))
        b = b.astype(wide)
        return jnp.linalg.pinv(A, rtol=1e-4) @ b if self.declared else jnp.linalg.solve(A, b)


@pytest.fixture(params=SYSTEMS, ids=lambda param: f"{param[0]}-{param[1].__name__}")
def system(request):
    return System(*request.param)


def loss(solve):
    """Real, and of a complex x not holomorphic."""

    def of_x(x):
        return jnp.sum(jnp.sin(x.real) + jnp.cos(x.imag))

    return lambda v, b: of_x(solve(v, b))


def hessian(f, s):
    """In the real part of b."""
    return jax.hessian(lambda v, b: loss(f)(v, b + 1j * s.b.imag if s.is_complex else b), 1)


def direction(s):
    return jnp.cos(s.values), jnp.sin(s.b)


def total(f, axes):
    """A scalar of all lanes."""
    return lambda v, b: jnp.sum(jax.vmap(f, axes)(v, b))


BOTH = (0, 1)

# {name: (function of (solve, system), how many solves its result chains)}
TRANSFORMS = {
    "solve": (lambda f, s: f(s.values, s.b), 1),
    "jit": (lambda f, s: jax.jit(f)(s.values, s.b), 1),
    "lanes": (lambda f, s: f(s.values, s.many_b.T), 1),
    "jvp": (lambda f, s: jax.jvp(f, (s.values, s.b), direction(s)), 2),
    "linearize": (lambda f, s: jax.linearize(f, s.values, s.b)[1](*direction(s)), 2),
    "vjp": (lambda f, s: jax.vjp(f, s.values, s.b)[1](f(s.values, s.b)), 3),
    "value_and_grad": (lambda f, s: jax.value_and_grad(loss(f), BOTH)(s.values, s.b), 2),
    "jit of grad": (lambda f, s: jax.jit(jax.grad(loss(f), BOTH))(s.values, s.b), 2),
    "grad of lanes": (lambda f, s: jax.grad(loss(f), BOTH)(s.values, s.many_b.T), 2),
    "jacfwd": (lambda f, s: jax.jacfwd(f, BOTH, holomorphic=s.is_complex)(s.values, s.b), 2),
    "jacrev": (lambda f, s: jax.jacrev(f, BOTH, holomorphic=s.is_complex)(s.values, s.b), 2),
    "hessian": (lambda f, s: hessian(f, s)(s.values, s.b.real), 3),
    "grad of grad": (
        lambda f, s: jax.grad(lambda v, b: jnp.vdot(jax.grad(loss(f))(v, b), jnp.cos(v)).real, BOTH)(
            s.values, s.b
        ),
        4,
    ),
    "vmap over b": (lambda f, s: jax.vmap(f, (None, 0))(s.values, s.many_b), 1),
    "vmap over values": (lambda f, s: jax.vmap(f, (0, None))(s.many_values, s.b), 1),
    "vmap over both": (lambda f, s: jax.vmap(f)(s.many_values, s.many_b), 1),
    "vmap over b's last axis": (lambda f, s: jax.vmap(f, (None, 1), 1)(s.values, s.many_b.T), 1),
    "vmap over values and lanes": (
        lambda f, s: jax.vmap(f, (0, None))(s.many_values, s.many_b.T),
        1,
    ),
    "vmap of lanes": (
        lambda f, s: jax.vmap(f, (None, 0))(s.values, jnp.stack([s.many_b.T, s.many_b.T**2])),
        1,
    ),
    "vmap over b in vmap over values": (
        lambda f, s: jax.vmap(jax.vmap(f, (None, 0)), (0, None))(s.many_values, s.many_b),
        1,
    ),
    "vmap over values in vmap over b": (
        lambda f, s: jax.vmap(jax.vmap(f, (0, None)), (None, 0))(s.many_values, s.many_b),
        1,
    ),
    "vmap over values, twice": (
        lambda f, s: jax.vmap(jax.vmap(f))(
            jnp.stack([s.many_values, 2 * s.many_values]), jnp.stack([s.many_b] * 2)
        ),
        1,
    ),
    "jit of vmap over both": (lambda f, s: jax.jit(jax.vmap(f))(s.many_values, s.many_b), 1),
    "vmap of grad over b": (lambda f, s: jax.vmap(jax.grad(loss(f), BOTH), (None, 0))(s.values, s.many_b), 2),
    "vmap of grad over values": (
        lambda f, s: jax.vmap(jax.grad(loss(f), BOTH), (0, None))(s.many_values, s.b),
        2,
    ),
    "vmap of grad over both": (lambda f, s: jax.vmap(jax.grad(loss(f), BOTH))(s.many_values, s.many_b), 2),
    "vmap of grad of lanes": (
        lambda f, s: jax.vmap(jax.grad(loss(f), BOTH), (0, None))(s.many_values, s.many_b.T),
        2,
    ),
    "grad of vmap over b": (lambda f, s: jax.grad(total(loss(f), (None, 0)), BOTH)(s.values, s.many_b), 2),
    "grad of vmap over values": (
        lambda f, s: jax.grad(total(loss(f), (0, None)), BOTH)(s.many_values, s.b),
        2,
    ),
    "grad of vmap over both": (lambda f, s: jax.grad(total(loss(f), 0), BOTH)(s.many_values, s.many_b), 2),
    "jacfwd of vmap over values": (
        lambda f, s: jax.jacfwd(jax.vmap(f, (0, None)), 1, holomorphic=s.is_complex)(s.many_values, s.b),
        2,
    ),
    "jacrev of vmap over both": (
        lambda f, s: jax.jacrev(jax.vmap(f), 1, holomorphic=s.is_complex)(s.many_values, s.many_b),
        2,
    ),
    "vmap of hessian": (lambda f, s: jax.vmap(hessian(f, s), (None, 0))(s.values, s.many_b.real), 3),
    "scan": (lambda f, s: jax.lax.scan(lambda x, _: (f(s.values, x), x), s.b, None, 2)[0], 2),
    "grad of scan": (
        lambda f, s: jax.grad(
            lambda v: jnp.sum(
                jax.lax.scan(lambda x, _: (f(v, x).astype(s.dtype), None), s.b, None, 2)[0].real
            )
        )(s.values),
        4,
    ),
    "while_loop": (
        lambda f, s: jax.lax.while_loop(
            lambda c: c[0] < 2, lambda c: (c[0] + 1, f(s.values, c[1]).astype(s.dtype)), (0, s.b)
        )[1],
        2,
    ),
    "cond": (
        lambda f, s: jax.jit(lambda p, v, b: jax.lax.cond(p, f, lambda v, b: 0 * b, v, b))(
            True, s.values, s.b
        ),
        1,
    ),
    "grad of checkpoint": (lambda f, s: jax.grad(jax.checkpoint(loss(f)), BOTH)(s.values, s.b), 2),
    "lax.map": (lambda f, s: jax.lax.map(lambda vb: f(*vb), (s.many_values, s.many_b)), 1),
}  # fmt: skip


def check(system, ours, reference, chain):
    """Each solve is off by κ times its tolerance, relative to its solution, beside what those before it err.

    The tolerance also covers rounding, which is of its size in either precision.
    """
    each = 3 if system.declared else 1  # a derivative of A⁺ b chains more solves
    bound = 10 * each * chain * system.condition * TOLERANCE[system.dtype]
    for found, expected in zip(jax.tree.leaves(ours), jax.tree.leaves(reference), strict=True):
        assert found.shape == expected.shape
        assert relative_error(found, expected) <= bound


def outcomes(name, system, **options):
    """The transform of our solve and of the dense one, in the system's dtype, as a loop's carry wants it."""
    transform, chain = TRANSFORMS[name]
    dense = lambda v, b: system.dense(v, b).astype(system.dtype)  # noqa: E731
    return transform(partial(system.ours, **options), system), transform(dense, system), chain


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform_equals_that_of_a_dense_solve(name, system):
    check(system, *outcomes(name, system))


@pytest.mark.parametrize(
    "name",
    ["value_and_grad", "jit of grad", "grad of lanes", "jacrev", "grad of grad", "vmap of grad over both"],
)
def test_the_adjoint_rule_in_reverse_mode(name, system):
    check(system, *outcomes(name, system, derivative="adjoint"))


def test_the_adjoint_rule_has_no_forward_mode():
    s = System("SPD", np.float64)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(partial(s.ours, derivative="adjoint"), (s.values, s.b), direction(s))


@pytest.fixture
def without_x64():
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", True)


def test_without_x64(without_x64):
    s = System("nonsymmetric", np.float32)
    expected = jax.grad(loss(s.dense), BOTH)(s.values, s.b)
    found = jax.vmap(jax.grad(loss(s.ours), BOTH), (None, 0))(s.values, s.b[None])
    check(s, [g[0] for g in found], expected, 2)


# ---- what it costs, counted by the engine


def counted(f, *args):
    jaxamg.clear_solver_cache()
    jax.block_until_ready(f(*args))
    info = jaxamg.get_solver_cache_info()
    return info["setups"], info["refreshes"], info["hits"], info["entries"]


@pytest.mark.parametrize("derivative", ["implicit", "adjoint"])
def test_value_and_grad_is_one_setup(derivative):
    s = System("nonsymmetric", np.float64)
    f = jax.value_and_grad(loss(partial(s.ours, derivative=derivative, adjoint_tolerance=1e-9)), BOTH)
    assert counted(f, s.values, s.b) == (1, 0, 1, 1)


def test_a_jacobian_is_one_more_solve():
    s = System("nonsymmetric", np.float64)
    assert counted(jax.jacfwd(s.ours, BOTH), s.values, s.b) == (1, 0, 1, 1)
    assert counted(jax.jacrev(s.ours, BOTH), s.values, s.b) == (1, 0, 1, 1)


def test_vmap_over_b_is_one_solve():
    s = System("nonsymmetric", np.float64)
    assert counted(jax.vmap(s.ours, (None, 0)), s.values, s.many_b) == (1, 0, 0, 1)


def test_vmap_over_values_refreshes_one_hierarchy():
    s = System("nonsymmetric", np.float64)
    assert counted(jax.vmap(s.ours), s.many_values, s.many_b) == (1, LANES - 1, 0, 1)
    # Backwards the last member's hierarchy is still there.
    grad = jax.vmap(jax.grad(loss(s.ours)))
    assert counted(grad, s.many_values, s.many_b) == (1, 2 * (LANES - 1), 1, 1)


def test_a_batch_is_its_members():
    """Each member has the bits of a solve of its own, and its own report."""
    s = System("nonsymmetric", np.float64)
    solve = lambda v, b: jaxamg.solve(with_values(s.A, v), b, {"solver": "PCG"}, max_iters=9)  # noqa: E731
    x, info = jax.vmap(solve)(s.many_values, s.many_b)
    for k in range(LANES):
        alone, report = jax.jit(solve)(s.many_values[k], s.many_b[k])
        assert np.array_equal(x[k], alone)
        for key, value in report.items():
            assert np.array_equal(info[key][k], value, equal_nan=True)


def test_lanes_converge_and_report_on_their_own():
    s = System("nonsymmetric", np.float64)
    b = jnp.stack([s.b, jnp.zeros(N), s.b.at[0].set(jnp.nan)])
    x, info = jax.vmap(lambda b: jaxamg.solve(s.A, b))(b)
    assert info["status"].tolist() == [0, 0, 1]
    assert info["iterations"][0] > info["iterations"][1] == 0
    assert info["residual_history"].shape[0] == 3
    assert np.isnan(x[2]).all()
    assert not np.isnan(x[:2]).any()


def test_guesses_are_batched():
    s = System("nonsymmetric", np.float64)
    x = s.ours(s.values, s.b)
    guesses = jnp.stack([x, jnp.zeros(N)])

    def iterations(values, x0):
        A = with_values(s.A, values)
        return jaxamg.solve(A, s.b, x0=x0, convergence="ABSOLUTE", tolerance=1e-8)[1]["iterations"]

    for found in (
        jax.vmap(iterations, (None, 0))(s.values, guesses),
        jax.vmap(iterations)(jnp.stack([s.values] * 2), guesses),
    ):
        assert found[0] == 0 < found[1]


def test_patterns_are_not_batched():
    s = System("SPD", np.float64)
    columns = jnp.stack([s.A.indices] * 2)

    def solve(indices):
        return jaxamg.solve(type(s.A)((s.values, indices, s.A.indptr), shape=s.A.shape), s.b)[0]

    with pytest.raises(NotImplementedError, match=r"share their pattern.*jax\.lax\.map"):
        jax.vmap(solve)(columns)
    assert jax.lax.map(solve, columns).shape == (2, N)


def test_dense_matrices_are_batched():
    s = System("nonsymmetric", np.float64)
    A = jnp.asarray(MATRICES["nonsymmetric"].toarray())
    many = jnp.stack([A, 2 * A + jnp.eye(N)])
    for solve in (jax.vmap, lambda f: jax.grad(lambda A, b: jnp.sum(jnp.sin(jax.vmap(f)(A, b))), BOTH)):
        ours = solve(lambda A, b: jaxamg.solve(A, b, tolerance=1e-12)[0])(many, s.many_b[:2])
        check(s, ours, solve(jnp.linalg.solve)(many, s.many_b[:2]), 2)


# ---- size and failure


@pytest.mark.parametrize(("dtype", "exponent"), [(np.float32, 30), (np.float64, 30), (np.float64, 170)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_power_of_two_changes_no_bit(dtype, exponent, sign):
    """However far <r, r> would overflow or underflow; forward, and backward for a cotangent of that size."""
    s = System("nonsymmetric", dtype)
    scale = dtype(2.0 ** int(sign * exponent * np.log2(10)))
    b = jnp.stack([s.b, scale * s.b], 1)
    x, info = jaxamg.solve(s.A, b, tolerance=TOLERANCE[dtype])
    assert np.array_equal(x[:, 1], scale * x[:, 0])
    assert info["iterations"][0] == info["iterations"][1] > 0
    assert info["residual"][1] == scale * info["residual"][0]
    _, vjp = jax.vjp(s.ours, s.values, s.b)
    for small, large in zip(vjp(s.b), vjp(scale * s.b), strict=True):
        assert np.array_equal(large, scale * small)


def stuck(s, **options):
    """A solve that may not iterate enough."""
    return lambda v, b: jaxamg.solve(
        with_values(s.A, v), b, {"solver": "PBICGSTAB", "preconditioner": "NOSOLVER"}, max_iters=2, **options
    )[0]


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit, jax.vmap], ids=["eager", "jit", "vmap"])
def test_on_failure(transform):
    s = System("nonsymmetric", np.float64)
    args = (s.many_values, s.many_b) if transform is jax.vmap else (s.values, s.b)
    count = LANES if transform is jax.vmap else 1
    run = lambda **options: jax.block_until_ready(transform(stuck(s, **options))(*args))  # noqa: E731
    assert np.isfinite(run()).all()
    with pytest.warns(
        RuntimeWarning, match=f"{count} of {count} right-hand sides not solved.*after 2 iterations"
    ):
        run(on_failure="warn")
    with pytest.raises(Exception, match="right-hand sides not solved"):
        run(on_failure="raise")
    assert np.isnan(run(on_failure="nan")).all()


@pytest.mark.parametrize("derivative", ["implicit", "adjoint"])
def test_a_backward_solve_that_fails_is_not_silent(derivative):
    s = System("nonsymmetric", np.float64)
    x_bar = s.b

    def gradient(**options):
        _, vjp = jax.vjp(stuck(s, derivative=derivative, **options), s.values, s.b)
        return jax.block_until_ready(jax.jit(vjp)(x_bar))

    with pytest.warns(RuntimeWarning, match="transposed solve: 1 of 1 right-hand sides not solved"):
        gradient()
    assert all(np.isnan(g).any() for g in gradient(on_failure="nan"))
    with pytest.raises(Exception, match="not solved"):
        gradient(on_failure="raise")


def test_choices_are_checked():
    s = System("SPD", np.float64)
    with pytest.raises(ValueError, match="on_failure is 'ignore'; it must be one of None, 'warn'"):
        s.ours(s.values, s.b, on_failure="ignore")
    with pytest.raises(ValueError, match="derivative is 'reverse'"):
        s.ours(s.values, s.b, derivative="reverse")


# ---- the rest of JAX


ONE_OF_EACH = [("SPD", np.float64), ("nonsymmetric", np.float64), ("singular", np.float64)]


@pytest.fixture(params=ONE_OF_EACH, ids=lambda param: param[0])
def each(request):
    return System(*request.param)


def test_custom_root(each):
    """The root of A x - b, found by a solve and differentiated by solves, as custom_root arranges them."""
    A = jnp.zeros((N, N)).at[each.rows, each.A.indices].add(each.values)
    solve = partial(each.ours, each.values)

    def root(b):
        return jax.lax.custom_root(
            lambda x: A @ x - b, each.b, lambda f, x: solve(-f(0 * x)), lambda g, y: solve(y)
        )

    check(
        each,
        jax.grad(loss(lambda v, b: root(b)), 1)(each.values, each.b),
        jax.grad(loss(each.dense), 1)(each.values, each.b),
        2,
    )
    step = jnp.cos(each.b)
    check(each, jax.jvp(root, (each.b,), (step,))[1], each.dense(each.values, step), 2)


def test_export(each):
    f = jax.jit(jax.grad(loss(each.ours), BOTH))
    names = ("jaxamg_solve", "jaxamg_multiply", "jaxamg_outer")
    allowed = [jax.export.DisabledSafetyCheck.custom_call(name) for name in names]
    exported = jax.export.export(f, disabled_checks=allowed)(each.values, each.b)
    stored = jax.export.deserialize(exported.serialize())
    for found, expected in zip(stored.call(each.values, each.b), f(each.values, each.b), strict=True):
        assert np.array_equal(found, expected)


def test_shard_map_on_one_device(each):
    mesh = jax.make_mesh((1,), ("lane",), devices=jax.devices()[:1])
    P = jax.sharding.PartitionSpec
    f = jax.shard_map(
        jax.vmap(each.ours, (None, 0)), mesh=mesh, in_specs=(P(), P("lane")), out_specs=P("lane")
    )
    b = jax.device_put(each.many_b, jax.sharding.NamedSharding(mesh, P("lane")))
    check(each, jax.jit(f)(each.values, b), jax.vmap(each.dense, (None, 0))(each.values, each.many_b), 1)


def test_donated_buffers(each):
    f = jax.jit(each.ours, donate_argnums=1)
    expected = each.ours(each.values, each.b)
    b = each.b + 0
    assert np.array_equal(f(each.values, b), expected)
    assert np.array_equal(f(each.values, each.b + 0), expected)


def test_several_solves_in_flight_and_two_threads():
    s = System("nonsymmetric", np.float64)
    f = jax.jit(jax.grad(loss(s.ours), BOTH))
    expected = [f(s.values, b) for b in s.many_b]
    in_flight = [f(s.values, b) for b in s.many_b for _ in range(4)]
    for k, found in enumerate(in_flight):
        assert np.array_equal(found[0], expected[k // 4][0])
    with ThreadPoolExecutor(2) as pool:
        for k, found in enumerate(pool.map(lambda k: f(s.values, s.many_b[k % LANES]), range(12))):
            assert np.array_equal(found[1], expected[k % LANES][1])


def test_concurrent_first_calls_set_up_once():
    A = bcsr(poisson2d(80))
    f = jax.jit(lambda b: jaxamg.solve(A, b)[0])
    b = jnp.asarray(rhs(6400))
    f(b).block_until_ready()
    for _ in range(5):
        jaxamg.clear_solver_cache()
        with ThreadPoolExecutor(4) as pool:
            solutions = [x.result().block_until_ready() for x in [pool.submit(f, b) for _ in range(4)]]
        assert jaxamg.get_solver_cache_info()["setups"] == 1
        assert all(np.array_equal(x, solutions[0]) for x in solutions)


def test_new_values_do_not_trace_again():
    s, traces = System("nonsymmetric", np.float64), 0

    @jax.jit
    def gradients(values, b):
        nonlocal traces
        traces += 1
        return jax.vmap(jax.grad(loss(s.ours), BOTH))(values, b)

    for scale in (1.0, 2.0, 3.0):
        jax.block_until_ready(gradients(scale * s.many_values, scale * s.many_b))
    assert traces == 1
