#include <atomic>

#include "backends/host/host_space.h"
#include "backends/host/products.h"
#include "core/arena.h"
#include "setup/serial_team.h"
#include "setup/symmetry_row.h"

namespace amg {

// Traffic: A once; a_ji comes from cache where the pattern is local
bool HostSpace::is_symmetric(const Matrix& A) {
  if (A.rows != A.cols) return false;
  std::atomic<bool> holds = true;
  visit(A.dtype, [&]<class T>() {
    parallel_for(A.rows, host::product_rows(A), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end && holds.load(std::memory_order_relaxed); ++i)
        if (!is_mirrored_row<T>(SerialTeam(), A, i)) holds.store(false, std::memory_order_relaxed);
    });
  });
  return holds;
}

}  // namespace amg
