"""`setup`: what a hierarchy shows, and that it solves with what it shows."""

import copy
import gc
import pickle
import re
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import pytest
import scipy.sparse as sp
from problems import anisotropic2d, convection_diffusion2d, elasticity2d, poisson2d, rhs
from systems import CONDITION, MATRIX, B, X, bcoo, bcsr, relative_error, unsorted, with_values

SYSTEM = convection_diffusion2d(20, 40.0)
RHS = rhs(400)
PCG = {"solver": "PCG", "tolerance": 1e-8}


def solution(hierarchy, b):
    return jaxamg.solve(SYSTEM, b, hierarchy=hierarchy)[0]


def counters():
    info = jaxamg.get_solver_cache_info()
    return info["entries"], info["setups"], info["hits"]


class TestLooks:
    @pytest.mark.parametrize("algorithm", ["CLASSICAL", "AGGREGATION"])
    def test_levels_are_galerkin_products(self, algorithm):
        config = {"preconditioner": {"algorithm": algorithm}}
        if algorithm == "AGGREGATION":
            config["preconditioner"]["selector"] = "SIZE_2"
        hierarchy = jaxamg.setup(SYSTEM, config)
        levels = hierarchy.levels
        assert len(levels) >= 3
        assert abs(levels[0].A - SYSTEM).max() == 0
        for fine, coarse in pairwise(levels):
            assert abs(fine.R - fine.P.T).max() == 0
            product = fine.R @ fine.A @ fine.P
            assert abs(product - coarse.A).max() <= 1e-13 * abs(product).max()
        assert levels[-1].P is None
        assert levels[-1].R is None
        assert [(level.A.shape[0], level.A.nnz) for level in levels] == hierarchy.sizes
        rows, entries = map(np.array, zip(*hierarchy.sizes, strict=True))
        assert hierarchy.grid_complexity == pytest.approx(rows.sum() / rows[0])
        assert hierarchy.operator_complexity == pytest.approx(entries.sum() / entries[0])
        # At least the values of all levels but the first, and of P and R.
        assert hierarchy.bytes >= 8 * sum(x.nnz for level in levels for x in level[1:3] if x is not None)

    def test_one_cycle_is_what_the_levels_say(self):
        """A two-grid method with a direct coarse solve, made of the downloaded matrices."""
        A = poisson2d(12)
        config = {"solver": "AMG", "max_levels": 2, "presweeps": 1, "postsweeps": 1, "max_iters": 1}
        config |= {"smoother": {"solver": "BLOCK_JACOBI", "relaxation_factor": 0.8}}
        config |= {"monitor_residual": 1, "dense_lu_num_rows": 4}
        hierarchy = jaxamg.setup(A, config)
        fine, coarse = hierarchy.levels
        assert (fine.smoother, coarse.smoother) == ("BLOCK_JACOBI", "DENSE_LU_SOLVER")
        b, omega = rhs(144), 0.8 / A.diagonal()
        x = omega * b
        x += fine.P @ np.linalg.solve(coarse.A.toarray(), fine.R @ (b - A @ x))
        x += omega * (b - A @ x)
        found, _ = jaxamg.solve(A, b, hierarchy=hierarchy)
        assert relative_error(found, x) <= 1e-13

    def test_repr_and_attributes(self):
        hierarchy = jaxamg.setup(bcsr(SYSTEM, np.float32), PCG)
        text = repr(hierarchy)
        assert text.startswith("Hierarchy of a matrix (400, 400), float32")
        for rows, entries in hierarchy.sizes:
            assert re.search(rf"\b{rows:,}\s+{entries:,}\b", text)
        assert "operator complexity" in text
        assert hierarchy.dtype == np.float32
        assert hierarchy.levels[0].A.dtype == np.float32
        assert hierarchy.setup_time > 0
        assert "PCG" in hierarchy.config

    def test_without_multigrid(self):
        hierarchy = jaxamg.setup(SYSTEM, {"solver": "BICGSTAB"})
        (level,) = hierarchy.levels
        assert abs(level.A - SYSTEM).max() == 0
        assert (level.P, level.R, level.smoother) == (None, None, "BICGSTAB")
        assert hierarchy.sizes == []
        assert "no multigrid" in repr(hierarchy)

    def test_plot(self):
        pytest.importorskip("matplotlib")
        hierarchy = jaxamg.setup(SYSTEM)
        figure = hierarchy.plot()
        assert len(figure.axes) == len(hierarchy.sizes)
        assert "400 rows" in figure.axes[0].get_title()
        assert hierarchy.plot(figure.axes) is figure
        with pytest.raises(ValueError, match="levels need as many axes, not 1"):
            hierarchy.plot(figure.axes[:1])

    def test_copies_are_the_same_and_pickling_names_save(self):
        hierarchy = jaxamg.setup(SYSTEM)
        assert copy.copy(hierarchy) is hierarchy
        assert copy.deepcopy([hierarchy])[0] is hierarchy
        with pytest.raises(TypeError, match=r"save\(path\) writes it"):
            pickle.dumps(hierarchy)


