#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg::host {

// Turns offsets[i] = length of row i, for i < rows, into where row i begins, and offsets[rows] into the
// total.
inline std::int64_t lengths_to_offsets(std::int64_t* offsets, std::int64_t rows) {
  std::vector<std::int64_t> first(static_cast<std::size_t>((rows + block_rows - 1) / block_rows));
  parallel_for(rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t sum = 0;
    for (std::int64_t i = begin; i < end; ++i) sum += offsets[i];
    first[begin / block_rows] = sum;
  });
  std::int64_t total = 0;
  for (std::int64_t& f : first) total += std::exchange(f, total);
  parallel_for(rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t next = first[begin / block_rows];
    for (std::int64_t i = begin; i < end; ++i) next += std::exchange(offsets[i], next);
  });
  return offsets[rows] = total;
}

}  // namespace amg::host
