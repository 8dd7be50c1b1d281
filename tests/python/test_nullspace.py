"""Singular systems: A⁺ b and its derivatives against NumPy's pinv and a dense solve on the quotient."""

import gc
from functools import partial

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from jaxamg import AMGXStatus, NullSpaceWarning
from problems import poisson2d, poisson3d, rhs
from singular import CONFIGS, CONVECTION, ISLANDS, LABELS, LEFT, SCALE, SINGULAR, neumann2d, neumann3d
from systems import bcoo, bcsr, relative_error, with_values

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-11}


class System:
    """`ours` and `dense` map (values, b) to x. b is not in A's range."""

    def __init__(self, name, dtype: type = np.float64):
        A, self.declared = SINGULAR[name]
        self.A = bcsr(A, dtype)
        self.matrix = A.toarray()
        self.n = len(self.matrix)
        self.dtype = dtype
        self.values = self.A.data
        self.b = jnp.asarray(rhs(self.n), dtype)
        self.many_b = jnp.stack([self.b, self.b**2, jnp.cos(self.b)])
        self.many_values = jnp.array([[1.0], [0.5], [3.0]], dtype) * self.values  # the same null spaces
        self.U, sizes, _ = np.linalg.svd(self.matrix)
        self.rank = int((sizes > 1e-10 * sizes[0]).sum())
        self.condition = sizes[0] / sizes[self.rank - 1]

    @property
    def error(self):
        """A solve chained of up to three, each as exact as its tolerance lets it be."""
        return 30 * self.condition * max(TOLERANCE[self.dtype], 10 * np.finfo(self.dtype).eps)

    def ours(self, values, b, config=None, **options):
        options = self.declared | {"tolerance": TOLERANCE[self.dtype]} | options
        return jaxamg.solve(with_values(self.A, values), b, config, **options)[0]

    def dense(self, values, b):
        rows = np.repeat(np.arange(self.n), np.diff(self.A.indptr))
        A = jnp.zeros((self.n, self.n)).at[rows, self.A.indices].add(values.astype(jnp.float64))
        return jnp.linalg.pinv(A, rtol=1e-6) @ b.astype(jnp.float64)


# One of a kind: symmetric, with a left null space of its own, with components.
KINDS = ["Neumann 2D", "convection", "components"]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("name", SINGULAR)
def test_solution_is_the_pseudo_inverses(name, config, dtype):
    if config == "PCG" and name == "convection":
        pytest.skip("PCG is for symmetric matrices")
    s = System(name, dtype)
    options = s.declared | {"tolerance": TOLERANCE[dtype], "max_iters": 2000}
    x, info = jaxamg.solve(s.A, s.b, CONFIGS[config], **options)
    assert info["status"] == AMGXStatus.SUCCESS
    assert relative_error(x, np.linalg.pinv(s.matrix, rcond=1e-10) @ np.asarray(s.b, float)) <= s.error
    unreachable = s.U[:, s.rank :].T @ np.asarray(s.b, float)
    expected = np.linalg.norm(unreachable) / np.linalg.norm(s.b)
    assert info["rhs_inconsistency"] == pytest.approx(expected, rel=1000 * float(np.finfo(dtype).eps))


def loss(f):
    return lambda v, b: jnp.sum(jnp.sin(f(v, b)))


BOTH = (0, 1)


def check(s, found, expected):
    leaves, references = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert len(leaves) == len(references)
    for leaf, reference in zip(leaves, references, strict=True):
        assert leaf.shape == reference.shape
        assert relative_error(leaf, reference) <= s.error


# What test_transforms.py does with all transforms, for what is special of a null space.
SOME = {
    "jvp": lambda f, s: jax.jvp(f, (s.values, s.b), (jnp.cos(s.values), jnp.sin(s.b))),
    "jit of grad": lambda f, s: jax.jit(jax.grad(loss(f), BOTH))(s.values, s.b),
    "grad of lanes": lambda f, s: jax.grad(loss(f), BOTH)(s.values, s.many_b.T),
    "grad of vmap": lambda f, s: jax.grad(lambda v, b: jnp.sum(jax.vmap(f)(v, b) ** 2), BOTH)(
        s.many_values, s.many_b
    ),
}


@pytest.mark.parametrize("transform", SOME)
@pytest.mark.parametrize("name", ["scaled", "components"])
def test_transform_equals_that_of_the_pseudo_inverse(name, transform):
    s = System(name)
    apply = SOME[transform]
    check(s, apply(s.ours, s), apply(s.dense, s))


@pytest.mark.parametrize("name", KINDS)
def test_adjoint_rule(name):
    s = System(name)
    ours = jax.grad(loss(partial(s.ours, derivative="adjoint")), BOTH)(s.values, s.b)
    check(s, ours, jax.grad(loss(s.dense), BOTH)(s.values, s.b))