class TestSolves:
    def test_as_without(self):
        x, info = jaxamg.solve(SYSTEM, RHS)
        hierarchy = jaxamg.setup(SYSTEM)
        jaxamg.clear_solver_cache()
        y, told = jaxamg.solve(SYSTEM, RHS, hierarchy=hierarchy)
        assert counters() == (0, 0, 0)
        assert np.array_equal(x, y)
        assert told["iterations"] == info["iterations"]

    @pytest.mark.parametrize("form", [bcsr, bcoo, unsorted, sp.coo_array, sp.csr_array.toarray])
    def test_any_form_of_the_matrix(self, form):
        hierarchy = jaxamg.setup(MATRIX, tolerance=1e-10)
        for scale in (1.0, 1.5):
            x, info = jaxamg.solve(form(sp.csr_array(scale * MATRIX)), B, hierarchy=hierarchy)
            assert info["status"] == jaxamg.AMGXStatus.SUCCESS
            assert relative_error(scale * np.asarray(x), X) <= CONDITION * 1e-10

    def test_under_jit_gradient_and_vmap(self):
        A = bcsr(MATRIX)
        hierarchy = jaxamg.setup(A, tolerance=1e-11)

        def loss(values, b, **options):
            return jnp.sin(jaxamg.solve(with_values(A, values), b, **options)[0]).sum()

        for scale in (1.0, 1.3):
            values = scale * A.data
            found = jax.jit(jax.grad(lambda v, b: loss(v, b, hierarchy=hierarchy), argnums=(0, 1)))(values, B)
            expected = jax.grad(lambda v, b: loss(v, b, tolerance=1e-11), argnums=(0, 1))(values, B)
            for one, other in zip(found, expected, strict=True):
                assert relative_error(one, other) <= 10 * CONDITION * 1e-11
        x = jax.vmap(lambda v: jaxamg.solve(with_values(A, v), B, hierarchy=hierarchy)[0])(
            jnp.stack([A.data, 2 * A.data])
        )
        assert relative_error(x[0], X) <= CONDITION * 1e-11
        assert relative_error(2 * x[1], X) <= CONDITION * 1e-11

    def test_its_values_are_static(self):
        """An anisotropic matrix is solved with the hierarchy of the isotropic one: more iterations."""
        hierarchy = jaxamg.setup(bcsr(poisson2d(20)), PCG)
        other = bcsr(anisotropic2d(20, 0.01))
        _, own = jaxamg.solve(other, RHS, PCG)
        x, kept = jax.jit(lambda A: jaxamg.solve(A, RHS, hierarchy=hierarchy))(other)
        assert kept["iterations"] > own["iterations"]
        assert np.linalg.norm(other @ x - RHS) <= 1.01e-8 * np.linalg.norm(RHS)

    def test_tolerance_is_the_calls(self):
        hierarchy = jaxamg.setup(SYSTEM, tolerance=1e-4)
        _, loose = jaxamg.solve(SYSTEM, RHS, hierarchy=hierarchy)
        x, tight = jaxamg.solve(SYSTEM, RHS, hierarchy=hierarchy, tolerance=1e-10)
        assert tight["iterations"] > loose["iterations"]
        assert np.linalg.norm(SYSTEM @ x - RHS) <= 1.01e-10 * np.linalg.norm(RHS)

    def test_lives_as_long_as_somebody_keeps_it(self):
        solve = jax.jit(partial(solution, jaxamg.setup(SYSTEM)))
        gc.collect()
        expected = solve(RHS)
        assert np.array_equal(solve(RHS), expected)
        compiled = solve.lower(RHS).compile()
        del solve
        gc.collect()
        with pytest.raises(Exception, match=r"let go; keep the object that jaxamg\.setup returned"):
            compiled(RHS).block_until_ready()

    def test_stats_show_it(self, tmp_path):
        hierarchy = jaxamg.setup(SYSTEM)
        jaxamg.solve(SYSTEM, RHS, hierarchy=hierarchy, save_stats_file=tmp_path / "stats.txt")
        assert f"{hierarchy.sizes[1][0]:,}" in (tmp_path / "stats.txt").read_text()
        assert counters() == (0, 0, 0)


