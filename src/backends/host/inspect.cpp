#include <cmath>

#include "backends/host/host_space.h"
#include "backends/host/products.h"
#include "core/arena.h"

namespace amg {

// Traffic: A's values and offsets
Reason HostSpace::inspect(const Matrix& A) {
  return visit(A.dtype, [&]<class T>() {
    return parallel_reduce(
        A.rows, host::product_rows(A), Reason::none,
        [&](std::int64_t begin, std::int64_t end) {
          bool zero_row = false;
          for (std::int64_t i = begin; i < end; ++i) {
            T size = 0;
            for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k) size += std::abs(A.as<T>()[k]);
            // A sum of finite values may overflow: look again before calling it infinite.
            if (!std::isfinite(size))
              for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k)
                if (!std::isfinite(A.as<T>()[k])) return Reason::nonfinite_matrix;
            zero_row = zero_row || size == 0;
          }
          return zero_row ? Reason::zero_row : Reason::none;
        },
        // The worse of the two: a matrix that is not finite is not called singular.
        [](Reason a, Reason b) {
          if (a == Reason::nonfinite_matrix || b == Reason::none) return a;
          return b;
        });
  });
}

}  // namespace amg
