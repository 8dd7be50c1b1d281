"""`make_preconditioner` inside JAX's own Krylov solvers, and as the linear map that it is."""

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
from jax.scipy.sparse.linalg import bicgstab, cg, gmres
from problems import convection_diffusion2d, poisson2d, rhs
from systems import KINDS, MATRIX, B, N, X, bcoo, bcsr, relative_error, with_values

SPD = poisson2d(9)
SYSTEMS = {"SPD": SPD, "nonsymmetric": MATRIX}
JACOBI = {"solver": "BLOCK_JACOBI", "max_iters": 3, "relaxation_factor": 0.7}
SOLVERS = [("SPD", cg), ("SPD", bicgstab), ("nonsymmetric", bicgstab), ("nonsymmetric", gmres)]


def dense(M, n=N):
    """M by its columns."""
    return np.stack([np.asarray(M(column)) for column in np.eye(n)], axis=1)


def setups():
    return jaxamg.get_solver_cache_info()["setups"]


@pytest.mark.parametrize("config", [None, JACOBI], ids=["AMG", "BLOCK_JACOBI"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_application_is_linear_and_its_transpose_exact(name, config):
    M = jaxamg.make_preconditioner(bcsr(SYSTEMS[name]), config)
    matrix = dense(M)
    r = jnp.asarray(np.cos(B))
    assert relative_error(M(r), matrix @ r) <= 1e-13
    transposed = dense(lambda z: jax.linear_transpose(M, r)(z)[0])
    assert relative_error(transposed, matrix.T) <= 1e-13
    if name == "nonsymmetric":
        assert relative_error(matrix, matrix.T) > 1e-2
    assert setups() == 1


def test_block_jacobi_equals_its_definition():
    """Three sweeps of x += w D⁻¹ (b - A x) from 0: M = Σ (I - w D⁻¹ A)ᵏ w D⁻¹, k = 0, 1, 2."""
    M = jaxamg.make_preconditioner(bcsr(MATRIX), JACOBI)
    step = 0.7 * np.diag(1 / MATRIX.diagonal())
    error = np.eye(N) - step @ MATRIX.toarray()
    assert relative_error(dense(M), (np.eye(N) + error + error @ error) @ step) <= 1e-13


def test_default_is_the_preconditioner_of_solve():
    """CG is one method wherever it is written: equal residuals from equal preconditioners."""
    A, b = bcsr(poisson2d(40)), jnp.asarray(rhs(1600))
    M = jaxamg.make_preconditioner(A)
    steps = 5
    _, info = jaxamg.solve(A, b, {"solver": "PCG"}, max_iters=steps, tolerance=1e-30)
    x, _ = cg(lambda x: A @ x, b, M=M, tol=0.0, atol=0.0, maxiter=steps)
    assert jnp.linalg.norm(b - A @ x) == pytest.approx(info["residual"], rel=1e-6)


@pytest.mark.parametrize(("name", "krylov"), SOLVERS)
def test_fewer_iterations_than_without(name, krylov):
    A = bcsr({"SPD": poisson2d(40), "nonsymmetric": convection_diffusion2d(40, 40.0)}[name])
    b = jnp.asarray(rhs(1600))
    steps = {"maxiter": 12} if krylov is not gmres else {"maxiter": 1, "restart": 12}

    def residual(M):
        x, _ = krylov(lambda x: A @ x, b, M=M, tol=1e-12, **steps)
        return jnp.linalg.norm(b - A @ x) / jnp.linalg.norm(b)

    assert residual(jaxamg.make_preconditioner(A)) <= 1e-2 * residual(None)


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize(("name", "krylov"), SOLVERS)
def test_gradients_equal_dense_autodiff(name, krylov, jitted):
    A = bcsr(SYSTEMS[name])

    def loss(values, b):
        matrix = with_values(A, values)
        M = jaxamg.make_preconditioner(matrix)
        x, _ = krylov(lambda x: matrix @ x, b, M=M, tol=1e-13, atol=1e-13)
        return jnp.sum(jnp.cos(x))

    def reference(values, b):
        return jnp.sum(jnp.cos(jnp.linalg.solve(with_values(A, values).todense(), b)))

    ours = jax.grad(loss, argnums=(0, 1))
    ours = jax.jit(ours) if jitted else ours
    expected = jax.grad(reference, argnums=(0, 1))(A.data, B)
    for found, wanted in zip(ours(A.data, jnp.asarray(B)), expected, strict=True):
        assert relative_error(found, wanted) <= 1e-9


def test_gradient_by_finite_differences():
    """h = 1e-4 balances h² |f'''| / 6 and rounding / h near 1e-8."""
    A, h = bcsr(MATRIX), 1e-4
    direction = jnp.sin(jnp.arange(A.nse))

    def loss(values):
        matrix = with_values(A, values)
        x, _ = bicgstab(lambda x: matrix @ x, B, M=jaxamg.make_preconditioner(matrix), tol=1e-14, atol=1e-14)
        return jnp.sum(jnp.sin(x))

    slope = (loss(A.data + h * direction) - loss(A.data - h * direction)) / (2 * h)
    assert jnp.vdot(jax.grad(loss)(A.data), direction) == pytest.approx(float(slope), rel=1e-6)


def test_derivatives_of_the_application():
    A = bcsr(MATRIX)
    r, r_dot = jnp.asarray(B), jnp.cos(B)
    M = jaxamg.make_preconditioner(A)
    matrix = dense(M)
    _, z_dot = jax.jvp(M, (r,), (r_dot,))
    assert relative_error(z_dot, matrix @ r_dot) <= 1e-13
    assert relative_error(jax.jacfwd(M)(r), matrix) <= 1e-13
    assert relative_error(jax.jacrev(M)(r), matrix) <= 1e-13
    by_values = jax.grad(lambda v: jnp.sum(jaxamg.make_preconditioner(with_values(A, v))(r)))(A.data)
    assert np.array_equal(by_values, np.zeros(A.nse))


def test_vmap_over_residuals_is_lanes():
    A = bcsr(MATRIX)
    M = jaxamg.make_preconditioner(A)
    R = jnp.stack([jnp.asarray(B), jnp.cos(B), jnp.ones(N)])
    one_by_one = np.stack([M(r) for r in R])
    assert relative_error(jax.vmap(M)(R), one_by_one) <= 1e-14
    assert relative_error(jax.vmap(M, in_axes=1, out_axes=1)(R.T), one_by_one.T) <= 1e-14
    assert relative_error(M(R.T), one_by_one.T) <= 1e-14
    nested = jax.vmap(jax.vmap(M, in_axes=1, out_axes=1))(jnp.stack([R.T, 2 * R.T]))
    assert relative_error(nested, np.stack([one_by_one.T, 2 * one_by_one.T])) <= 1e-14
    assert setups() == 1


def test_vmap_over_matrices():
    A = bcsr(MATRIX)
    scales = jnp.array([1.0, 2.0, 0.5])
    apply = jax.vmap(lambda s: jaxamg.make_preconditioner(with_values(A, s * A.data))(jnp.asarray(B)))
    z = jaxamg.make_preconditioner(A)(B)
    assert relative_error(apply(scales), z / scales[:, None]) <= 1e-13


@pytest.mark.parametrize("form", [bcsr, lambda A: jnp.asarray(A.toarray())], ids=["BCSR", "dense"])
def test_matrices_of_one_pattern_are_one_call(form):
    """One setup and refreshes, also for lanes and the transpose; each has the bits of a call of its own."""
    A = form(MATRIX)
    many = jnp.stack([(A if form is not bcsr else A.data) * s for s in (1.0, 2.5, 0.5)])
    R = jnp.stack([jnp.asarray(B), jnp.cos(B)], axis=1)

    def apply(values, r):
        return jaxamg.make_preconditioner(values if form is not bcsr else with_values(A, values))(r)

    def transposed(values, r):
        return jax.linear_transpose(lambda r: apply(values, r), r)(r)[0]

    for f in (apply, transposed):
        for r in (R, R[:, 0]):
            jaxamg.clear_solver_cache()
            found = jax.vmap(f, (0, None))(many, r)
            info = jaxamg.get_solver_cache_info()
            assert (info["setups"], info["refreshes"], info["entries"]) == (1, 2, 1)
            for ours, values in zip(found, many, strict=True):
                assert np.array_equal(ours, f(values, r))


def test_made_inside_jit_and_passed_into_it():
    A = bcsr(MATRIX)
    z = jaxamg.make_preconditioner(A)(B)
    inside = jax.jit(lambda v, r: jaxamg.make_preconditioner(with_values(A, v))(r))
    assert relative_error(inside(A.data, B), z) <= 1e-14
    traces = 0

    @jax.jit
    def apply(M, r):
        nonlocal traces
        traces += 1
        return M(r)

    for scale in (1.0, 2.0):
        scaled = jaxamg.make_preconditioner(with_values(A, scale * A.data))
        assert relative_error(apply(scaled, B), z / scale) <= 1e-13
    assert traces == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_matrix(kind, dtype):
    r = jnp.asarray(B, dtype)
    z = jaxamg.make_preconditioner(KINDS[kind](MATRIX, dtype))(r)
    assert z.dtype == dtype
    assert relative_error(z, jaxamg.make_preconditioner(bcoo(MATRIX))(B)) <= 20 * np.finfo(dtype).eps


def test_dtype_is_that_of_the_residual():
    M = jaxamg.make_preconditioner(bcsr(MATRIX))
    assert M(jnp.asarray(B, jnp.float32)).dtype == jnp.float32


def test_a_tolerance_is_met():
    A, r = bcsr(MATRIX), jnp.asarray(B)
    z, info = jaxamg.make_preconditioner(A, tolerance=1e-10, return_info=True)(r)
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    assert np.linalg.norm(r - A @ z) <= 1e-10 * np.linalg.norm(r)
    assert (
        relative_error(jaxamg.make_preconditioner(A, {"solver": "PBICGSTAB"}, tolerance=1e-12)(r), X) <= 1e-9
    )


def test_a_count_is_kept_without_a_tolerance():
    A, r = bcsr(SPD), jnp.asarray(B)
    z = jaxamg.make_preconditioner(A, {"solver": "PCG", "max_iters": 4})(r)
    x, info = jaxamg.solve(A, r, {"solver": "PCG", "max_iters": 4, "tolerance": 1e-30})
    assert info["iterations"] == 4
    assert relative_error(z, x) <= 1e-12


def test_info_is_that_of_one_cycle():
    A, r = bcsr(MATRIX), jnp.asarray(B)
    z, info = jaxamg.make_preconditioner(A, return_info=True)(r)
    assert relative_error(z, jaxamg.make_preconditioner(A)(r)) <= 1e-14
    assert info["iterations"] == 1
    assert info["residual"] == pytest.approx(np.linalg.norm(r - A @ z), rel=1e-10)
    traced = jax.jit(jaxamg.make_preconditioner(A, return_info=True))(r)[1]
    assert traced["residual"] == pytest.approx(info["residual"], rel=1e-10)


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_save_stats_file(jitted, tmp_path):
    path = tmp_path / "stats.txt"

    def apply(A, r):
        return jaxamg.make_preconditioner(A, save_stats_file=path)(r)

    jax.block_until_ready((jax.jit(apply) if jitted else apply)(bcsr(SPD), jnp.asarray(B)))
    jax.effects_barrier()
    text = path.read_text()
    for part in ("solver(solver)=AMG", "operator complexity", "memory"):
        assert part in text
    assert setups() == 1


def test_a_matrix_that_cannot_be_used_gives_nan():
    A = bcsr(MATRIX)
    assert np.isnan(jaxamg.make_preconditioner(with_values(A, A.data.at[3].set(jnp.nan)))(B)).all()


def test_misuse():
    A = bcsr(MATRIX)
    with pytest.raises(ValueError, match=r"\(81,\)"):
        jaxamg.make_preconditioner(A)(jnp.ones(80))
    with pytest.raises(ValueError, match="solvr"):
        jaxamg.make_preconditioner(A, {"solvr": "AMG"})
    with pytest.raises(NotImplementedError, match="comm"):
        jaxamg.make_preconditioner(A, comm=object())
    with pytest.raises(TypeError, match="config"):
        jaxamg.make_preconditioner(A, B)
