#include "backends/host/host_space.h"
#include "backends/host/node_rows.h"
#include "core/arena.h"
#include "setup/l1_diagonal_row.h"
#include "setup/serial_team.h"

namespace amg {

// Traffic: A + D⁻¹
void HostSpace::invert_l1_diagonal(const Matrix& A, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1) return host::invert_blocks<T>(A, 1.0, 1, static_cast<T*>(inverse));
    parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        static_cast<T*>(inverse)[i] = inverse_l1_diagonal<T>(SerialTeam(), A, i);
    });
  });
}

}  // namespace amg
