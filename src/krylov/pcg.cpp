#include "config/parameters.h"
#include "method/method.h"

namespace amg {

namespace {

// Preconditioned conjugate gradients, in the letters of Saad, Iterative Methods for Sparse Linear Systems
// (2003), algorithm 9.1. A and the preconditioner M⁻¹ must be symmetric positive definite.
//
// Traffic of one iteration beside the preconditioner's: A and 11 vectors (13 with a preconditioner).
class Pcg final : public PreconditionedKrylov {
 public:
  using PreconditionedKrylov::PreconditionedKrylov;

  void solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) override {
    const WorkVector r = space.like(b), z = space.like(b), p = space.like(b), Ap = space.like(b);
    const ScalarSet<6> scalars(space, b.lanes);
    const Scalar alpha = scalars[0], beta = scalars[1], rz = scalars[2], rz_old = scalars[3],
                 p_Ap = scalars[4], rr = scalars[5];
    const Scalar active = monitor.active();

    space.residual(A, b, x, r, {{r, rr}});
    if (monitor.start(r, rr)) return;
    space.clear(rz_old);

    Recording iteration(M_.fixed());
    do {
      space.replay(iteration, [&] {
        M_.apply(space, A, r, z);
        space.dot(z, {{r, rz}});
        space.compute(active, {let(beta, rz / rz_old), let(rz_old, rz)});  // beta = 0 at first
        space.combine(p, {{1, z}, {beta, p}});

        space.multiply(A, p, Ap, {{p, p_Ap}});
        space.compute(active, {let(alpha, rz / p_Ap)});
        space.combine(x, {{1, x}, {alpha, p}});
        space.combine(r, {{1, r}, {-alpha, Ap}}, {{r, rr}});
      });
    } while (!monitor.advance(r, rr, {alpha}));
  }
};

}  // namespace

std::unique_ptr<Method> make_pcg(const Slot& slot) {
  return std::make_unique<Pcg>(Preconditioner::of(slot.scope));
}

// AmgX's CG has no preconditioner, whatever the configuration says.
std::unique_ptr<Method> make_cg(const Slot&) { return std::make_unique<Pcg>(Preconditioner()); }

}  // namespace amg
