#include "drift.h"

#include <algorithm>
#include <cmath>

namespace amg {

void Drift::add(const SolveInfo& call) {
  // No precision reaches further below the initial residual.
  constexpr double floor = 1e-16;
  double iterations = 0.0, decades = 0.0, lanes = 0.0;
  drifted_ = false;
  for (std::size_t l = 0; l < call.status.size(); ++l) {
    if (call.status[l] != Status::success) drifted_ = true;
    if (call.status[l] != Status::success || call.iterations[l] == 0) continue;
    const double reduction = call.residual[l] / call.history[l].front();
    ++lanes;
    iterations += call.iterations[l];
    decades -= std::log10(std::max(reduction, floor));
  }
  if (drifted_ || decades <= 0.0) return;
  // A lane's count is rounded up to a whole iteration.
  drifted_ = iterations > tolerated * best_ * decades + lanes;
  best_ = std::min(best_, iterations / decades);
}

}  // namespace amg
