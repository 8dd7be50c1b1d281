#include "method/method.h"

namespace amg {

void Krylov::apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) {
  start_at(space, guess, x);
  Monitor monitor(space, StoppingRule::counting(iterations), b, 1);
  solve(space, A, b, x, monitor);
}

}  // namespace amg
