#include "backends/host/host_space.h"
#include "backends/host/interpolation.h"
#include "backends/host/pmis.h"
#include "core/arena.h"
#include "setup/classical/d2_row.h"
#include "setup/serial_team.h"

namespace amg {

// Aggressive coarsening (Stüben 1999, A1; with PMIS and HMIS as in De Sterck, Yang, Heys 2006): the selector
// once more, among the coarse points that it has selected, where a point depends on those that a path of at
// most two strong steps leads to. A coarse point whose path leads nowhere stays coarse.
Array<std::int32_t> host::select_aggressively(Space& space, const Matrix& A,
                                              std::span<const std::uint8_t> strong, Select select) {
  auto coarse = select(space, strong_graph(space, A, strong), Uninfluential::fine);
  const auto row_of = rows_of_coarse(space, coarse.span());
  const auto direct = space.pattern_d1(A, strong, coarse.span());
  const auto paths =
      collect_pattern(space, row_of.size(), row_of.size(), [&](std::int64_t c, const auto& add) {
        d2_points(SerialTeam(), A, strong.data(), coarse.data(), direct->offsets.data(),
                  direct->columns.data(), row_of[c], [&](std::int32_t point) {
                    if (point != c) add(point);
                  });
      });
  const auto second = select(space, *paths, Uninfluential::candidates);
  parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      if (coarse[i] >= 0) coarse[i] = second[coarse[i]];
  });
  return coarse;
}

Array<std::int32_t> HostSpace::select_aggressive_pmis(const Matrix& A, std::span<const std::uint8_t> strong) {
  return host::select_aggressively(*this, A, strong, host::pmis);
}

Array<std::int32_t> HostSpace::select_aggressive_hmis(const Matrix& A, std::span<const std::uint8_t> strong) {
  return host::select_aggressively(*this, A, strong, host::hmis);
}

}  // namespace amg
