#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "backends/host/host_space.h"
#include "backends/host/number_aggregates.h"
#include "core/arena.h"
#include "setup/aggregation/root_order.h"
#include "setup/aggregation/symmetric_strength_row.h"

namespace amg {

// Vaněk's aggregates (Vaněk, Mandel, Brezina 1996, algorithm 5.1). A row whose neighbours are all still free becomes a
// root and takes them all, so roots are the first maximal set of rows that are further than 2 apart, in the order of
// root_order.h. Every other row with neighbours is next to a row that a root has taken, and joins the first such.
//
// Finding the roots is one pass by one thread: most rows are turned down at their first neighbour.
Array<std::int32_t> HostSpace::aggregate_neighbourhoods(const Matrix& A,
                                                        std::span<const std::uint8_t> coupling) {
  const std::int64_t n = A.rows;
  const auto find_neighbour = [&](std::int64_t i, const auto& pred) {
    std::int64_t e = A.offsets[i];
    while (e < A.offsets[i + 1] && !(coupling[e] == strong && pred(A.columns[e]))) ++e;
    return e < A.offsets[i + 1] ? A.columns[e] : -1;
  };
  auto taken_by = array<std::int32_t>(n);
  std::fill_n(taken_by.data(), n, -1);
  const auto is_taken = [&](std::int32_t j) { return taken_by[j] >= 0; };
  const auto consider = [&](std::int64_t i) {
    const bool alone = find_neighbour(i, [](std::int32_t) { return true; }) < 0;
    if (alone || taken_by[i] >= 0 || find_neighbour(i, is_taken) >= 0) return;
    const auto root = static_cast<std::int32_t>(i);
    taken_by[i] = root;
    for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e)
      if (coupling[e] == strong) taken_by[A.columns[e]] = root;
  };
  constexpr std::int64_t stretch = std::int64_t{1} << root_stretch_bits;
  std::vector<std::int64_t> stretches(static_cast<std::size_t>((n + stretch - 1) / stretch));
  std::iota(stretches.begin(), stretches.end(), std::int64_t{0});
  std::ranges::sort(stretches, {}, [](std::int64_t s) { return root_order(s * stretch); });
  for (const std::int64_t s : stretches)
    for (std::int64_t i = s * stretch; i < std::min(n, (s + 1) * stretch); ++i) consider(i);

  auto root = array<std::int32_t>(n);
  parallel_for(n, setup_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int32_t j =
          is_taken(static_cast<std::int32_t>(i)) ? static_cast<std::int32_t>(i) : find_neighbour(i, is_taken);
      root[i] = j < 0 ? -1 : taken_by[j];
    }
  });
  return host::number_aggregates(root, *this);
}

}  // namespace amg
