#pragma once

#include <atomic>
#include <cstdint>

#include "backends/host/enumerate.h"
#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg::host {

// Numbers aggregates in the order of their smallest rows; root[i] names the aggregate of i by one of its
// rows, or is negative where i has none: −1 then.
inline Array<std::int32_t> number_aggregates(const Array<std::int32_t>& root, Space& space) {
  const std::int64_t n = root.size();
  auto smallest = space.array<std::int32_t>(n);
  auto number = space.array<std::int32_t>(n);
  auto aggregates = space.array<std::int32_t>(n);
  const auto for_rows = [n](const auto& f) { parallel_for_each(n, block_rows, f); };
  for_rows([&](std::int64_t i) { smallest[i] = static_cast<std::int32_t>(i); });
  for_rows([&](std::int64_t i) {
    if (root[i] < 0) return;
    const std::atomic_ref first(smallest[root[i]]);
    const auto row = static_cast<std::int32_t>(i);
    for (std::int32_t seen = first.load(); row < seen && !first.compare_exchange_weak(seen, row);) {
    }
  });
  enumerate(
      n, [&](std::int64_t i) { return root[i] >= 0 && smallest[root[i]] == i; },
      [&](std::int64_t i, std::int64_t rank) { number[root[i]] = static_cast<std::int32_t>(rank); });
  for_rows([&](std::int64_t i) { aggregates[i] = root[i] < 0 ? -1 : number[root[i]]; });
  return aggregates;
}

}  // namespace amg::host
