"""`pattern` and `with_cache`: what is attached, how it travels, what contradicts."""

import copy
import pickle
from functools import partial

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from jax.experimental.sparse import BCOO, BCSR
from jaxamg import _with_cache
from systems import DENSE, MATRIX, B, N, bcoo, bcsr, relative_error, solve_and_wait

ROWS, COLS = sp.coo_array(MATRIX).coords
POISSON = jaxamg.matrices.poisson_operator()


def declared(**options) -> jaxamg.Pattern:
    return jaxamg.pattern(ROWS, COLS, (N, N), **options)


def product(x):
    return jnp.asarray(DENSE) @ x


class TestPattern:
    def test_is_the_same_in_any_order_and_with_duplicates(self):
        shuffled = np.random.default_rng(0).permutation(np.tile(np.arange(ROWS.size), 2))
        again = jaxamg.pattern(ROWS[shuffled], COLS[shuffled], (N, N))
        assert again == declared()
        assert hash(again) == hash(declared())
        np.testing.assert_array_equal(again.row_index, MATRIX.indptr)
        np.testing.assert_array_equal(again.col_index, MATRIX.indices)

    def test_differs_with_entries_shape_and_colours(self):
        patterns = {
            declared(),
            jaxamg.pattern(ROWS[1:], COLS[1:], (N, N)),
            jaxamg.pattern(ROWS, COLS, (N + 1, N)),
            declared(colors=np.arange(N)),
        }
        assert len(patterns) == 4

    def test_is_immutable(self):
        with pytest.raises(AttributeError, match="immutable"):
            declared().n_colors = 3
        with pytest.raises(AttributeError, match="immutable"):
            del declared().shape

    @pytest.mark.parametrize("copied", [lambda p: pickle.loads(pickle.dumps(p)), copy.copy, copy.deepcopy])
    def test_is_copied(self, copied):
        again = copied(declared())
        assert again == declared()
        for one, other in zip(again.coloring, declared().coloring, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_is_a_pytree_of_index_arrays(self):
        leaves, structure = jax.tree_util.tree_flatten(declared())
        assert all(jnp.issubdtype(leaf.dtype, jnp.integer) for leaf in leaves)
        assert jax.tree_util.tree_unflatten(structure, leaves) == declared()

    def test_declared_colours_are_kept(self):
        colors = jaxamg.cache_coloring(product, (N, N))[2]
        assert declared(colors=colors, n_colors=100).n_colors == 100

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"rows": [0, 3]}, r"rows\[1\] is 3, out of range for 3"),
            ({"cols": [-1, 0]}, r"cols\[0\] is -1"),
            ({"cols": [0]}, "one of each"),
            ({"rows": [0.0, 1.0]}, "vector of integers"),
            ({"shape": 3}, "must be"),
            ({"shape": (-1, 3)}, "32 bits"),
            ({"colors": [0, 1]}, "one per column"),
            ({"colors": [0, 0, 0], "n_colors": 0}, "n_colors is 0"),
            ({"n_colors": 2}, "without colors"),
            (
                {"rows": [1, 1], "colors": [0, 0, 0]},
                "columns 0 and 1 have colour 0, and both an entry in row 1",
            ),
        ],
    )
    def test_misuse(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            jaxamg.pattern(**({"rows": [0, 1], "cols": [0, 1], "shape": (3, 3)} | arguments))

    def test_traced_indices(self):
        with pytest.raises(TypeError, match="rows is a traced array"):
            jax.jit(lambda rows: jaxamg.pattern(rows, COLS, (N, N)).rows)(ROWS)


class Stencil:
    def __init__(self, theta):
        self.theta = theta

    def apply(self, x):
        return self.theta * x + POISSON(x)

    __call__ = apply


@jax.tree_util.register_pytree_node_class
class StencilModule(Stencil):
    def tree_flatten(self):
        return (self.theta,), None

    @classmethod
    def tree_unflatten(cls, _, children):
        return cls(*children)


def parametrised(theta, x):
    return theta * x + POISSON(x)


THETA = jnp.linspace(1.0, 2.0, 64)
CARRIERS = {
    "function": lambda: lambda x: parametrised(THETA, x),
    "bound method": lambda: Stencil(THETA).apply,
    "object": lambda: Stencil(THETA),
    "functools.partial": lambda: partial(parametrised, THETA),
    "tree_util.Partial": lambda: jax.tree_util.Partial(parametrised, THETA),
    "module": lambda: StencilModule(THETA),
    "method of a module": lambda: StencilModule(THETA).apply,
}
HOLDS_ARRAYS = ["functools.partial", "tree_util.Partial", "module", "method of a module"]
MATRICES = {
    "BCSR": lambda: (bcsr(MATRIX), BCSR),
    "BCOO": lambda: (bcoo(MATRIX), BCOO),
    "SciPy": lambda: (MATRIX, BCSR),
}
RHS = jnp.asarray(np.random.default_rng(1).standard_normal(64))


def solution(A, b=RHS):
    return jaxamg.solve(A, b, {"solver": "PCG"}, tolerance=1e-12)[0]


def exact(theta=THETA):
    return np.linalg.solve(
        np.diag(theta) + np.asarray(jaxamg.matrices.poisson_matrix(8).todense(), float), RHS
    )


class TestOperators:
    @pytest.mark.parametrize("kind", CARRIERS)
    def test_is_an_argument_of_jit(self, kind):
        A = CARRIERS[kind]()
        cached = jaxamg.with_cache(A, coloring=jaxamg.cache_coloring(A, 64))
        np.testing.assert_array_equal(cached(RHS), A(RHS))
        eager = solution(A)
        assert relative_error(eager, exact()) < 1e-10
        np.testing.assert_array_equal(jax.jit(solution)(cached), eager)

    @pytest.mark.parametrize("kind", HOLDS_ARRAYS)
    def test_arrays_it_holds_are_operands(self, kind):
        A = CARRIERS[kind]()
        cached = jaxamg.with_cache(A, coloring=jaxamg.cache_coloring(A, 64))
        traces = []

        @jax.jit
        def apply(A):
            traces.append(A)
            return solution(A)

        def scaled(leaf):
            return 2 * leaf if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

        apply(cached)
        assert relative_error(apply(jax.tree_util.tree_map(scaled, cached)), exact(2 * THETA)) < 1e-10
        assert len(traces) == 1

    def test_index_arrays_are_no_constants_of_the_computation(self):
        n = 100
        op = jaxamg.matrices.poisson_operator()
        cached = jaxamg.with_cache(op, coloring=jaxamg.cache_coloring(op, n * n))
        text = jax.jit(lambda A, b: jaxamg.solve(A, b)[0]).lower(cached, jnp.ones(n * n)).as_text()
        assert len(text) < 200_000  # 49600 entries as text would be more
        assert max(map(len, text.splitlines())) < 20_000

    def test_gradient_in_a_module(self):
        A = StencilModule(THETA)
        cached = jaxamg.with_cache(A, coloring=jaxamg.cache_coloring(A, 64))
        gradient = jax.jit(jax.grad(lambda A: solution(A) @ RHS, allow_int=True))(cached)
        # d(b·x)/dθ = -x∘λ with Aᵀλ = b, and A is symmetric
        assert relative_error(gradient.operator.theta, -(exact() ** 2)) < 1e-9

    def test_nested_caches_and_vmap(self):
        coloring = jaxamg.cache_coloring(partial(parametrised, THETA), 64)
        cached = jaxamg.with_cache(jaxamg.with_cache(POISSON, is_symmetric=True), coloring=coloring)
        assert cached.known.is_symmetric
        assert cached.shape == (64, 64)
        lanes = jnp.stack([THETA, 3 * THETA])

        def by_theta(theta):
            return jax.vmap(lambda x: jaxamg.with_cache(partial(parametrised, theta), coloring=coloring)(x))(
                jnp.eye(64)
            )

        dense = jax.vmap(by_theta)(lanes)
        assert relative_error(np.linalg.solve(dense[1], RHS), exact(3 * THETA)) < 1e-10


class TestMatrices:
    @pytest.mark.parametrize("kind", MATRICES)
    def test_stays_what_it_is(self, kind):
        A, cls = MATRICES[kind]()
        cached = jaxamg.with_cache(A, is_symmetric=False)
        assert isinstance(cached, cls)
        assert relative_error(cached @ jnp.asarray(B), DENSE @ B) < 1e-14
        np.testing.assert_array_equal(cached.todense(), DENSE)
        assert cached.block_until_ready() is cached
        np.testing.assert_array_equal(jax.jit(jaxamg.solve)(cached, B)[0], jaxamg.solve(A, B)[0])

    @pytest.mark.parametrize("kind", MATRICES)
    def test_survives_transformations(self, kind):
        cached = jaxamg.with_cache(MATRICES[kind]()[0], is_symmetric=True)
        for travelled in (
            jax.jit(lambda A: A)(cached),
            jax.tree_util.tree_map(lambda leaf: leaf, cached),
            jax.vmap(lambda A, _: A, in_axes=(None, 0), out_axes=None)(cached, jnp.zeros(2)),
        ):
            assert type(travelled) is type(cached)
            assert travelled.known.is_symmetric
        gradient = jax.grad(lambda A: (A @ jnp.ones(N)).sum(), allow_int=True)(cached)
        assert type(gradient) is type(cached)
        np.testing.assert_array_equal(gradient.data, np.ones(MATRIX.nnz))


class TestSymmetry:
    SYMMETRIC = jaxamg.matrices.poisson_matrix(8, dtype=np.float64)

    def gradient(self, A):
        return jax.grad(lambda b: jnp.sin(jaxamg.solve(A, b, tolerance=1e-12)[0]).sum())(RHS)

    @pytest.mark.parametrize("claim", [True, "auto"])
    def test_adjoint_solves_with_the_matrix_itself(self, claim):
        cached = jaxamg.with_cache(self.SYMMETRIC, is_symmetric=claim)
        assert relative_error(self.gradient(cached), self.gradient(self.SYMMETRIC)) < 1e-9
        text = str(jax.make_jaxpr(lambda: self.gradient(cached))())
        assert "transposed=True" not in text
        assert "transposed=True" in str(jax.make_jaxpr(lambda: self.gradient(self.SYMMETRIC))())

    def test_auto_finds_out(self):
        assert jaxamg.with_cache(self.SYMMETRIC, is_symmetric="auto").known.is_symmetric is True
        assert jaxamg.with_cache(MATRIX, is_symmetric="auto").known.is_symmetric is False
        op = jaxamg.matrices.poisson_operator(0.5)
        coloring = jaxamg.cache_coloring(op, 64)
        assert jaxamg.with_cache(op, coloring=coloring, is_symmetric="auto").known.is_symmetric is False
        with pytest.raises(ValueError, match="coloring or pattern"):
            jaxamg.with_cache(op, is_symmetric="auto")

    def test_auto_finds_out_once_for_a_matrix(self, monkeypatch):
        checks = []
        check = _with_cache._equals_its_transpose
        monkeypatch.setattr(_with_cache, "_equals_its_transpose", lambda A: checks.append(A) or check(A))
        A = bcsr(MATRIX + MATRIX.T)
        for _ in range(2):
            assert jaxamg.with_cache(A, is_symmetric="auto").known.is_symmetric is True
        assert len(checks) == 1
        other = BCSR((A.data.at[1].multiply(2), A.indices, A.indptr), shape=A.shape)
        assert jaxamg.with_cache(other, is_symmetric="auto").known.is_symmetric is False
        assert len(checks) == 2

    def test_auto_needs_concrete_values(self):
        with pytest.raises(ValueError, match="concrete values"):
            jax.jit(lambda A: jaxamg.with_cache(A, is_symmetric="auto").data)(self.SYMMETRIC)

    @pytest.mark.parametrize("compiled", [False, True])
    def test_a_wrong_claim_is_caught_by_the_check(self, monkeypatch, compiled):
        monkeypatch.setenv("JAXAMG_CHECK_PATTERN", "1")
        solve_and_wait(jaxamg.with_cache(self.SYMMETRIC, is_symmetric=True), RHS, compiled)
        wrong = jaxamg.with_cache(MATRIX, is_symmetric=True)
        with pytest.raises(Exception, match="A is said to be symmetric, but"):
            solve_and_wait(wrong, B, compiled)


class TestConflicts:
    coloring = jaxamg.cache_coloring(POISSON, 64)

    @pytest.mark.parametrize(
        ("attach", "message"),
        [
            (lambda A: jaxamg.with_cache(A, coloring=jaxamg.cache_coloring(POISSON, 49)), "contradicts"),
            (lambda A: jaxamg.with_cache(A, pattern=jaxamg.pattern([0], [0], (64, 64))), "contradicts"),
            (lambda A: jaxamg.with_cache(A, nullspace=np.ones(64)), "already carries another nullspace"),
            (lambda A: jaxamg.solve(A, RHS, nullspace=np.ones(64)), "already carries another nullspace"),
        ],
    )
    def test_what_contradicts_says_so(self, attach, message):
        A = jaxamg.with_cache(POISSON, coloring=self.coloring, nullspace="constant")
        with pytest.raises(ValueError, match=message):
            attach(A)

    def test_the_same_again_is_no_conflict(self):
        basis = np.ones((64, 1))
        A = jaxamg.with_cache(POISSON, coloring=self.coloring, nullspace=basis)
        again = jaxamg.with_cache(A, coloring=self.coloring, nullspace=basis.copy(), is_symmetric=True)
        np.testing.assert_array_equal(again.known.nullspace, basis)
        np.testing.assert_array_equal(jax.jit(lambda A: A.known.nullspace)(again), basis)

    def test_pattern_of_another_shape_than_the_matrix(self):
        with pytest.raises(ValueError, match=r"of shape \(64, 64\), A of \(81, 81\)"):
            jaxamg.with_cache(bcsr(MATRIX), coloring=self.coloring)

    @pytest.mark.parametrize(
        ("A", "options", "error", "message"),
        [
            (np.eye(3), {}, TypeError, "not ndarray"),
            (POISSON, {"coloring": 3}, TypeError, "as jaxamg.cache_coloring has it"),
            (POISSON, {"pattern": 3}, TypeError, "see jaxamg.pattern"),
            (POISSON, {"is_symmetric": "yes"}, ValueError, 'True, False or "auto"'),
            (POISSON, {"mpi": {}}, NotImplementedError, "mpi"),
        ],
    )
    def test_misuse(self, A, options, error, message):
        with pytest.raises(error, match=message):
            jaxamg.with_cache(A, **options)
