#pragma once

#include <cstdint>

namespace amg {

// Which connections are strong; the keys of the same names.
struct StrengthOptions {
  double strength_threshold = 0.25;
  double max_row_sum = 1.1;
  std::int32_t affinity_iterations = 4;
  std::int32_t affinity_vectors = 4;
};

}  // namespace amg
