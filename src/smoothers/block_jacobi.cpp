#include "config/parameters.h"
#include "smoothers/jacobi.h"

namespace amg {

// Damped Jacobi, x += omega D⁻¹ (b − A x), D the diagonal (of blocks). Its own transpose, up to A's.
std::unique_ptr<Method> make_block_jacobi(const Slot& slot) {
  return std::make_unique<Jacobi>(&Space::invert_diagonal, slot.scope.get(param::relaxation_factor));
}

}  // namespace amg
