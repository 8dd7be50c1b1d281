#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/aggregation/smoothed_row.h"
#include "setup/serial_team.h"

namespace amg {

void HostSpace::smooth_prolongation(const Matrix& T, const void* inverse, double omega, CsrMatrix& P) {
  const Pattern& pattern = *P.pattern();
  visit(T.dtype, [&]<class Real>() {
    parallel_for(T.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = pattern.offsets[i];
        smoothed_row(SerialTeam(), T, i, omega * static_cast<double>(static_cast<const Real*>(inverse)[i]),
                     pattern.columns.data() + first, pattern.offsets[i + 1] - first, P.as<Real>() + first);
      }
    });
  });
}

}  // namespace amg
