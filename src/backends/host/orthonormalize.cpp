#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/aggregation/tentative_block.h"
#include "setup/serial_team.h"

namespace amg {

void HostSpace::orthonormalize(const Pattern& members, std::int32_t block_dim, ConstVector B, CsrMatrix& T,
                               Vector R) {
  constexpr std::int64_t aggregates_per_chunk = 64;
  visit(B.dtype, [&]<class Real>() {
    parallel_for(members.rows, aggregates_per_chunk, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t a = begin; a < end; ++a)
        tentative_block(SerialTeam(), members.columns.data() + members.offsets[a],
                        members.offsets[a + 1] - members.offsets[a], block_dim, B,
                        T.pattern()->offsets.data(), T.as<Real>(), R.as<Real>() + a * B.lanes * B.lanes);
    });
  });
}

}  // namespace amg
