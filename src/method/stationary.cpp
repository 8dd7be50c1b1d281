#include "method/method.h"

namespace amg {

void Stationary::solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) {
  const WorkVector r = space.like(b), e = space.like(b);
  const ScalarSet<1> scalars(space, b.lanes);
  const Scalar rr = scalars[0];

  space.residual(A, b, x, r, {{r, rr}});
  bool done = monitor.start(r, rr);
  while (!done) {
    apply(space, A, r, {}, e, 1);
    space.combine(x, {{1, x}, {monitor.active(), e}});
    space.residual(A, b, x, r, {{r, rr}});
    done = monitor.advance(r, rr);
  }
}

}  // namespace amg
