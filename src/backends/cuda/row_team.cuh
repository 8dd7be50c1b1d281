#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace amg::cuda {

// Threads that work on one row: a part of a warp, or a whole block.
template <int threads>
struct RowTeam {
  static_assert(threads >= 64 || 32 % threads == 0);

  static constexpr int size = threads;
  static constexpr int block = threads > 32 ? threads : 128;
  static constexpr int rows = block / threads;  // of a block

  __device__ static int rank() { return static_cast<int>(threadIdx.x) % threads; }
  __device__ static int row_in_block() { return static_cast<int>(threadIdx.x) / threads; }
  __device__ static std::int64_t row_in_grid() { return std::int64_t{blockIdx.x} * rows + row_in_block(); }

  // Of all teams in a warp, which are to come here together.
  __device__ static void sync() {
    if constexpr (threads > 32)
      __syncthreads();
    else
      __syncwarp();
  }

  // The largest n of the teams in a warp: loops of this length keep them together. Once they part, the warp
  // runs one after the other.
  __device__ static int longest(int n) {
    if constexpr (threads < 32) return __reduce_max_sync(~0u, n);
    return n;
  }
};

}  // namespace amg::cuda
