#include <algorithm>

#include "backends/host/host_space.h"
#include "backends/host/row_offsets.h"
#include "core/arena.h"

namespace amg {

CsrMatrix HostSpace::piecewise_constant(std::span<const std::int32_t> aggregates, DType dtype) {
  const auto rows = static_cast<std::int64_t>(aggregates.size());
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = rows;
  pattern->cols = aggregates.empty() ? 0 : *std::ranges::max_element(aggregates) + 1;
  pattern->offsets = array<std::int64_t>(rows + 1);
  const auto is_in_one = [&](std::int64_t i) { return aggregates[static_cast<std::size_t>(i)] >= 0; };
  parallel_for(rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) pattern->offsets[i] = is_in_one(i) ? 1 : 0;
  });
  const std::int64_t entries = host::lengths_to_offsets(pattern->offsets.data(), rows);
  pattern->columns = array<std::int32_t>(entries);
  parallel_for(rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      if (is_in_one(i)) pattern->columns[pattern->offsets[i]] = aggregates[static_cast<std::size_t>(i)];
  });
  CsrMatrix P = matrix(std::move(pattern), dtype);
  fill({P.values(), dtype, entries, 1}, 1.0);
  return P;
}

}  // namespace amg
