#pragma once

#include <cstdint>

namespace amg {

// How SIZE_2 pairs rows, and the selectors that repeat it; the keys of the same names.
struct MatchingOptions {
  std::int64_t weight_formula = 0;
  std::int64_t max_matching_iterations = 15;
  double max_unassigned_percentage = 0.05;
  bool merge_singletons = true;
  bool notay_weights = false;
  double filter_weights_alpha = 0;  // 0: edges are not filtered
};

}  // namespace amg
