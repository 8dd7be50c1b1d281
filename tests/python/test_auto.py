"""`config="auto"` and presets: what is chosen for what, and that it solves."""

import jax
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from jaxamg._auto import RULES, Facts, choose
from jaxamg._matrix import operands
from jaxamg._presets import PRESETS
from problems import (
    GALLERY,
    anisotropic2d,
    convection_diffusion2d,
    elasticity2d,
    helmholtz2d,
    poisson2d,
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
    "dominant nonsymmetric": (lambda: random_dominant(2000), "bicgstab-jacobi"),
    "few steps across": (lambda: poisson2d(40), "pcg-jacobi"),
    "more steps across": (lambda: poisson2d(100), "pcg-aggregation"),
    "many steps across": (lambda: poisson2d(160), "pcg-aggressive"),
    "anisotropic": (lambda: anisotropic2d(40, 1e-2), "pcg-aggressive"),
    "elasticity": (lambda: elasticity2d(24), "pcg-aggressive"),
    "indefinite": (lambda: helmholtz2d(40, 0.1), "bicgstab-aggregation"),
    "nonsymmetric M-matrix": (lambda: convection_diffusion2d(40, 40.0), "bicgstab-aggregation"),
    "nonsymmetric of both signs": (lambda: no_m_matrix(), "default"),
}


def no_m_matrix() -> sp.csr_array:
    generator = np.random.default_rng(0)
    A = convection_diffusion2d(40, 40.0)
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
    "symmetric": (lambda: blocks_of_two(poisson2d(30)), "pcg-aggregation"),
    "nonsymmetric": (lambda: blocks_of_two(convection_diffusion2d(30, 40.0)), "bicgstab-aggregation"),
}


@pytest.mark.parametrize("kind", NODES)
def test_nodes_of_several_unknowns(kind):
    build, preset = NODES[kind]
    A, b = build(), rhs(1800)
    x, info = jaxamg.solve(A, b, "auto", block_dim=2, tolerance=1e-8)
    assert info["config"].preset == preset
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    # Of nodes there is one norm for each component, all below the tolerance.
    residual, scale = ((v.reshape(-1, 2)) for v in (A @ x - b, b))
    assert (np.linalg.norm(residual, axis=0) <= 1.01e-8 * np.linalg.norm(scale, axis=0)).all()


def test_every_rule_is_reached():
    reached = {choose(operands(build())).why for build, _ in KINDS.values()}
    reached |= {choose(operands(build()), 2).why for build, _ in NODES.values()}
    assert reached == {rule.why for rule in RULES}


@pytest.mark.parametrize("form", [bcsr, bcoo, sp.coo_array, sp.csr_array.toarray])
def test_any_form_gives_the_same_choice(form):
    A = convection_diffusion2d(40, 40.0)
    assert choose(operands(form(A))) == choose(operands(A))


def test_facts():
    A = convection_diffusion2d(40, 40.0)
    for matrix in (A, A + A.T, poisson2d(30), elasticity2d(10), helmholtz2d(20, 0.1), no_m_matrix()):
        dense = matrix.toarray()
        facts = Facts(sp.csr_array(matrix))
        off = dense - np.diag(np.diag(dense))
        coupling = np.abs(off).sum(axis=1) / np.abs(np.diag(dense))
        assert facts.symmetric == np.allclose(dense, dense.T, rtol=0, atol=1e-12 * np.abs(dense).max())
        assert facts.mean_coupling == pytest.approx(coupling.mean())
        assert facts.largest_coupling == pytest.approx(coupling.max())
        positive = off[off > 0].sum() / np.abs(off).sum()
        assert facts.positive_share == pytest.approx(positive, abs=1e-14)
    assert Facts(poisson2d(30)).distance == 2 * 29
    assert Facts(poisson2d(30)).even
    assert not Facts(anisotropic2d(30, 1e-2)).even


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
    assert "AGGREGATION" in jaxamg.setup(convection_diffusion2d(40, 40.0), "auto").config


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_configurations(preset):
    A, b = GALLERY["p2d_64"].build(), rhs(4096)
    x, info = jaxamg.solve(A, b, preset, tolerance=1e-8)
    assert info["status"] == jaxamg.AMGXStatus.SUCCESS
    assert np.linalg.norm(A @ x - b) <= 1.01e-8 * np.linalg.norm(b)
    assert "config" not in info


def test_a_preconditioner_has_no_matrix_to_look_at_yet():
    with pytest.raises(ValueError, match="needs a matrix to look at"):
        jaxamg.make_preconditioner(poisson2d(10), "auto")
