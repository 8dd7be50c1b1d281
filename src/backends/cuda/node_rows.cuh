#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/block_row.h"

namespace amg::cuda {

// Blocks of a row of nodes, on average.
inline std::int64_t blocks_per_row(const Matrix& A) {
  return A.entries / std::max<std::int64_t>(A.rows * A.block_dim, 1);
}

// Calls f(team, n, scratch), a __device__ lambda, for n of [0, count), each with so many doubles of its own; a team is
// as wide as a row of `length` blocks. From the workspace: a recording keeps pointers to it.
template <class F>
void for_each_with_scratch(CudaSpace& space, std::int64_t count, std::int64_t length, std::int64_t doubles,
                           const char* name, F f) {
  if (count == 0) return;
  constexpr std::int64_t most_doubles = 1 << 22;
  const std::int64_t slice = std::min(count, std::max<std::int64_t>(most_doubles / doubles, 1));
  const WorkVector storage = space.vector(slice * doubles, 1, DType::f64);
  double* const scratch = static_cast<Vector>(storage).as<double>();
  for (std::int64_t first = 0; first < count; first += slice) {
    const std::int64_t nodes = std::min(slice, count - first);
    for_each_row(space.stream(), nodes, length * nodes, name,
                 [=] __device__(auto team, std::int64_t n) { f(team, first + n, scratch + n * doubles); });
  }
}

// node_step for the nodes of a list, or all where there is none, and all lanes.
template <class T, class From, class Rhs, class Write>
void for_node_steps(CudaSpace& space, const Matrix& A, std::span<const std::int32_t> list,
                    const BlockDiagonal& inverse, std::int64_t lanes, const char* name, From from, Rhs rhs,
                    Write write) {
  const std::int32_t* const node = list.data();
  const std::int64_t count = list.empty() ? A.nodes() : static_cast<std::int64_t>(list.size());
  for_each_with_scratch(space, count * lanes, blocks_per_row(A), A.block_dim, name,
                        [=] __device__(auto team, std::int64_t at, double* r) {
                          const std::int64_t i = node ? node[at / lanes] : at / lanes;
                          node_step<0, T>(team, A, inverse, i, lanes, at % lanes, r, from, rhs, write);
                        });
}

// What steps read and write.
template <class T>
struct Everywhere {
  const T* x;
  __device__ const T* operator()(std::int64_t) const { return x; }
};

template <class T>
struct EntriesOf {
  const T* b;
  __device__ double operator()(std::int64_t at) const { return static_cast<double>(b[at]); }
};

template <class T>
struct MoveBy {
  double omega;
  const T* from;
  T* to;
  __device__ void operator()(std::int64_t at, double step) const {
    to[at] = static_cast<T>(static_cast<double>(from[at]) + omega * step);
  }
};

// out = the inverses of the diagonal blocks, raised by `share` of what couples a node to others than those of its group
// of consecutive nodes. Traffic: A + out
template <class T>
void invert_blocks(CudaSpace& space, const Matrix& A, double share, std::int64_t group, T* out) {
  const std::int64_t k = A.block_dim;
  for_each_with_scratch(space, A.nodes(), blocks_per_row(A), block_scratch(k), "invert_blocks",
                        [=] __device__(auto team, std::int64_t i, double* scratch) {
                          const std::int64_t begin = i / group * group;
                          diagonal_block<T>(team, A, i, L1Share{share, begin, begin + group}, scratch);
                          if (team.leads()) invert_block(k, epsilon(dtype_of<T>), scratch, out + i * k * k);
                        });
}

}  // namespace amg::cuda
