#include "backends/host/colored_rows.h"
#include "backends/host/host_space.h"
#include "setup/coloring/factor_row.h"
#include "setup/serial_team.h"

namespace amg {

// Traffic: A, and an entry of another row for each entry before the diagonal
void HostSpace::factor_dilu(const Matrix& A, const Coloring& coloring, void* inverse) {
  visit(A.dtype, [&]<class T>() {
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
void HostSpace::solve_factors(const Operator& op, const Coloring& coloring, const void* inverse,
                              ConstVector b, Vector x) {
  const Matrix& F = op.by_rows();
  const std::int32_t lanes = x.lanes;
  const std::int32_t* const color = coloring.color.data();
  visit(x.dtype, [&]<class T>() {
    const T* inv = static_cast<const T*>(inverse);
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