class TestMisuse:
    def test_setup(self):
        with pytest.raises(ValueError, match="concrete"):
            jax.jit(lambda A: jaxamg.setup(A) and 0)(bcsr(MATRIX))
        broken = MATRIX.copy()
        broken.data[3] = np.nan
        with pytest.raises(ValueError, match=r"A\[1, 0\] is nan"):
            jaxamg.setup(broken)

    def test_solve(self):
        hierarchy = jaxamg.setup(MATRIX)
        with pytest.raises(TypeError, match=r"jaxamg\.setup"):
            jaxamg.solve(MATRIX, B, hierarchy=MATRIX)
        with pytest.raises(ValueError, match="give no other"):
            jaxamg.solve(MATRIX, B, {"solver": "PCG"}, hierarchy=hierarchy)
        with pytest.raises(ValueError, match="give no other"):
            jaxamg.solve(MATRIX, B, max_iters=3, hierarchy=hierarchy)
        with pytest.raises(ValueError, match=r"\(81, 81\)"):
            jaxamg.solve(SYSTEM, RHS, hierarchy=hierarchy)
        with pytest.raises(ValueError, match="float32"):
            jaxamg.solve(MATRIX.astype(np.float32), B.astype(np.float32), hierarchy=hierarchy)
        with pytest.raises(Exception, match="another pattern"):
            jaxamg.solve(sp.csr_array(MATRIX @ MATRIX), B, hierarchy=hierarchy)

    def test_after_finalize(self):
        hierarchy = jaxamg.setup(MATRIX)
        jaxamg.clear_solver_cache()
        jaxamg.solve(MATRIX, B, hierarchy=hierarchy)
        jaxamg.finalize()
        with pytest.raises(Exception, match="let go"):
            jaxamg.solve(MATRIX, B, hierarchy=hierarchy)


class TestFiles:
    def test_round_trip_has_the_same_bits(self, tmp_path):
        path = tmp_path / "hierarchy.npz"
        hierarchy = jaxamg.setup(unsorted(SYSTEM), PCG | {"solver": "PBICGSTAB"})
        hierarchy.save(path)
        again = jaxamg.Hierarchy.load(path, SYSTEM, PCG | {"solver": "PBICGSTAB"})
        for one, other in zip(hierarchy.levels, again.levels, strict=True):
            for a, b in zip(one[:3], other[:3], strict=True):
                if a is not None:
                    assert (a != b).nnz == 0
        x, y = (jaxamg.solve(SYSTEM, RHS, hierarchy=h)[0] for h in (hierarchy, again))
        assert np.array_equal(x, y)

    def test_what_does_not_fit(self, tmp_path, monkeypatch):
        path = tmp_path / "hierarchy.npz"
        jaxamg.setup(SYSTEM).save(path)
        load = jaxamg.Hierarchy.load
        with pytest.raises(ValueError, match="another pattern"):
            load(path, sp.csr_array(SYSTEM @ SYSTEM))
        with pytest.raises(ValueError, match="another configuration"):
            load(path, config=PCG)
        other = tmp_path / "other"
        other.write_text("no archive")
        with pytest.raises(ValueError, match="no saved hierarchy"):
            load(other)
        with other.open("wb") as file:
            np.savez(file, a=1)
        with pytest.raises(ValueError, match="no saved hierarchy of format 1"):
            load(other)
        with other.open("wb") as file:
            np.save(file, np.ones(3))
        with pytest.raises(ValueError, match="no saved hierarchy"):
            load(other)
        with np.load(path) as saved, other.open("wb") as file:
            np.savez(file, **{name: saved[name] for name in saved.files if name != "data"})
        with pytest.raises(ValueError, match="no saved hierarchy of format 1"):
            load(other)
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "missing")
        monkeypatch.setattr("jaxamg._hierarchy._version", lambda: "9.9")
        with pytest.raises(ValueError, match=r"saved by jaxamg .*, this is 9\.9"):
            load(path)

    def test_nodes_of_several_unknowns(self, tmp_path):
        path = tmp_path / "hierarchy.npz"
        A = elasticity2d(12)
        b = rhs(A.shape[0])
        hierarchy = jaxamg.setup(A, block_dim=2)
        hierarchy.save(path)
        again = jaxamg.Hierarchy.load(path, A)
        assert again.sizes == hierarchy.sizes
        expected, _ = jaxamg.solve(A, b, block_dim=2)
        for held in (hierarchy, again):
            assert np.array_equal(jaxamg.solve(A, b, block_dim=2, hierarchy=held)[0], expected)
        with pytest.raises(ValueError, match="give no other"):
            jaxamg.solve(A, b, block_dim=3, hierarchy=hierarchy)