def test_gradient_along_weights_of_edges():
    """These matrices keep their null space, and the rank of each component."""
    edges = np.array([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (5, 6), (6, 7), (5, 7)])
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    i, j = edges.T
    b, weights = jnp.asarray(rhs(8)), jnp.asarray(1 + 0.1 * np.arange(8.0))

    def laplacian(w):
        return jnp.zeros((8, 8)).at[i, i].add(w).at[j, j].add(w).at[i, j].add(-w).at[j, i].add(-w)

    def ours(w):
        options = {"nullspace": "constant", "labels": (2, labels), "tolerance": 1e-13}
        return jnp.sum(jnp.cos(jaxamg.solve(laplacian(w), b, **options)[0]))

    def reference(w):
        return jnp.sum(jnp.cos(jnp.linalg.pinv(laplacian(w), rtol=1e-10) @ b))

    assert relative_error(jax.grad(ours)(weights), jax.grad(reference)(weights)) <= 1e-9


@pytest.mark.parametrize("derivative", ["implicit", "adjoint"])
def test_gradient_along_matrices_whose_null_spaces_turn(derivative):
    """D A D, for a b with something of the left null space: against differences of the solution itself."""
    A = bcsr(neumann2d(6))
    rows = np.repeat(np.arange(36), np.diff(A.indptr))
    b, d, step = rhs(36), jnp.asarray(SCALE), jnp.cos(jnp.arange(36.0))

    def ours(d):
        scaled = with_values(A, d[rows] * A.data * d[A.indices])
        x, _ = jaxamg.solve(scaled, b, nullspace=1 / d, derivative=derivative, tolerance=1e-13)
        return jnp.sum(jnp.sin(x))

    h = 1e-4
    difference = (ours(d + h * step) - ours(d - h * step)) / (2 * h)
    assert jax.grad(ours)(d) @ step == pytest.approx(float(difference), rel=1e-6)


def test_null_vectors_may_differ_across_a_batch():
    base = bcsr(neumann2d(6))
    rows = np.repeat(np.arange(36), np.diff(base.indptr))
    scales = jnp.stack([jnp.asarray(SCALE), jnp.asarray(2 - SCALE)])

    def ours(d, b):
        A = with_values(base, d[rows] * base.data * d[base.indices])
        return jaxamg.solve(A, b, nullspace=1 / d, tolerance=1e-12)[0]

    def expected(d, b):
        return np.linalg.pinv(np.diag(d) @ neumann2d(6).toarray() @ np.diag(d), rcond=1e-10) @ b

    b = rhs(36)
    found = jax.vmap(ours, (0, None))(scales, b)
    for x, d in zip(found, scales, strict=True):
        assert relative_error(x, expected(d, b)) <= 1e-8
    grid = jax.vmap(jax.vmap(ours, (0, None)), (None, 0))(scales, jnp.stack([b, b**2]))
    assert relative_error(grid[1, 0], expected(scales[0], b**2)) <= 1e-8


@pytest.mark.parametrize("kind", [bcsr, bcoo, lambda A: A, lambda A: A.toarray()])
def test_what_is_attached_to_a_matrix_counts(kind):
    A, b = kind(neumann2d(6)), rhs(36)
    if not isinstance(A, np.ndarray):
        A = jaxamg.with_cache(A, nullspace="constant", is_symmetric=True)
        solve = jax.jit(partial(jaxamg.solve, tolerance=1e-12))
    else:
        solve = partial(jaxamg.solve, nullspace="constant", tolerance=1e-12)
    x, info = solve(A, b)
    assert relative_error(x, np.linalg.pinv(neumann2d(6).toarray(), rcond=1e-10) @ b) <= 1e-9
    assert float(info["rhs_inconsistency"]) > 0


def test_attached_labels_survive_jit():
    A = jaxamg.with_cache(bcsr(ISLANDS), nullspace="constant", labels=(3, LABELS))
    x, _ = jax.jit(partial(jaxamg.solve, tolerance=1e-12))(A, rhs(34))
    assert relative_error(x, np.linalg.pinv(ISLANDS.toarray(), rcond=1e-10) @ rhs(34)) <= 1e-9


def test_bases_of_what_is_attached_are_made_once():
    from jaxamg._nullspace import _bases

    count = lambda: len(_bases._found)  # noqa: E731
    before = count()
    A = jaxamg.with_cache(bcsr(ISLANDS), nullspace="constant", labels=(3, LABELS))
    first, again = (jaxamg.solve(A, rhs(34), tolerance=1e-12)[0] for _ in range(2))
    assert np.array_equal(first, again)
    assert count() == before + 1
    jaxamg.solve(A, rhs(34).astype(np.float32), {"tolerance": 1e-4})  # in double, as A is
    assert count() == before + 1
    del A
    gc.collect()
    assert count() == before


