#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "backends/host/host_space.h"
#include "backends/host/number_aggregates.h"
#include "core/arena.h"
#include "setup/aggregation/size_2_rule.h"

namespace amg {

namespace {

constexpr std::int32_t nobody = size_2_nobody;

Array<std::uint16_t> edge_weights(const Matrix& A, const MatchingOptions& options, Space& space) {
  auto rows = space.array<Size2Row>(A.rows);
  auto weights = space.array<std::uint16_t>(A.entries);
  visit(A.dtype, [&]<class T>() {
    parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) { rows[i] = size_2_row<T>(A, i); });
    parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) {
      for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k)
        weights[k] = size_2_entry_weight<T>(A, options, rows.data(), i, k);
    });
  });
  if (options.filter_weights_alpha > 0) {
    auto largest = space.array<double>(A.rows);
    parallel_for_each(A.rows, setup_rows,
                      [&](std::int64_t i) { largest[i] = size_2_largest(A, weights.data(), i); });
    parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) {
      size_2_filter(A, options.filter_weights_alpha, largest.data(), i, weights.data());
    });
  }
  return weights;
}

std::int64_t count_unassigned(const Array<std::int32_t>& root) {
  return parallel_reduce(
      root.size(), block_rows, std::int64_t{0},
      [&](std::int64_t begin, std::int64_t end) {
        return std::count(root.data() + begin, root.data() + end, nobody);
      },
      std::plus<>());
}

}  // namespace

// AmgX's SIZE_2: pairs of rows by handshaking. Each round, every unassigned row points at the unassigned
// neighbour it wants most, and two rows that point at each other become a pair. What remains when the rounds
// end joins the aggregate of its strongest assigned neighbour.
Array<std::int32_t> HostSpace::match_size_2(const Matrix& A, const MatchingOptions& options) {
  const std::int64_t n = A.rows;
  const auto weights = edge_weights(A, options, *this);
  auto root = array<std::int32_t>(n);  // a row that names the aggregate of i; of a pair, the smaller one
  auto wanted = array<std::int32_t>(n);
  parallel_for_each(n, setup_rows, [&](std::int64_t i) { root[i] = nobody; });

  const auto most_wanted = [&](std::int64_t i, bool assigned) {
    return size_2_most_wanted(A, weights.data(), root.data(), i, assigned);
  };

  std::int64_t unassigned = n;
  for (std::int64_t round = 0; round < options.max_matching_iterations; ++round) {
    parallel_for_each(n, setup_rows, [&](std::int64_t i) {
      if (root[i] != nobody) return;
      // Whoever was wanted most still is, unless somebody else has got him.
      if (round == 0 || (wanted[i] != nobody && root[wanted[i]] != nobody)) wanted[i] = most_wanted(i, false);
    });
    parallel_for_each(n, setup_rows, [&](std::int64_t i) {
      if (root[i] != nobody || wanted[i] == nobody || wanted[wanted[i]] != i) return;
      root[i] = std::min(static_cast<std::int32_t>(i), wanted[i]);
    });
    const std::int64_t before = std::exchange(unassigned, count_unassigned(root));
    const auto tolerated = options.max_unassigned_percentage * static_cast<double>(n);
    if (unassigned == before || static_cast<double>(unassigned) < tolerated) break;
  }

  // A row may have to wait until a neighbour has joined; rows out of everybody's reach stay alone.
  for (bool joining = options.merge_singletons && unassigned > 0; joining;) {
    parallel_for_each(n, setup_rows, [&](std::int64_t i) {
      if (root[i] != nobody) return;
      const std::int32_t neighbour = most_wanted(i, true);
      wanted[i] = neighbour == nobody ? nobody : root[neighbour];
    });
    parallel_for_each(n, setup_rows, [&](std::int64_t i) {
      if (root[i] == nobody) root[i] = wanted[i];
    });
    const std::int64_t before = std::exchange(unassigned, count_unassigned(root));
    joining = unassigned > 0 && unassigned < before;
  }
  parallel_for_each(n, setup_rows, [&](std::int64_t i) {
    if (root[i] == nobody) root[i] = static_cast<std::int32_t>(i);
  });
  return host::number_aggregates(root, *this);
}

}  // namespace amg
