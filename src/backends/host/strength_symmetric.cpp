#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/aggregation/symmetric_strength_row.h"
#include "setup/serial_team.h"

namespace amg {

Array<std::uint8_t> HostSpace::strength_symmetric(const Matrix& A, double threshold) {
  auto coupling = array<std::uint8_t>(A.entries);
  auto diagonal = array<double>(A.rows);
  visit(A.dtype, [&]<class T>() {
    parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T* const a_ii = find_entry<T>(A, i, i);
        diagonal[i] = a_ii ? static_cast<double>(*a_ii) : 0.0;
      }
    });
    parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        symmetric_strength_row<T>(SerialTeam(), A, i, threshold, diagonal.data(), coupling.data());
    });
  });
  return coupling;
}

}  // namespace amg
