"""Singular matrices, what declares their null spaces, and methods that all solve them."""

import numpy as np
import scipy.sparse as sp
from problems import periodic_convection, tridiagonal


def neumann1d(n):
    A = tridiagonal(n).tolil()
    A[0, 0] = A[n - 1, n - 1] = 1
    return sp.csr_array(A)


def neumann2d(n):
    return sp.kronsum(neumann1d(n), neumann1d(n), format="csr")


def neumann3d(n):
    return sp.kronsum(neumann2d(n), neumann1d(n), format="csr")


def graph(edges, n, weights=None):
    """Laplacian of a graph."""
    i, j = np.asarray(edges).T
    w = np.ones(len(i)) if weights is None else weights
    W = sp.csr_array((np.r_[w, w], (np.r_[i, j], np.r_[j, i])), shape=(n, n))
    return sp.csr_array(sp.diags_array(W.sum(axis=1)) - W)


def islands():
    """Three grids of Neumann's, their rows shuffled, and the component of each row."""
    blocks = [neumann2d(4), neumann1d(9), neumann2d(3)]
    labels = np.repeat(np.arange(3), [block.shape[0] for block in blocks])
    order = np.random.default_rng(0).permutation(len(labels))
    return sp.block_diag(blocks, format="csr")[order][:, order], labels[order]


ISLANDS, LABELS = islands()
INDICATORS = (LABELS[:, None] == np.arange(3)).astype(float)
SCALE = 1 + 0.5 * np.cos(np.arange(36))
SCALED = sp.csr_array(sp.diags_array(SCALE) @ neumann2d(6) @ sp.diags_array(SCALE))
CONVECTION = periodic_convection(6)
LEFT = np.linalg.svd(CONVECTION.toarray())[0][:, -1]

# {name: (A, what declares its null spaces)}
SINGULAR = {
    "Neumann 1D": (neumann1d(20), {"nullspace": "constant"}),
    "Neumann 2D": (neumann2d(6), {"nullspace": "constant"}),
    "Neumann 3D": (neumann3d(4), {"nullspace": np.full(64, -3.0)}),
    "scaled": (SCALED, {"nullspace": 1 / SCALE}),
    "convection": (CONVECTION, {"nullspace": "constant", "transpose_nullspace": LEFT}),
    "components": (ISLANDS, {"nullspace": "constant", "labels": (3, LABELS)}),
    "components without labels": (ISLANDS, {"nullspace": INDICATORS @ (np.eye(3) + 0.5)}),
    "a vector too many": (ISLANDS, {"transpose_nullspace": np.c_[INDICATORS, np.ones(len(LABELS))]}),
}

# {name: `config` of solve}
CONFIGS = {
    "default": None,
    "PCG": {"solver": "PCG"},
    "GMRES": {"solver": "GMRES", "gmres_n_restart": 100},
    "AMG": {"solver": "AMG"},
    "DENSE_LU": {"solver": "DENSE_LU_SOLVER"},
    "aggregation": {"solver": "PBICGSTAB", "preconditioner": {"solver": "AMG", "algorithm": "AGGREGATION",
                                                             "selector": "SIZE_2", "max_iters": 1}},
    "ILU": {"solver": "PBICGSTAB", "preconditioner": {"solver": "MULTICOLOR_ILU", "max_iters": 1}},
    "no preconditioner": {"solver": "PBICGSTAB", "preconditioner": "NOSOLVER"},
}  # fmt: skip
