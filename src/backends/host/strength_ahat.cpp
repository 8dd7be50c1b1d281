#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/classical/strength_row.h"
#include "setup/serial_team.h"

namespace amg {

Array<std::uint8_t> HostSpace::strength_ahat(const Matrix& A, const StrengthOptions& options) {
  auto strong = array<std::uint8_t>(A.entries);
  visit(A.dtype, [&]<class T>() {
    parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        strength_ahat_row<T>(SerialTeam(), A, i, options.strength_threshold, options.max_row_sum,
                             strong.data());
    });
  });
  return strong;
}

}  // namespace amg
