#include "backends/host/host_space.h"
#include "backends/host/products.h"
#include "core/arena.h"
#include "core/find_entry.h"

namespace amg {

void HostSpace::invert_diagonal(const Matrix& A, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    T* out = static_cast<T*>(inverse);
    parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T* const a_ii = find_entry<T>(A, i, i);
        const T diagonal = a_ii ? *a_ii : T{0};
        out[i] = diagonal == 0 ? T{0} : 1 / diagonal;
      }
    });
  });
}

// Traffic: b + y + D⁻¹
void HostSpace::scale_rows(const void* inverse, double omega, ConstVector b, Vector y) {
  const std::int32_t lanes = b.lanes;
  visit(b.dtype, [&]<class T>() {
    const T* inv = static_cast<const T*>(inverse);
    const T w = static_cast<T>(omega);
    parallel_for(b.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      if (lanes == 1)
        for (std::int64_t i = begin; i < end; ++i) y.as<T>()[i] = w * inv[i] * b.as<T>()[i];
      else
        for (std::int64_t i = begin; i < end; ++i)
          for (std::int32_t l = 0; l < lanes; ++l)
            y.as<T>()[i * lanes + l] = w * inv[i] * b.as<T>()[i * lanes + l];
    });
  });
}

// Traffic: A + x + b + y + D⁻¹
void HostSpace::jacobi_sweep(const Operator& op, const void* inverse, double omega, ConstVector b,
                             ConstVector x, Vector y) {
  const Matrix& A = op.by_rows();
  const std::int32_t lanes = b.lanes;
  visit(b.dtype, [&]<class T>() {
    const T* inv = static_cast<const T*>(inverse);
    parallel_for(A.rows, host::product_rows(A), [&](std::int64_t begin, std::int64_t end) {
      host::for_row_sums(A, x.as<T>(), lanes, begin, end, [&](std::int64_t i, std::int32_t l, double sum) {
        const std::int64_t at = i * lanes + l;
        const double step = omega * static_cast<double>(inv[i]) * (static_cast<double>(b.as<T>()[at]) - sum);
        y.as<T>()[at] = static_cast<T>(static_cast<double>(x.as<T>()[at]) + step);
      });
    });
  });
}

}  // namespace amg
