#include <algorithm>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg {

// Traffic: A's indices and the result; u and v from cache where the pattern is local.
void HostSpace::outer(const InputMatrix& A, ConstVector u, ConstVector v, void* out) {
  const std::int64_t lanes = u.lanes;
  visit(u.dtype, [&]<class T>() {
    T* values = static_cast<T*>(out);
    const auto form = [&](std::int64_t i, std::int64_t k) {
      const std::int64_t j = A.col_index[k];
      double sum = 0.0;
      if (A.contains(i, j))
        for (std::int64_t l = 0; l < lanes; ++l)
          sum +=
              static_cast<double>(u.as<T>()[i * lanes + l]) * static_cast<double>(v.as<T>()[j * lanes + l]);
      values[k] = static_cast<T>(sum);
    };
    if (A.format == InputMatrix::Format::coo) {
      parallel_for(A.stored, block_rows, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) form(A.row_index[k], k);
      });
      return;
    }
    parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        for (std::int64_t k = A.row_index[i]; k < A.row_index[i + 1]; ++k) form(i, k);
    });
    std::fill(values + A.row_index[A.rows], values + A.stored, T{0});
  });
}

}  // namespace amg
