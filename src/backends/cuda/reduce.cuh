#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <stdexcept>

#include "backends/cuda/launch.h"
#include "backends/cuda/reduction.h"
#include "core/space.h"

namespace amg::cuda {

// A block of the vector kernels: `tile` lanes side by side, block_threads / tile rows.
struct LaneTile {
  std::int32_t lanes;  // of the vectors
  std::int32_t tile;   // power of two, at most 32; a block's lanes are blockIdx.y · tile …

  static LaneTile of(std::int32_t lanes) {
    std::int32_t tile = 1;
    while (tile < lanes && tile < 32) tile *= 2;
    return {lanes, tile};
  }
  std::int64_t rows_per_block() const { return block_threads / tile; }
  unsigned blocks_y() const { return static_cast<unsigned>((lanes + tile - 1) / tile); }

  __device__ std::int32_t lane() const {
    return static_cast<std::int32_t>(blockIdx.y) * tile + static_cast<std::int32_t>(threadIdx.x) % tile;
  }
  __device__ int row_in_block() const { return static_cast<int>(threadIdx.x) / tile; }
};

// Up to two results of a kernel, each a sum over rows for every lane.
struct Sums {
  double* out[2];
};

// What at most two dots with a vector of type T read, and where they go.
template <class T>
struct DotOperands {
  explicit DotOperands(Dots dots) {
    if (dots.size() > 2) throw std::logic_error("at most two dots with one vector");
    for (const Dot& dot : dots) {
      w[count] = dot.w.as<T>();
      sums.out[count++] = dot.out.data;
    }
  }

  const T* w[2] = {};
  Sums sums{};
  int count = 0;
};

struct Add {
  static constexpr double identity = 0.0;
  __device__ double operator()(double a, double b) const { return a + b; }
};
// max(a, NaN) is NaN: it must reach the host.
struct Max {
  static constexpr double identity = 0.0;
  __device__ double operator()(double a, double b) const { return isnan(a) || a > b ? a : b; }
};

// Joins sum[k] of all threads of the grid that have the same lane, and stores finish(total) in sums.out[k][lane].
// Every thread of every block calls it once.
template <int count, class Join, class Finish>
__device__ void reduce_grid(const LaneTile& tile, double (&sum)[count], const Sums& sums,
                            const Reduction& into, Join join, Finish finish) {
  __shared__ double shared[count][block_threads];
  __shared__ bool is_last;
  const int t = static_cast<int>(threadIdx.x);
  const std::int32_t lane = tile.lane();

  const auto reduce_block = [&] {
#pragma unroll
    for (int k = 0; k < count; ++k) shared[k][t] = sum[k];
    __syncthreads();
    for (int half = block_threads / 2; half >= tile.tile; half /= 2) {
      if (t < half)
        for (int k = 0; k < count; ++k) shared[k][t] = join(shared[k][t], shared[k][t + half]);
      __syncthreads();
    }
  };

  reduce_block();
  const std::int64_t width = std::int64_t{count} * tile.lanes;
  if (t < tile.tile && lane < tile.lanes)
#pragma unroll
    for (int k = 0; k < count; ++k)
      into.partials[blockIdx.x * width + std::int64_t{k} * tile.lanes + lane] = shared[k][t];
  __threadfence();
  __syncthreads();
  if (t == 0) is_last = atomicAdd(&into.counter[blockIdx.y], 1u) == gridDim.x - 1;
  __syncthreads();
  if (!is_last) return;
  __threadfence();

#pragma unroll
  for (int k = 0; k < count; ++k) {
    sum[k] = Join::identity;
    if (lane < tile.lanes)
      for (std::int64_t block = tile.row_in_block(); block < gridDim.x; block += block_threads / tile.tile)
        sum[k] = join(sum[k], __ldcg(&into.partials[block * width + std::int64_t{k} * tile.lanes + lane]));
  }
  __syncthreads();
  reduce_block();
  if (t < tile.tile && lane < tile.lanes)
#pragma unroll
    for (int k = 0; k < count; ++k) sums.out[k][lane] = finish(shared[k][t]);
  if (t == 0) into.counter[blockIdx.y] = 0;
}

}  // namespace amg::cuda
