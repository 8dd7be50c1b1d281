"""Nonlinear and time-dependent equations with jaxamg inside of optimistix and diffrax.

The equation is -Δu + exp(u) = f on the unit square, u = 0 on the boundary: solved by a Newton method, then
its time-dependent form u' = Δu - exp(u) + f run by an implicit method until it rests at the same solution.
Both methods ask for solves with the Jacobian of a function; a pattern tells `jaxamg.AMG` where that has
entries, so that few products, one for each colour, give it whatever the grid.
"""

import argparse

import diffrax
import jax
import jax.numpy as jnp
import jaxamg
import numpy as np
import optimistix as optx


def laplacian(u: jax.Array) -> jax.Array:
    """Δu on n x n inner points of the unit square, five-point."""
    n = u.shape[0]
    padded = jnp.pad(u, 1)
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return (neighbours - 4 * u) * (n + 1) ** 2


def residual(u: jax.Array, f: jax.Array) -> jax.Array:
    return -laplacian(u) + jnp.exp(u) - f


def five_point_pattern(n: int) -> jaxamg.Pattern:
    points = np.arange(n * n).reshape(n, n)
    pairs = [(points, points), (points[1:], points[:-1]), (points[:, 1:], points[:, :-1])]
    i, j = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    return jaxamg.pattern(np.concatenate([i, j]), np.concatenate([j, i]), (n * n, n * n))


def stationary(f: jax.Array, solver: jaxamg.AMG, rtol: float = 1e-8) -> jax.Array:
    """The solution of -Δu + exp(u) = f by Newton's method; differentiable in f."""
    newton = optx.Newton(rtol=rtol, atol=rtol, linear_solver=solver)
    adjoint = optx.ImplicitAdjoint(linear_solver=solver)
    return optx.root_find(residual, newton, jnp.zeros_like(f), f, adjoint=adjoint).value


def at_rest(f: jax.Array, solver: jaxamg.AMG, rtol: float = 1e-6, end: float = 2.0) -> tuple[jax.Array, int]:
    """u(end) of u' = Δu - exp(u) + f from u = 0, and the number of steps."""
    method = diffrax.Kvaerno3(root_finder=diffrax.VeryChord(rtol=rtol, atol=rtol, linear_solver=solver))
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, u, f: -residual(u, f)),
        method,
        t0=0.0,
        t1=end,
        dt0=1e-4,
        y0=jnp.zeros_like(f),
        args=f,
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol),
    )
    assert solution.ys is not None
    return solution.ys[0], int(solution.stats["num_steps"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=64, help="points along a side (default: 64)")
    n = parser.parse_args().n
    jax.config.update("jax_enable_x64", True)
    solver = jaxamg.AMG(pattern=five_point_pattern(n), tolerance=1e-10)
    f = jnp.full((n, n), 100.0)

    u = stationary(f, solver)
    print(f"Newton: largest u {u.max():.6f}, residual {jnp.abs(residual(u, f)).max():.1e}")
    gradient = jax.grad(lambda f: jnp.mean(stationary(f, solver)))(f)
    print(f"derivative of the mean of u in f: between {gradient.min():.2e} and {gradient.max():.2e}")
    v, steps = at_rest(f, solver)
    print(f"after {steps} implicit steps: largest distance from it {jnp.abs(v - u).max():.1e}")


if __name__ == "__main__":
    main()