PHASE = np.exp(1j * np.arange(36))
COMPLEX = {
    "symmetric": ((1 + 2j) * neumann2d(6), {"nullspace": "constant"}),
    "Hermitian": (
        sp.diags_array(PHASE) @ neumann2d(6) @ sp.diags_array(PHASE.conj()),
        {"nullspace": PHASE},
    ),
    "neither": (
        sp.diags_array(PHASE) @ CONVECTION,
        {"nullspace": "constant", "transpose_nullspace": PHASE.conj() * LEFT},
    ),
    "components": ((2 + 1j) * ISLANDS, {"nullspace": "constant", "labels": (3, LABELS)}),
}


@pytest.mark.parametrize("kind", COMPLEX)
def test_complex(kind):
    A, declared = COMPLEX[kind]
    dense, n = A.toarray(), A.shape[0]
    b = rhs(n) * np.exp(0.3j * np.arange(n))
    pinv = np.linalg.pinv(dense, rcond=1e-10)

    def ours(b):
        x, info = jaxamg.solve(sp.csr_array(A), b, tolerance=1e-12, **declared)
        return x, info["rhs_inconsistency"]

    x, inconsistency = ours(b)
    assert relative_complex_error(x, pinv @ b) <= 1e-8
    assert inconsistency == pytest.approx(np.linalg.norm(b - dense @ (pinv @ b)) / np.linalg.norm(b))
    _, vjp = jax.vjp(lambda b: ours(b)[0], jnp.asarray(b))
    assert relative_complex_error(vjp(jnp.asarray(b**2))[0], pinv.T @ b**2) <= 1e-8  # JAX's convention


@pytest.mark.parametrize("seed", range(8))
def test_components_in_any_order_of_rows(seed, dtype):
    """What is left of a component on a coarse level is rounding, and must not be divided by."""
    order = np.random.default_rng(seed).permutation(34)
    A, labels = sp.csr_array(0.1 * ISLANDS[order][:, order]), LABELS[order]
    declared = {"nullspace": "constant", "labels": (3, labels)}
    x, info = jaxamg.solve(A.astype(dtype), rhs(34).astype(dtype), tolerance=TOLERANCE[dtype], **declared)
    assert info["status"] == AMGXStatus.SUCCESS
    assert relative_error(x, np.linalg.pinv(A.toarray(), rcond=1e-10) @ rhs(34)) <= 1e3 * TOLERANCE[dtype]


def relative_complex_error(x, reference):
    return np.linalg.norm(np.asarray(x) - reference) / np.linalg.norm(reference)


# ---- rates


def iterations(A, solver, amg, **options):
    config = {"solver": solver, "preconditioner": {"solver": "AMG", "max_iters": 1} | amg}
    _, info = jaxamg.solve(A, rhs(A.shape[0]), config, tolerance=1e-8, **options)
    assert info["status"] == AMGXStatus.SUCCESS
    return info["iterations"]


