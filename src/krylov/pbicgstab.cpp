#include "config/parameters.h"
#include "method/method.h"

namespace amg {

namespace {

// Preconditioned BiCGStab: van der Vorst, SIAM J. Sci. Stat. Comput. 13 (1992), with the preconditioner on the
// right, so that r is the residual of the system itself. Letters as there.
//
// One iteration has two products and two preconditionings; a lane that converges at the half step s counts it
// as an iteration. Traffic beside the preconditioner's: 2 A and 18 vectors.
class Pbicgstab final : public PreconditionedKrylov {
 public:
  using PreconditionedKrylov::PreconditionedKrylov;

  void solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) override {
    const WorkVector r = space.like(b), r0 = space.like(b), p = space.like(b), v = space.like(b);
    const WorkVector s = space.like(b), t = space.like(b), p_hat = space.like(b), s_hat = space.like(b);
    const ScalarSet<11> scalars(space, b.lanes);
    const Scalar rho = scalars[0], rho_old = scalars[1], alpha = scalars[2], beta = scalars[3],
                 omega = scalars[4], r0v = scalars[5], ts = scalars[6], tt = scalars[7], rr = scalars[8],
                 ss = scalars[9], gamma = scalars[10];
    const Scalar active = monitor.active();

    space.residual(A, b, x, r, {{r, rho}});
    if (monitor.start(r, rho)) return;
    space.copy(r, r0);
    for (const Scalar scalar : {rho_old, alpha, omega}) space.clear(scalar);

    Recording first_half(M_.fixed()), second_half(M_.fixed());
    do {
      space.replay(first_half, [&] {
        space.compute(active, {let(beta, rho / rho_old), let(gamma, alpha / omega), let(beta, beta * gamma),
                               let(gamma, beta * omega)});  // all 0 at first
        space.combine(p, {{1, r}, {beta, p}, {-gamma, v}});
        M_.apply(space, A, p, p_hat);
        space.multiply(A, p_hat, v, {{r0, r0v}});
        space.compute(active, {let(alpha, rho / r0v)});
        space.combine(s, {{1, r}, {-alpha, v}}, {{s, ss}});
      });
      if (monitor.half_step(s, ss)) return space.combine(x, {{1, x}, {alpha, p_hat}});

      // A lane that stopped at the half step keeps its alpha, while its omega becomes 0.
      space.replay(second_half, [&] {
        M_.apply(space, A, s, s_hat);
        space.multiply(A, s_hat, t, {{s, ts}, {t, tt}});
        space.compute(active, {let(omega, ts / tt), let(rho_old, rho)});
        space.combine(x, {{1, x}, {alpha, p_hat}, {omega, s_hat}});
        space.combine(r, {{1, s}, {-omega, t}}, {{r0, rho}, {r, rr}});
      });
    } while (!monitor.advance(r, rr, {alpha, omega, rho}));
  }
};

}  // namespace

std::unique_ptr<Method> make_pbicgstab(const Slot& slot) {
  return std::make_unique<Pbicgstab>(Preconditioner::of(slot.scope));
}

// AmgX's BICGSTAB has no preconditioner, whatever the configuration says.
std::unique_ptr<Method> make_bicgstab(const Slot&) { return std::make_unique<Pbicgstab>(Preconditioner()); }

}  // namespace amg
