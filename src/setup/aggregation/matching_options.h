#pragma once

#include <cstdint>

namespace amg {

// How SIZE_2 pairs rows; the keys of the same names.
struct MatchingOptions {
  std::int64_t weight_formula = 0;
  std::int64_t max_matching_iterations = 15;
  double max_unassigned_percentage = 0.05;
  bool merge_singletons = true;
};

}  // namespace amg