def pinned(A):
    """One point held: the nearest regular matrix."""
    return sp.csr_array(A + sp.coo_array(([1.0], ([A.shape[0] // 2], [A.shape[0] // 2])), shape=A.shape))


# Aggregation takes fewer iterations the more of the boundary is held, hence the other peer.
@pytest.mark.parametrize("solver", ["PCG", "PBICGSTAB", "GMRES"])
@pytest.mark.parametrize(
    ("A", "amg", "peer"),
    [
        (neumann2d(64), {}, poisson2d(64)),
        (neumann3d(32), {}, poisson3d(32)),
        (neumann2d(64), {"algorithm": "AGGREGATION", "selector": "SIZE_2"}, pinned(neumann2d(64))),
        (neumann3d(32), {"algorithm": "AGGREGATION", "selector": "SIZE_2"}, pinned(neumann3d(32))),
    ],
    ids=["2D", "3D", "2D aggregation", "3D aggregation"],
)
def test_neumann_takes_as_many_iterations_as_its_peer(A, amg, peer, solver):
    assert iterations(A, solver, amg, nullspace="constant") <= iterations(peer, solver, amg) + 3


@pytest.mark.parametrize("solver", ["PCG", "PBICGSTAB", "GMRES", "AMG"])
def test_constants_do_not_drift_in(solver, dtype):
    A, b = sp.csr_array(neumann2d(64), dtype=dtype), rhs(4096).astype(dtype)
    x0 = np.full(4096, 1e3, dtype)
    x, info = jaxamg.solve(A, b, {"solver": solver}, x0=x0, nullspace="constant", tolerance=1e-6)
    assert info["status"] == AMGXStatus.SUCCESS
    eps = float(np.finfo(dtype).eps)
    assert abs(np.mean(x, dtype=float)) <= 10 * eps * np.linalg.norm(x) / 64
    assert info["rhs_inconsistency"] == pytest.approx(
        np.sqrt(4096) * b.mean() / np.linalg.norm(b), rel=100 * eps
    )


def test_a_right_hand_side_that_no_x_reaches():
    """b is a constant: A⁺ b = 0, and so is a b of zeros."""
    x, info = jaxamg.solve(neumann2d(20), np.ones((400, 2)) * [1, 0], nullspace="constant")
    assert np.abs(x).max() <= 1e-11
    assert np.allclose(info["rhs_inconsistency"], [1, 0])
    assert (info["status"] == AMGXStatus.SUCCESS).all()


# ---- nobody said so


def warned(solve):
    with pytest.warns(NullSpaceWarning, match='nullspace="constant"'):
        return jax.block_until_ready(solve())


@pytest.mark.parametrize("solver", ["PCG", "PBICGSTAB", "GMRES"])
@pytest.mark.parametrize("A", [neumann2d(64), neumann3d(16)], ids=["2D", "3D"])
def test_undeclared_with_a_consistent_b(A, solver, dtype):
    n = A.shape[0]
    b = (A @ rhs(n)).astype(dtype)
    x, info = warned(
        lambda: jaxamg.solve(sp.csr_array(A, dtype=dtype), b, {"solver": solver}, tolerance=1e-5)
    )
    assert info["status"] == AMGXStatus.SUCCESS
    assert info["iterations"] <= 15
    assert np.linalg.norm(A @ np.asarray(x, float) - b) <= 1.1e-5 * np.linalg.norm(b)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("solver", ["PCG", "PBICGSTAB", "GMRES"])
def test_undeclared_with_an_inconsistent_b_never_succeeds(solver, compiled):
    solve = partial(jaxamg.solve, config={"solver": solver}, max_iters=100)
    _, info = warned(lambda: (jax.jit(solve) if compiled else solve)(bcsr(neumann2d(20)), rhs(400)))
    assert info["status"] != AMGXStatus.SUCCESS
    assert "rhs_inconsistency" not in info


def test_a_regular_matrix_warns_of_nothing(recwarn):
    """One point of Dirichlet's is enough, also in float32."""
    A = neumann2d(100).astype(np.float32)
    A[0, 0] += 1
    _, info = jaxamg.solve(A, rhs(10_000).astype(np.float32), {"solver": "PCG"}, tolerance=1e-4)
    assert info["status"] == AMGXStatus.SUCCESS
    assert not recwarn.list


# ---- misuse

MISUSE = {
    "not a null vector": (poisson2d(6), {"nullspace": "constant"}, "nullspace: A does not take"),
    "labels that cut": (
        neumann2d(6),
        {"nullspace": "constant", "labels": (2, np.arange(36) % 2)},
        "nullspace: A does not take",
    ),
    "no left null vector": (CONVECTION, {"nullspace": "constant"}, "transpose_nullspace: the transpose of A"),
    "name": (neumann2d(6), {"nullspace": "linear"}, 'it must be "constant"'),
    "shape": (neumann2d(6), {"nullspace": np.ones(35)}, r"nullspace has shape \(35,\)"),
    "not finite": (neumann2d(6), {"transpose_nullspace": np.full(36, np.nan)}, "NaN or infinite"),
    "labels alone": (neumann2d(6), {"labels": (1, np.zeros(36, int))}, 'pass nullspace="constant" too'),
    "labels out of range": (
        neumann2d(6),
        {"nullspace": "constant", "labels": (1, np.ones(36, int))},
        "labels go from 1 to 1",
    ),
    "labels of another length": (
        neumann2d(6),
        {"nullspace": "constant", "labels": (1, np.zeros(3, int))},
        r"labels are of shape \(3,\)",
    ),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse_raises(case):
    A, declared, message = MISUSE[case]
    with pytest.raises(ValueError, match=message):
        jaxamg.solve(A, rhs(36), **declared)


def test_misuse_in_jit_fails():
    x, info = jax.jit(partial(jaxamg.solve, nullspace="constant"))(bcsr(poisson2d(6)), rhs(36))
    assert info["status"] == AMGXStatus.FAILED
    assert np.isnan(x).all()


def test_labels_must_be_a_pair():
    with pytest.raises(TypeError, match="pair"):
        jaxamg.solve(neumann2d(6), rhs(36), nullspace="constant", labels=np.zeros(36, int))
