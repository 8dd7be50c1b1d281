#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg::host {

// Coarse points are numbered in the order of their rows.
inline std::int64_t number_of_coarse(std::span<const std::int32_t> coarse) {
  for (auto i = coarse.size(); i-- > 0;)
    if (coarse[i] >= 0) return coarse[i] + 1;
  return 0;
}

inline std::int64_t longest_row(const std::int64_t* offsets, std::int64_t rows) {
  const auto in_chunk = [&](std::int64_t begin, std::int64_t end) {
    std::int64_t longest = 0;
    for (std::int64_t i = begin; i < end; ++i) longest = std::max(longest, offsets[i + 1] - offsets[i]);
    return longest;
  };
  return parallel_reduce(rows, block_rows, std::int64_t{0}, in_chunk,
                         [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
}

}  // namespace amg::host
