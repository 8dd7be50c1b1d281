#include "config/parameters.h"
#include "method/method.h"

namespace amg {

namespace {

// Flexible conjugate gradients: Notay, SIAM J. Sci. Comput. 22 (2000). The beta of Polak and Ribière,
// <z, r − r_old> / <z_old, r_old>, keeps p conjugate to its predecessor whatever M does from one iteration to the
// next; r − r_old = −alpha A p spares a copy of r_old.
//
// Traffic of one iteration beside the preconditioner's: A and 14 vectors.
class Pcgf final : public PreconditionedKrylov {
 public:
  using PreconditionedKrylov::PreconditionedKrylov;

  void solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) override {
    const WorkVector r = space.like(b), z = space.like(b), p = space.like(b), Ap = space.like(b);
    const ScalarSet<7> scalars(space, b.lanes);
    const Scalar alpha = scalars[0], beta = scalars[1], rz = scalars[2], rz_old = scalars[3],
                 p_Ap = scalars[4], z_Ap = scalars[5], rr = scalars[6];
    const Scalar active = monitor.active();

    space.residual(A, b, x, r, {{r, rr}});
    if (monitor.start(r, rr)) return;
    space.fill(Ap, 0.0);
    for (const Scalar scalar : {alpha, rz_old}) space.clear(scalar);

    Recording iteration(M_.fixed());
    do {
      space.replay(iteration, [&] {
        M_.apply(space, A, r, z);
        space.dot(z, {{r, rz}, {Ap, z_Ap}});
        space.compute(active, {let(beta, alpha / rz_old), let(beta, beta * z_Ap), let(rz_old, rz)});
        space.combine(p, {{1, z}, {-beta, p}});  // beta = 0 at first

        space.multiply(A, p, Ap, {{p, p_Ap}});
        space.compute(active, {let(alpha, rz / p_Ap)});
        space.combine(x, {{1, x}, {alpha, p}});
        space.combine(r, {{1, r}, {-alpha, Ap}}, {{r, rr}});
      });
    } while (!monitor.advance(r, rr, {alpha}));
  }
};

}  // namespace

std::unique_ptr<Method> make_pcgf(const Slot& slot) {
  return std::make_unique<Pcgf>(Preconditioner::of(slot.scope));
}

}  // namespace amg
