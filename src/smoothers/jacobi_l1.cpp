#include "config/parameters.h"
#include "smoothers/jacobi.h"

namespace amg {

// Jacobi with the row sums of |A| for a diagonal, signed like A's (Baker, Falgout, Kolev, Yang, "Multigrid smoothers
// for ultraparallel computing", 2011): it converges for every symmetric positive definite A and omega < 2.
std::unique_ptr<Method> make_jacobi_l1(const Slot& slot) {
  return std::make_unique<Jacobi>(&Space::invert_l1_diagonal, slot.scope.get(param::relaxation_factor));
}

}  // namespace amg
