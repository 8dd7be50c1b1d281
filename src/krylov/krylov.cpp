#include "method/method.h"

namespace amg {

void Krylov::apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) {
  if (!guess)
    space.fill(x, 0.0);
  else if (guess->data != x.data)
    space.copy(*guess, x);
  Monitor monitor(space, StoppingRule::counting(iterations), b.lanes, b.dtype);
  solve(space, A, b, x, monitor);
}

}  // namespace amg
