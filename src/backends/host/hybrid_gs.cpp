#include <algorithm>

#include "backends/host/host_space.h"
#include "backends/host/node_rows.h"
#include "core/arena.h"
#include "setup/diagonal_row.h"

namespace amg {

namespace {

template <class T>
void hybrid_nodes(const Matrix& A, const BlockDiagonal& inverse, double omega, bool backwards, ConstVector b,
                  ConstVector x, Vector y) {
  const std::int64_t k = A.block_dim, lanes = b.lanes;
  const T* const old = x.as<T>();
  T* const now = y.as<T>();
  parallel_for(A.nodes(), hybrid_block_nodes(k), [&](std::int64_t begin, std::int64_t end) {
    std::copy(old + begin * k * lanes, old + end * k * lanes, now + begin * k * lanes);
    host::for_node_steps<T>(
        A, inverse, b.lanes, begin, end,
        [=](std::int64_t n) { return backwards ? end - 1 - (n - begin) : n; },
        [=](std::int64_t j) -> const T* { return j >= begin && j < end ? now : old; },
        [&](std::int64_t at) { return static_cast<double>(b.as<T>()[at]); },
        [&](std::int64_t at, double step) {
          now[at] = static_cast<T>(static_cast<double>(now[at]) + omega * step);
        });
  });
}

}  // namespace

// Traffic: A + x + b + 2 y + D⁻¹; a block's part of y stays in cache.
void HostSpace::hybrid_gs_sweep(const Operator& op, const BlockDiagonal& inverse, double omega,
                                bool backwards, ConstVector b, ConstVector x, Vector y) {
  const Matrix& A = op.by_rows();
  const std::int64_t lanes = b.lanes;
  visit(b.dtype, [&]<class T>() {
    if (inverse.block_dim > 1) return hybrid_nodes<T>(A, inverse, omega, backwards, b, x, y);
    const T *inv = static_cast<const T*>(inverse.values), *values = A.as<T>(), *old = x.as<T>(),
            *rhs = b.as<T>();
    T* now = y.as<T>();
    parallel_for(A.rows, hybrid_block_rows, [&](std::int64_t begin, std::int64_t end) {
      std::copy(old + begin * lanes, old + end * lanes, now + begin * lanes);
      for (std::int64_t k = 0; k < end - begin; ++k) {
        const std::int64_t i = backwards ? end - 1 - k : begin + k;
        for (std::int64_t l = 0; l < lanes; ++l) {
          double r = static_cast<double>(rhs[i * lanes + l]);
          for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
            const std::int64_t j = A.columns[e];
            const T* z = j >= begin && j < end ? now : old;
            r -= static_cast<double>(values[e]) * static_cast<double>(z[j * lanes + l]);
          }
          T& y_i = now[i * lanes + l];
          y_i = static_cast<T>(static_cast<double>(y_i) + omega * static_cast<double>(inv[i]) * r);
        }
      }
    });
  });
}

}  // namespace amg
