#include "backends/host/host_space.h"
#include "backends/host/products.h"
#include "core/arena.h"
#include "setup/inspection_row.h"
#include "setup/serial_team.h"

namespace amg {

// Traffic: A's values and offsets
Inspection HostSpace::inspect(const Matrix& A) {
  return visit(A.dtype, [&]<class T>() {
    return inspection_of(parallel_reduce(
        A.rows, host::product_rows(A), 0u,
        [&](std::int64_t begin, std::int64_t end) {
          unsigned found = 0;
          for (std::int64_t i = begin; i < end; ++i) found |= inspect_row<T>(SerialTeam(), A, i);
          return found;
        },
        [](unsigned a, unsigned b) { return a | b; }));
  });
}

}  // namespace amg
