#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg::host {

// Calls visit(i, rank) for every i of [0, n) that pred holds for, rank counting them in order; returns their
// number. pred is asked twice.
template <class Predicate, class Visit>
std::int64_t enumerate(std::int64_t n, const Predicate& pred, const Visit& visit) {
  std::vector<std::int64_t> first(static_cast<std::size_t>((n + block_rows - 1) / block_rows));
  parallel_for(n, block_rows, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t count = 0;
    for (std::int64_t i = begin; i < end; ++i) count += pred(i) ? 1 : 0;
    first[begin / block_rows] = count;
  });
  std::int64_t total = 0;
  for (std::int64_t& f : first) total += std::exchange(f, total);
  parallel_for(n, block_rows, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t rank = first[begin / block_rows];
    for (std::int64_t i = begin; i < end; ++i)
      if (pred(i)) visit(i, rank++);
  });
  return total;
}

}  // namespace amg::host
