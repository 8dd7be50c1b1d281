#include "backends/host/colored_rows.h"
#include "backends/host/host_space.h"

namespace amg {

namespace {

template <class T>
void sweep_nodes(const Matrix& A, std::span<const std::int32_t> nodes, const BlockDiagonal& inverse,
                 double omega, ConstVector b, Vector x) {
  T* const now = x.as<T>();
  host::for_listed_steps<T>(
      A, nodes, inverse, x.lanes, [now](std::int64_t) -> const T* { return now; },
      [&](std::int64_t at) { return static_cast<double>(b.as<T>()[at]); },
      [&](std::int64_t at, double step) {
        now[at] = static_cast<T>(static_cast<double>(now[at]) + omega * step);
      });
}

}  // namespace

// Traffic: A + x, gathered + 2 x + b + D⁻¹ + 4 bytes a row
void HostSpace::gauss_seidel_sweep(const Operator& op, const Coloring& coloring, bool backwards,
                                   const BlockDiagonal& inverse, double omega, ConstVector b, Vector x) {
  const Matrix& A = op.by_rows();
  const std::int32_t lanes = x.lanes;
  const int colors = coloring.colors();
  visit(x.dtype, [&]<class T>() {
    const T* inv = static_cast<const T*>(inverse.values);
    for (int c = 0; inverse.block_dim > 1 && c < colors; ++c)
      sweep_nodes<T>(A, coloring.rows_of(backwards ? colors - 1 - c : c), inverse, omega, b, x);
    for (int c = 0; inverse.block_dim == 1 && c < colors; ++c)
      host::for_listed_sums<T>(
          A, coloring.rows_of(backwards ? colors - 1 - c : c), x.as<T>(), lanes,
          [](std::int32_t) { return true; },
          [&](std::int64_t i, std::int32_t l, double sum) {
            T& x_i = x.as<T>()[i * lanes + l];
            const double r = static_cast<double>(b.as<T>()[i * lanes + l]) - sum;
            x_i = static_cast<T>(static_cast<double>(x_i) + omega * static_cast<double>(inv[i]) * r);
          });
  });
}

}  // namespace amg
