"""`config="auto"` and presets: what is chosen for what, and that it solves."""

import jax
import jax.numpy as jnp
import jaxamg
import lineax as lx
import numpy as np
import pytest
import scipy.sparse as sp
from jaxamg import _auto
from jaxamg._auto import RULES, Facts, choose
from jaxamg._presets import PRESETS
from problems import (
    GALLERY,
    anisotropic2d,
    convection_diffusion2d,
    elasticity2d,
    elasticity3d,
    helmholtz2d,
    jumps3d,
    poisson2d,
    poisson3d,
    random_dominant,
    rhs,
    tridiagonal,
)
from systems import bcoo, bcsr

# Kinds of matrices, and what the table says of them.
KINDS = {
    "small SPD": (lambda: poisson2d(20), "pcg-jacobi"),
    "small nonsymmetric": (lambda: convection_diffusion2d(20, 40.0), "bicgstab-jacobi"),
    "dominant SPD": (lambda: tridiagonal(2000, 4.0), "pcg-jacobi"),
    "dominant SPD of both signs": (lambda: sp.csr_array(abs(helmholtz2d(120, -0.2))), "pcg-jacobi"),
    "dominant nonsymmetric": (lambda: random_dominant(2000), "bicgstab-jacobi"),
    "few steps across": (lambda: poisson2d(40), "pcg-jacobi"),
    "many steps across": (lambda: poisson2d(90), "pcg-smoothed"),
    "many steps across a solid": (lambda: layers(24, 1e-10), "pcg-aggregation"),
    "negative": (lambda: -poisson2d(90), "pcg-smoothed"),
    "anisotropic": (lambda: anisotropic2d(60, 1e-2), "pcg-smoothed"),
    "indefinite": (lambda: helmholtz2d(90, 0.01), "pcg-smoothed"),
    "jumps": (lambda: jumps3d(16, 1e6), "pcg-jacobi"),
    "jumps, more steps across": (lambda: jumps3d(30, 1e6), "pcg-aggressive"),
    "a line": (lambda: tridiagonal(1200), "pcg-classical"),
    "elasticity": (lambda: elasticity2d(40), "pcg-aggressive"),
    "nonsymmetric, few steps across": (lambda: convection_diffusion2d(40, 40.0), "bicgstab-jacobi"),
    "little convection": (lambda: convection_diffusion2d(100, 20.0), "bicgstab-aggressive"),
    "more convection": (lambda: convection_diffusion2d(100, 400.0), "bicgstab-aggregation"),
    "nonsymmetric of both signs": (lambda: no_m_matrix(), "default"),
}


def layers(n: int, weak: float) -> sp.csr_array:
    return sp.csr_array(sp.kronsum(anisotropic2d(n, weak), weak * tridiagonal(n)))


def no_m_matrix() -> sp.csr_array:
    generator = np.random.default_rng(0)
    A = convection_diffusion2d(40, 40.0) - 0.01 * sp.eye_array(1600)
    flips = sp.diags_array(np.where(generator.random(1600) < 0.5, -1.0, 1.0))
    return sp.csr_array(flips @ A @ flips)


@pytest.mark.parametrize("kind", KINDS)
def test_chooses_by_the_table_and_solves(kind):
    build, preset = KINDS[kind]
    A = build()
    b = rhs(A.shape[0])
    x, info = jaxamg.solve(A, b, "auto", tolerance=1e-8)
    assert info["config"].preset == preset
    assert info["config"].why in {rule.why for rule in RULES}
    assert info["config"].config == PRESETS[preset]
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    assert np.linalg.norm(A @ x - b) <= 1.01e-8 * np.linalg.norm(b)


def blocks_of_two(A: sp.csr_array) -> sp.csr_array:
    return sp.csr_array(sp.kron(A, [[2.0, 0.5], [0.5, 1.0]]))


NODES = {
    "symmetric, few steps across": (lambda: blocks_of_two(poisson2d(30)), "pcg-jacobi"),
    "symmetric": (lambda: blocks_of_two(poisson2d(80)), "pcg-aggregation"),
    "elasticity": (lambda: elasticity2d(30), "pcg-smoothed"),
    "nonsymmetric": (lambda: blocks_of_two(convection_diffusion2d(30, 40.0)), "bicgstab-aggregation"),
}


