#include "cycles/cycles_below.h"

namespace amg {

std::vector<int> cycles_below(const GridInfo& grid, int wanted) {
  constexpr double overhead = 256;
  const auto cost = [&](std::size_t l) { return static_cast<double>(grid.levels[l].entries) + overhead; };
  double below = 0;  // of one visit of each level below l
  for (std::size_t l = 1; l < grid.levels.size(); ++l) below += cost(l);

  std::vector<int> cycles;
  double visits = 1, bound = 8 * cost(0);
  for (std::size_t l = 0; l + 1 < grid.levels.size(); ++l) {
    const bool affordable = visits * wanted * below <= bound;
    cycles.push_back(affordable ? wanted : 1);
    visits *= cycles.back();
    bound *= 2.0 / 3.0;
    below -= cost(l + 1);
  }
  return cycles;
}

}  // namespace amg
