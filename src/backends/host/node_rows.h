#pragma once

#include <cstdint>
#include <vector>

#include "backends/host/host_space.h"
#include "core/arena.h"
#include "core/matrix.h"
#include "setup/block_row.h"
#include "setup/serial_team.h"

namespace amg::host {

// Calls f.operator()<K>() with K = k where loops of known length pay, else with 0, which stands for any.
template <class F>
void with_block_dim(std::int32_t k, F&& f) {
  switch (k) {
    case 2:
      return f.template operator()<2>();
    case 3:
      return f.template operator()<3>();
    case 4:
      return f.template operator()<4>();
    default:
      return f.template operator()<0>();
  }
}

// node_step for the nodes node_at(begin), …, node_at(end - 1) and all lanes.
template <class T, class NodeAt, class From, class Rhs, class Write>
void for_node_steps(const Matrix& A, const BlockDiagonal& inverse, std::int32_t lanes, std::int64_t begin,
                    std::int64_t end, const NodeAt& node_at, const From& from, const Rhs& rhs,
                    const Write& write) {
  std::vector<double> r(static_cast<std::size_t>(A.block_dim));
  with_block_dim(A.block_dim, [&]<int K>() {
    for (std::int64_t n = begin; n < end; ++n)
      for (std::int32_t l = 0; l < lanes; ++l)
        node_step<K, T>(SerialTeam(), A, inverse, node_at(n), lanes, l, r.data(), from, rhs, write);
  });
}

// Calls f(i, scratch) for every node, with room for invert_block.
template <class F>
void for_nodes(const Matrix& A, const F& f) {
  parallel_for(A.nodes(), setup_rows, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> scratch(static_cast<std::size_t>(block_scratch(A.block_dim)));
    for (std::int64_t i = begin; i < end; ++i) f(i, scratch.data());
  });
}

// out = the inverses of the diagonal blocks, raised by `share` of what couples a node to others than those of its group
// of consecutive nodes. Traffic: A + out
template <class T>
void invert_blocks(const Matrix& A, double share, std::int64_t group, T* out) {
  const std::int64_t k = A.block_dim;
  for_nodes(A, [&](std::int64_t i, double* scratch) {
    const std::int64_t begin = i / group * group;
    diagonal_block<T>(SerialTeam(), A, i, {share, begin, begin + group}, scratch);
    invert_block(k, epsilon(dtype_of<T>), scratch, out + i * k * k);
  });
}

}  // namespace amg::host
