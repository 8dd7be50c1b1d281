#include "backends/host/colored_rows.h"
#include "backends/host/host_space.h"
#include "setup/coloring/factor_row.h"
#include "setup/serial_team.h"

namespace amg {

namespace {

// Calls f(i, scratch) for the nodes of a list.
template <class F>
void for_listed_nodes(const Matrix& A, std::span<const std::int32_t> nodes, const F& f) {
  parallel_for(static_cast<std::int64_t>(nodes.size()), setup_rows,
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<double> scratch(static_cast<std::size_t>(factor_scratch(A.block_dim)));
                 for (std::int64_t n = begin; n < end; ++n)
                   f(nodes[static_cast<std::size_t>(n)], scratch.data());
               });
}

template <class T>
void factor_ilu_nodes(const Matrix& A, const Coloring& coloring, const Matrix& F, T* values, T* inverse) {
  const std::span<const std::int32_t> nodes = coloring.rows.span();
  const double roundoff = epsilon(A.dtype);
  for_listed_nodes(F, nodes, [&](std::int64_t i, double* scratch) {
    ilu_start_block_row(SerialTeam(), A, F, i, roundoff, scratch, values, inverse);
  });
  for (std::int32_t c = 0; c + 1 < coloring.colors(); ++c) {
    const auto behind = static_cast<std::size_t>(coloring.first[static_cast<std::size_t>(c) + 1]);
    for_listed_nodes(F, nodes.subspan(behind), [&](std::int64_t i, double* scratch) {
      ilu_eliminate_block_row(SerialTeam(), F, coloring.color.data(), c, i, roundoff, scratch, values,
                              inverse);
    });
  }
}

template <class T>
void solve_block_factors(const Matrix& F, const Coloring& coloring, const BlockDiagonal& inverse,
                         ConstVector b, Vector x) {
  const std::int32_t* const color = coloring.color.data();
  T* const now = x.as<T>();
  for (int c = 0; c < coloring.colors(); ++c)
    host::for_listed_steps<T>(
        F, coloring.rows_of(c), inverse, x.lanes,
        [=](std::int64_t j) -> const T* { return color[j] < c ? now : nullptr; },
        [&](std::int64_t at) { return static_cast<double>(b.as<T>()[at]); },
        [=](std::int64_t at, double step) { now[at] = static_cast<T>(step); });
  for (int c = coloring.colors() - 2; c >= 0; --c)
    host::for_listed_steps<T>(
        F, coloring.rows_of(c), inverse, x.lanes,
        [=](std::int64_t j) -> const T* { return color[j] > c ? now : nullptr; },
        [](std::int64_t) { return 0.0; },
        [=](std::int64_t at, double step) { now[at] = static_cast<T>(static_cast<double>(now[at]) + step); });
}

}  // namespace

// Traffic: A, and an entry of another row for each entry before the diagonal
void HostSpace::factor_dilu(const Matrix& A, const Coloring& coloring, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1) {
      for (int c = 0; c < coloring.colors(); ++c)
        for_listed_nodes(A, coloring.rows_of(c), [&](std::int64_t i, double* scratch) {
          dilu_block_row(SerialTeam(), A, coloring.color.data(), i, epsilon(A.dtype), scratch,
                         static_cast<T*>(inverse));
        });
      return;
    }
    for (int c = 0; c < coloring.colors(); ++c)
      host::for_listed_rows(coloring.rows_of(c), setup_rows, [&](std::int64_t i) {
        dilu_row(SerialTeam(), A, coloring.color.data(), i, static_cast<T*>(inverse));
      });
  });
}

void HostSpace::factor_ilu(const Matrix& A, const Coloring& coloring, CsrMatrix& F, void* inverse) {
  const std::span<const std::int32_t> rows = coloring.rows.span();
  visit(A.dtype, [&]<class T>() {
    T* const inv = static_cast<T*>(inverse);
    if (A.block_dim > 1) return factor_ilu_nodes(A, coloring, F.view(), F.as<T>(), inv);
    host::for_listed_rows(rows, setup_rows, [&](std::int64_t i) {
      ilu_start_row(SerialTeam(), A, F.view(), i, F.as<T>(), inv);
    });
    for (std::int32_t c = 0; c + 1 < coloring.colors(); ++c) {
      const auto behind = static_cast<std::size_t>(coloring.first[static_cast<std::size_t>(c) + 1]);
      host::for_listed_rows(rows.subspan(behind), setup_rows, [&](std::int64_t i) {
        ilu_eliminate_row(SerialTeam(), F.view(), coloring.color.data(), c, i, F.as<T>(), inv);
      });
    }
  });
}

// Traffic: twice F with 4 bytes an entry for its color, + b + 3 x + E⁻¹ twice
void HostSpace::solve_factors(const Operator& op, const Coloring& coloring, const BlockDiagonal& inverse,
                              ConstVector b, Vector x) {
  const Matrix& F = op.by_rows();
  const std::int32_t lanes = x.lanes;
  const std::int32_t* const color = coloring.color.data();
  visit(x.dtype, [&]<class T>() {
    if (inverse.block_dim > 1) return solve_block_factors<T>(F, coloring, inverse, b, x);
    const T* inv = static_cast<const T*>(inverse.values);
    for (int c = 0; c < coloring.colors(); ++c)
      host::for_listed_sums<T>(
          F, coloring.rows_of(c), x.as<T>(), lanes,
          [&](std::int32_t j) { return j < F.rows && color[j] < c; },
          [&](std::int64_t i, std::int32_t l, double sum) {
            const double r = static_cast<double>(b.as<T>()[i * lanes + l]) - sum;
            x.as<T>()[i * lanes + l] = static_cast<T>(static_cast<double>(inv[i]) * r);
          });
    for (int c = coloring.colors() - 2; c >= 0; --c)
      host::for_listed_sums<T>(
          F, coloring.rows_of(c), x.as<T>(), lanes,
          [&](std::int32_t j) { return j < F.rows && color[j] > c; },
          [&](std::int64_t i, std::int32_t l, double sum) {
            T& x_i = x.as<T>()[i * lanes + l];
            x_i = static_cast<T>(static_cast<double>(x_i) - static_cast<double>(inv[i]) * sum);
          });
  });
}

}  // namespace amg
