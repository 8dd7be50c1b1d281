#include <cstdint>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/row_team.cuh"

namespace amg {
namespace {

// Lanes that share one walk along M.
template <int width>
struct LaneSums {
  double sum[width] = {};

  template <class T>
  __device__ void add(T m, const T* x, std::int32_t lanes) {
#pragma unroll
    for (int l = 0; l < width; ++l)
      if (l < lanes) sum[l] += static_cast<double>(m) * static_cast<double>(x[l]);
  }
};

// y = M x, a team to a row.
template <class T, class Team, int width>
__global__ void __launch_bounds__(Team::block)
    dense_kernel(std::int64_t n, std::int32_t lanes, const T* M, const T* x, T* y) {
  constexpr int warps = Team::block / 32;
  __shared__ double partial[warps][width];
  const std::int64_t i = Team::row_in_grid();
  const std::int32_t first = static_cast<std::int32_t>(blockIdx.y) * width;
  LaneSums<width> sums;
  if (i < n)
#pragma unroll 4
    for (std::int64_t j = Team::rank(); j < n; j += Team::size)
      sums.add(M[i * n + j], x + j * lanes + first, lanes - first);
#pragma unroll
  for (int l = 0; l < width; ++l) {
    for (int step = 16; step > 0; step /= 2) sums.sum[l] += __shfl_xor_sync(~0u, sums.sum[l], step);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32][l] = sums.sum[l];
  }
  Team::sync();
  const int l = Team::rank();
  if (i >= n || l >= width || l >= lanes - first) return;
  constexpr int warps_a_row = Team::size / 32;
  double sum = 0.0;
  for (int warp = 0; warp < warps_a_row; ++warp) sum += partial[Team::row_in_block() * warps_a_row + warp][l];
  y[i * lanes + first + l] = static_cast<T>(sum);
}

constexpr int side = 32;

// y = Mᵀ x, a thread to 1/side of a column, neighbouring threads to neighbouring columns.
template <class T, int width>
__global__ void __launch_bounds__(side* side)
    dense_transposed_kernel(std::int64_t n, std::int32_t lanes, const T* M, const T* x, T* y) {
  __shared__ double partial[side][side];
  const std::int64_t i = std::int64_t{blockIdx.x} * side + threadIdx.x;
  const std::int32_t first = static_cast<std::int32_t>(blockIdx.y) * width;
  LaneSums<width> sums;
  if (i < n)
#pragma unroll 4
    for (std::int64_t j = threadIdx.y; j < n; j += side)
      sums.add(M[j * n + i], x + j * lanes + first, lanes - first);
#pragma unroll
  for (int l = 0; l < width; ++l) {
    __syncthreads();
    partial[threadIdx.y][threadIdx.x] = sums.sum[l];
    __syncthreads();
    if (threadIdx.y > 0 || i >= n || l >= lanes - first) continue;
    double sum = 0.0;
    for (int part = 0; part < side; ++part) sum += partial[part][threadIdx.x];
    y[i * lanes + first + l] = static_cast<T>(sum);
  }
}

template <class T, int width>
void launch_dense(cudaStream_t stream, const T* M, Mode mode, ConstVector x, Vector y) {
  const std::int64_t n = x.rows;
  const auto tiles = static_cast<unsigned>((x.lanes + width - 1) / width);
  const auto by_rows = [&]<class Team>() {
    dense_kernel<T, Team, width><<<dim3(cuda::blocks_for(n, Team::rows), tiles), Team::block, 0, stream>>>(
        n, x.lanes, M, x.as<T>(), y.as<T>());
  };
  if (mode != Mode::plain)
    dense_transposed_kernel<T, width>
        <<<dim3(cuda::blocks_for(n, side), tiles), dim3(side, side), 0, stream>>>(n, x.lanes, M, x.as<T>(),
                                                                                  y.as<T>());
  else if (n > 256)
    by_rows.template operator()<cuda::RowTeam<128>>();
  else
    by_rows.template operator()<cuda::RowTeam<32>>();
  cuda::check_launch("multiply_dense");
}

}  // namespace

// Traffic: M for every four lanes + x + y. Allocates nothing: it is recorded as a part of a cycle.
void CudaSpace::multiply_dense(const void* M, Mode mode, ConstVector x, Vector y) {
  if (x.size() == 0) return;
  visit(x.dtype, [&]<class T>() {
    if (x.lanes == 1)
      launch_dense<T, 1>(stream_, static_cast<const T*>(M), mode, x, y);
    else
      launch_dense<T, 4>(stream_, static_cast<const T*>(M), mode, x, y);
  });
}

}  // namespace amg