@pytest.mark.parametrize("kind", NODES)
def test_nodes_of_several_unknowns(kind):
    build, preset = NODES[kind]
    A = build()
    b = rhs(A.shape[0])
    x, info = jaxamg.solve(A, b, "auto", block_dim=2, tolerance=1e-8)
    assert info["config"].preset == preset
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    # Of nodes there is one norm for each component, all below the tolerance.
    residual, scale = ((v.reshape(-1, 2)) for v in (A @ x - b, b))
    assert (np.linalg.norm(residual, axis=0) <= 1.01e-8 * np.linalg.norm(scale, axis=0)).all()


def test_a_near_null_space_takes_smoothed_aggregation():
    A = elasticity2d(30)
    b = rhs(A.shape[0])
    y, x = np.divmod(np.arange(A.shape[0] // 2), 30)
    modes = jaxamg.rigid_body_modes(np.stack([x, y], axis=1))
    x, info = jaxamg.solve(A, b, "auto", block_dim=2, near_nullspace=modes, tolerance=1e-8)
    assert info["config"].why == RULES[0].why
    assert np.linalg.norm(A @ x - b) <= 1.01e-8 * np.linalg.norm(b) * np.sqrt(2)


def test_every_rule_is_reached():
    reached = {choose(build()).why for build, _ in KINDS.values()}
    reached |= {choose(build(), 2).why for build, _ in NODES.values()}
    assert reached == {rule.why for rule in RULES[1:]}


@pytest.mark.parametrize("form", [bcsr, bcoo, sp.coo_array, sp.csr_array.toarray])
def test_any_form_gives_the_same_choice(form):
    A = convection_diffusion2d(40, 40.0)
    assert choose(form(A)) == choose(A)


def test_facts():
    A = convection_diffusion2d(40, 40.0)
    for matrix in (A, A + A.T, poisson2d(30), elasticity2d(10), helmholtz2d(20, 0.1), no_m_matrix()):
        dense = matrix.toarray()
        facts = Facts(sp.csr_array(matrix))
        off = np.abs(dense - np.diag(np.diag(dense)))
        coupling = off.sum(axis=1) / np.abs(np.diag(dense))
        assert facts.symmetric == np.allclose(dense, dense.T, rtol=0, atol=1e-12 * np.abs(dense).max())
        assert facts.mean_coupling == pytest.approx(coupling.mean())
        assert facts.largest_coupling == pytest.approx(coupling.max())
        same = off[np.sign(dense) == np.sign(np.diag(dense))[:, None]].sum() / off.sum()
        assert facts.same_sign == pytest.approx(same, rel=1e-12, abs=1e-14)
        assert facts.one_sign
        counts = off > 1e-14 * off.max(axis=1, keepdims=True)
        ratios = off.max(axis=1) / np.where(counts, off, np.inf).min(axis=1)
        assert facts.unevenness == pytest.approx(np.log10(ratios).mean(), abs=1e-12)
    assert Facts(poisson2d(30)).steps == 2 * 29
    assert not Facts(poisson2d(30)).solid
    assert Facts(poisson3d(20)).solid


@pytest.mark.parametrize(
    "build",
    [
        lambda: poisson2d(60),
        lambda: poisson2d(120),
        lambda: poisson3d(20),
        lambda: anisotropic2d(60, 1e-2),
        lambda: jumps3d(24, 1e4),
        lambda: elasticity2d(40),
        lambda: elasticity3d(12, 6, 6),
    ],
)
def test_effort_is_about_the_iterations(build):
    A = build()
    _, info = jaxamg.solve(A, rhs(A.shape[0]), "pcg-jacobi", tolerance=1e-8)
    assert 0.7 < info["iterations"] / Facts(A).effort < 1.4


def test_effort_of_a_dominant_matrix_bounds_the_iterations():
    for shift in (0.05, 0.5, 4.0):
        A = helmholtz2d(60, -shift)
        _, info = jaxamg.solve(A, rhs(3600), "pcg-jacobi", tolerance=1e-8)
        assert info["iterations"] <= Facts(A).effort + 1


@pytest.mark.parametrize("form", [bcsr, bcoo, lambda A: jnp.asarray(A.toarray())])
def test_a_matrix_of_jax_is_looked_at_once(form, monkeypatch):
    looks = []
    monkeypatch.setattr(_auto, "Facts", lambda *arguments: looks.append(arguments) or Facts(*arguments))
    A, b = form(convection_diffusion2d(40, 40.0)), rhs(1600)
    x, info = jaxamg.solve(A, b, "auto")
    jaxamg.setup(A, "auto")
    # What a compiled function closes over is known while it is traced.
    assert np.array_equal(jax.jit(lambda b: jaxamg.solve(A, b, "auto")[0])(b), x)
    assert len(looks) == 1
    assert info["config"].preset == "bicgstab-jacobi"
    assert jaxamg.solve(form(poisson2d(40)), b, "auto")[1]["config"].preset == "pcg-jacobi"
    assert len(looks) == 2


def test_a_matrix_that_may_change_is_looked_at_again():
    A = poisson2d(40)
    assert jaxamg.solve(A, rhs(1600), "auto")[1]["config"].preset == "pcg-jacobi"
    A[0, 1] *= 1.01
    assert jaxamg.solve(A, rhs(1600), "auto")[1]["config"].preset == "bicgstab-jacobi"


def test_an_operator_is_looked_at_as_its_matrix():
    operator = jaxamg.matrices.poisson_operator()
    _, info = jaxamg.solve(operator, rhs(1600), "auto")
    assert info["config"].preset == "pcg-jacobi"
    cached = jaxamg.with_cache(operator, coloring=jaxamg.cache_coloring(operator, 1600))
    assert jaxamg.solve(cached, rhs(1600), "auto")[1]["config"] == info["config"]


def test_traced_values_take_the_default():
    A, b = bcsr(poisson2d(40)), rhs(1600)
    x, info = jax.jit(lambda A: jaxamg.solve(A, b, "auto"))(A)
    assert "config" not in info
    assert np.array_equal(x, jaxamg.solve(A, b)[0])


def test_a_complex_matrix_takes_the_default():
    A = sp.csr_array(poisson2d(20) + 0.1j * sp.eye_array(400))
    x, info = jaxamg.solve(A, rhs(400), "auto", tolerance=1e-8)
    assert info["config"].preset == "default"
    assert np.linalg.norm(A @ x - rhs(400)) <= 1.01e-8 * np.linalg.norm(rhs(400))


def test_keywords_win():
    _, info = jaxamg.solve(poisson2d(40), rhs(1600), "auto", max_iters=3)
    assert info["iterations"] == 3


def test_setup_takes_it():
    assert "AGGREGATION" in jaxamg.setup(convection_diffusion2d(100, 400.0), "auto").config


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_configurations(preset):
    A, b = GALLERY["p2d_64"].build(), rhs(4096)
    x, info = jaxamg.solve(A, b, preset, tolerance=1e-8)
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    assert np.linalg.norm(A @ x - b) <= 1.01e-8 * np.linalg.norm(b)
    assert "config" not in info


def test_a_preconditioner_is_that_of_the_choice():
    A, r = bcsr(anisotropic2d(60, 1e-2)), rhs(3600)
    M = jaxamg.make_preconditioner(A, "auto")
    assert np.array_equal(M(r), jaxamg.make_preconditioner(A, PRESETS["pcg-smoothed"]["preconditioner"])(r))
    x, _ = jax.scipy.sparse.linalg.cg(lambda x: A @ x, jnp.asarray(r), M=M, tol=1e-8, maxiter=60)
    assert np.linalg.norm(A @ x - r) <= 1e-7 * np.linalg.norm(r)
    nothing_known = jax.jit(lambda A: jaxamg.make_preconditioner(A, "auto")(r))(A)
    assert np.array_equal(nothing_known, jaxamg.make_preconditioner(A)(r))


def test_lineax():
    A, b = bcsr(anisotropic2d(60, 1e-2)), rhs(3600)
    operator = jaxamg.SparseLinearOperator(A, lx.positive_semidefinite_tag)
    solver = jaxamg.AMG("auto", tolerance=1e-8, preconditioner={"presweeps": 2})
    looked = lx.linear_solve(operator, b, solver, state=solver.init(operator, {}))
    keys = {"tolerance": 1e-8, "preconditioner": {"presweeps": 2}}
    _, info = jaxamg.solve(A, b, "auto", **keys)
    assert info["config"].preset == "pcg-smoothed"
    assert looked.stats["num_steps"] == info["iterations"]
    assert np.linalg.norm(A @ looked.value - b) <= 1.01e-8 * np.linalg.norm(b)
    traced = lx.linear_solve(operator, b, solver)
    assert np.array_equal(traced.value, lx.linear_solve(operator, b, jaxamg.AMG(**keys)).value)


def test_a_place_without_a_matrix_says_so(tmp_path):
    jaxamg.setup(poisson2d(10)).save(tmp_path / "saved")
    with pytest.raises(ValueError, match="needs a matrix to look at"):
        jaxamg.Hierarchy.load(tmp_path / "saved", config="auto")
