"""Names, order and defaults of the public functions: programs are written against them."""

import inspect
from enum import IntEnum

import jaxamg
import pytest

# Positional parameters, then after the star those by keyword; what follows `=` is the default.
SIGNATURES = {
    "solve": (
        "A, b, config=None, comm=None, nglobal=None, partition_info=None, save_stats_file=None, *, x0=None, "
        "block_dim=1, reuse_setup=False, nullspace=None, transpose_nullspace=None, labels=None, "
        "label_sum=None, derivative='implicit', near_nullspace=None, precond_dtype=None, "
        "adjoint_tolerance=None, on_failure=None, hierarchy=None, **kwargs"
    ),
    "make_preconditioner": (
        "A, config=None, *, comm=None, nglobal=None, partition_info=None, save_stats_file=None, "
        "return_info=False, **kwargs"
    ),
    "with_cache": (
        "A, *, coloring=None, mpi=None, is_symmetric=False, nullspace=None, transpose_nullspace=None, "
        "pattern=None, labels=None, label_sum=None"
    ),
    "cache_coloring": "operator, shape, dtype=None",
    "pattern": "rows, cols, shape, *, colors=None, n_colors=None",
    "clear_solver_cache": "",
    "get_solver_cache_info": "",
    "finalize": "",
    "describe": "name",
    "matrices.tridiagonal_matrix": "n, diagonal_value=2.0, dtype",
    "matrices.poisson_matrix": "n, skew=0.0",
    "matrices.poisson3d_matrix": "n, skew=0.0",
    "matrices.random_matrix": "n, density=0.01, dtype, seed=0",
    "matrices.convection_diffusion_matrix_2d": "n, epsilon, theta, velocity, dtype",
    "matrices.poisson_matrix_stretched": "nx, ny, stretch, *, normalize, periodic_x, dtype",
    "matrices.tridiagonal_operator": "diagonal_value",
    "matrices.poisson_operator": "skew",
    "matrices.poisson3d_operator": "robin=0.0, diagonal_value=6.0",
    "matrices.rhs_ones": "n",
    "matrices.rhs_linear": "n",
    "matrices.rhs_random": "n, seed",
    "matrices.download_suitesparse_matrix": (
        "name, group=None, cache_dir=None, dtype=None, base_url, timeout=60.0"
    ),
}


def parameters(declaration: str) -> dict[str, tuple[object, str | None]]:
    """Kind and default of each parameter by its name; default None: anything."""
    found, kind = {}, inspect.Parameter.POSITIONAL_OR_KEYWORD
    for item in filter(None, declaration.split(", ")):
        name, _, default = item.partition("=")
        if name == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
        elif name.startswith("**"):
            found[name[2:]] = inspect.Parameter.VAR_KEYWORD, None
        else:
            found[name] = kind, default or None
    return found


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name):
    function = jaxamg
    for part in name.split("."):
        function = getattr(function, part)
    ours = inspect.signature(function).parameters
    declared = parameters(SIGNATURES[name])
    positional = [p for p, (kind, _) in declared.items() if kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert list(ours)[: len(positional)] == positional
    for parameter, (kind, default) in declared.items():
        assert ours[parameter].kind is kind, parameter
        if default is not None:
            assert repr(ours[parameter].default) == default, parameter
    # What goes beyond the declaration breaks no call.
    for parameter, own in ours.items():
        if parameter not in declared:
            assert own.default is not inspect.Parameter.empty, parameter


def test_signature_of_the_lineax_preconditioner():
    pytest.importorskip("lineax")
    ours = inspect.signature(jaxamg.make_lineax_preconditioner).parameters
    assert list(ours)[:2] == ["operator", "config"]
    for name in ("tags", "comm", "nglobal", "partition_info", "save_stats_file"):
        assert ours[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert ours[name].default is None


def test_statuses_have_amgxs_numbers():
    assert issubclass(jaxamg.AMGXStatus, IntEnum)
    assert {status.name: int(status) for status in jaxamg.AMGXStatus} == {
        "SUCCESS": 0,
        "FAILED": 1,
        "DIVERGED": 2,
        "NOT_CONVERGED": 3,
    }


def test_every_public_name_is_there():
    pytest.importorskip("lineax")
    for name in jaxamg.__all__:
        assert getattr(jaxamg, name).__doc__, name
    for name in jaxamg.matrices.__all__:
        assert getattr(jaxamg.matrices, name).__doc__, name
