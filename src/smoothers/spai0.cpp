#include "config/parameters.h"
#include "smoothers/jacobi.h"

namespace amg {

// The diagonal of least |I − M A|_F (Bröker and Grote, "Sparse approximate inverse smoothers for geometric and
// algebraic multigrid", 2002). It has no parameter: relaxation_factor counts only where it is set.
std::unique_ptr<Method> make_spai0(const Slot& slot) {
  const double omega = slot.scope.get(param::relaxation_factor);
  return std::make_unique<Jacobi>(&Space::spai0_diagonal,
                                  slot.scope.is_set(param::relaxation_factor) ? omega : 1.0);
}

}  // namespace amg
