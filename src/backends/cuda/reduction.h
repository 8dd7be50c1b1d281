#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace amg::cuda {

// Where the blocks of one kernel leave their sums: the last block to finish adds them up, in block order, so that
// the result has the same bits each time, in one launch.
struct Reduction {
  unsigned* counter;  // 0 before and after
  double* partials;   // [block][column]
};

}  // namespace amg::cuda
