#pragma once

#include "backends/cuda/launch.h"
#include "backends/cuda/reduce.cuh"
#include "core/matrix.h"

namespace amg::cuda {

// Row sums Σ_j a_ij x_j in two shapes:
//   groups  some threads stride along one row, each with several entries on the way at a time: one thread for short
//           rows, whose entries its neighbours fetch into the same cache lines, up to a warp for long ones;
//   lanes   several right-hand sides: neighbouring threads hold neighbouring lanes of one row.
// Sums run in double in an order that depends on the matrix alone. finish(i, lane, sum) stores the row's value and
// returns it for the dots: w[k] · value is summed over the rows.

template <class T, int dots>
__device__ void add_dots(double (&sum)[dots], const T* w0, const T* w1, const T* y, std::int64_t at,
                         double value) {
  sum[0] += (w0 == y ? value : static_cast<double>(w0[at])) * value;
  if constexpr (dots > 1) sum[1] += (w1 == y ? value : static_cast<double>(w1[at])) * value;
}

template <class T, int dots>
struct RowDots {
  const T* w0;
  const T* w1;
  const T* y;  // the vector that finish writes
  Sums sums;
  Reduction into;
};

template <class T, int dots, int width, int at_once, class Finish>
__global__ void __launch_bounds__(block_threads)
    group_row_sums(Matrix A, const T* x, RowDots<T, dots> d, Finish finish) {
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x) / width;
  const int member = static_cast<int>(threadIdx.x) % width;
  double sum = 0.0;
  if (row < A.rows) {
    const std::int64_t begin = A.offsets[row];
    const int count = static_cast<int>(A.offsets[row + 1] - begin);
    const T* const values = A.as<T>() + begin;
    const std::int32_t* const columns = A.columns + begin;
    for (int k = member; k < count; k += at_once * width) {
      T a[at_once], x_j[at_once];
      std::int32_t j[at_once];
#pragma unroll
      for (int u = 0; u < at_once; ++u)
        if (k + u * width < count) {
          j[u] = __ldg(columns + k + u * width);
          a[u] = __ldg(values + k + u * width);
        }
#pragma unroll
      for (int u = 0; u < at_once; ++u)
        if (k + u * width < count) x_j[u] = __ldg(x + j[u]);
#pragma unroll
      for (int u = 0; u < at_once; ++u)
        if (k + u * width < count) sum += static_cast<double>(a[u]) * static_cast<double>(x_j[u]);
    }
  }
  for (int step = width / 2; step > 0; step /= 2) sum += __shfl_down_sync(0xffffffffu, sum, step, width);
  double dot[dots > 0 ? dots : 1] = {};
  if (row < A.rows && member == 0) {
    const double value = finish(row, 0, sum);
    if constexpr (dots > 0) add_dots<T, dots>(dot, d.w0, d.w1, d.y, row, value);
  }
  if constexpr (dots > 0)
    reduce_grid<dots>(LaneTile{1, 1}, dot, d.sums, d.into, Add{}, [](double total) { return total; });
}

template <class T, int dots, class Finish>
__global__ void __launch_bounds__(block_threads)
    lane_row_sums(Matrix A, const T* x, LaneTile tile, RowDots<T, dots> d, Finish finish) {
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * (block_threads / tile.tile) + tile.row_in_block();
  const std::int32_t lane = tile.lane();
  const T* values = A.as<T>();
  double dot[dots > 0 ? dots : 1] = {};
  if (row < A.rows && lane < tile.lanes) {
    double sum = 0.0;
    const std::int64_t end = A.offsets[row + 1];
    for (std::int64_t k = A.offsets[row]; k < end; ++k)
      sum +=
          static_cast<double>(__ldg(values + k)) *
          static_cast<double>(__ldg(x + static_cast<std::int64_t>(__ldg(A.columns + k)) * tile.lanes + lane));
    const double value = finish(row, lane, sum);
    if constexpr (dots > 0) add_dots<T, dots>(dot, d.w0, d.w1, d.y, row * tile.lanes + lane, value);
  }
  if constexpr (dots > 0)
    reduce_grid<dots>(tile, dot, d.sums, d.into, Add{}, [](double total) { return total; });
}

// The shape and grid for a matrix and so many lanes.
struct RowShape {
  static RowShape of(const Matrix& A, std::int32_t lanes) {
    const std::int64_t mean = A.entries / (A.rows > 0 ? A.rows : 1);
    if (lanes > 1) {
      const LaneTile tile = LaneTile::of(lanes);
      return {0, tile, blocks_for(A.rows, static_cast<int>(tile.rows_per_block()))};
    }
    // As measured on stencils of 5 to 125 points and on random rows.
    const int width = mean <= 10 ? 1 : mean <= 40 ? 8 : mean <= 90 ? 16 : 32;
    return {width, LaneTile{1, 1}, blocks_for(A.rows * width)};
  }

  int width;  // threads to a row; 0: one for each lane
  LaneTile tile;
  unsigned blocks;
};

template <class T, int dots, class Finish>
void launch_row_sums(cudaStream_t stream, const RowShape& shape, const Matrix& A, const T* x,
                     const RowDots<T, dots>& d, const char* name, Finish finish) {
  if (A.rows == 0) return;
  const dim3 grid(shape.blocks, shape.tile.blocks_y());
  switch (shape.width) {
    case 0:
      lane_row_sums<T, dots><<<grid, block_threads, 0, stream>>>(A, x, shape.tile, d, finish);
      break;
    case 1:
      group_row_sums<T, dots, 1, 8><<<grid, block_threads, 0, stream>>>(A, x, d, finish);
      break;
    case 8:
      group_row_sums<T, dots, 8, 4><<<grid, block_threads, 0, stream>>>(A, x, d, finish);
      break;
    case 16:
      group_row_sums<T, dots, 16, 4><<<grid, block_threads, 0, stream>>>(A, x, d, finish);
      break;
    default:
      group_row_sums<T, dots, 32, 4><<<grid, block_threads, 0, stream>>>(A, x, d, finish);
  }
  check_launch(name);
}

}  // namespace amg::cuda
