"""The near null space of elasticity."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def rigid_body_modes(coords: ArrayLike) -> jax.Array:
    """Return the motions of a rigid body at given nodes: what elasticity's equations make no stress of.

    As `near_nullspace` they let `algorithm: SMOOTHED_AGGREGATION` solve elasticity in a number of iterations
    that does not grow with the mesh.

    Args:
        coords: coordinates of the nodes, (nodes, 2) or (nodes, 3), in any unit of length: rotations are about
            their mean, and scaled by their spread.

    Returns:
        (nodes * 2, 3): two translations and a rotation; or (nodes * 3, 6): three of each. Row `i * dim + c`
        is component c at node i, as with `block_dim=dim`; leave out the rows of unknowns that the system
        lacks. The dtype is that of `coords`, as JAX takes it; integers become floating.

    Raises:
        ValueError: `coords` has another shape.

    Source: Vaněk, Mandel, Brezina, Algebraic multigrid by smoothed aggregation for second and fourth order
    elliptic problems, Computing 56, 1996.

    >>> import jaxamg, numpy as np
    >>> B = jaxamg.rigid_body_modes(np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]]))
    >>> B.shape
    (6, 3)

    No rotation changes the distance between two nodes, to first order:

    >>> u = B[:, 2].reshape(3, 2)
    >>> bool(abs((u[1] - u[2]) @ np.array([2.0, -1.0])) < 1e-6)
    True
    """
    coords = jnp.asarray(coords)
    if coords.ndim != 2 or coords.shape[1] not in (2, 3):
        raise ValueError(f"coords has shape {coords.shape}; it must be (nodes, 2) or (nodes, 3)")
    if not jnp.issubdtype(coords.dtype, jnp.floating):
        coords = coords.astype(jnp.result_type(float))
    nodes, dim = coords.shape
    x = coords - coords.mean(axis=0)
    x = x / jnp.maximum(jnp.abs(x).max(initial=0.0), jnp.finfo(x.dtype).tiny)
    translations = jnp.broadcast_to(jnp.eye(dim, dtype=x.dtype), (nodes, dim, dim))
    # u = w × x for a unit vector w: in the plane of axes a and b, x_a turns towards b.
    planes = np.array([(0, 1)] if dim == 2 else [(1, 2), (2, 0), (0, 1)])
    turn = np.zeros((len(planes), dim, dim))
    for rotation, (a, b) in zip(turn, planes, strict=True):
        rotation[b, a], rotation[a, b] = 1, -1
    rotations = jnp.einsum("rca,na->ncr", jnp.asarray(turn, x.dtype), x)
    return jnp.concatenate([translations, rotations], axis=2).reshape(nodes * dim, -1)
