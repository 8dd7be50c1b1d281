#include <algorithm>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg {

// Traffic: both index arrays, and the pattern.
std::shared_ptr<const Pattern> HostSpace::pattern_if_canonical(const InputMatrix& input) {
  const std::int64_t n = input.rows;
  const IndexArray row_index = input.row_index, col_index = input.col_index;
  const std::int64_t stored = input.stored;
  const bool csr = input.format == InputMatrix::Format::csr;
  if (row_index.size != (csr ? n + 1 : stored) || (csr && row_index[0] != 0)) return nullptr;
  const std::int64_t entries = csr ? row_index[n] : stored;
  if (entries < 0 || entries > stored || entries > col_index.size) return nullptr;

  auto pattern = std::make_shared<Pattern>();
  pattern->rows = pattern->cols = n;
  pattern->offsets = array<std::int64_t>(n + 1);
  pattern->columns = array<std::int32_t>(entries);
  std::int64_t* const offsets = pattern->offsets.data();
  const auto all = [](bool a, bool b) { return a && b; };

  // Rows first: their offsets, or where the row number changes. Checked before they are written: rows out of order
  // would have two threads write to one place.
  const std::int64_t steps = csr ? n : entries;
  const bool rows_ascend = parallel_reduce(
      steps, block_rows, true,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) {
          if (csr && row_index[k + 1] < row_index[k]) return false;
          if (!csr && (row_index[k] < (k > 0 ? row_index[k - 1] : 0) || row_index[k] >= n)) return false;
        }
        return true;
      },
      all);
  if (!rows_ascend) return nullptr;
  parallel_for(steps + 1, block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      if (csr) {
        offsets[k] = row_index[k];
      } else {
        const std::int64_t before = k > 0 ? row_index[k - 1] : -1;
        std::fill(offsets + before + 1, offsets + (k < entries ? row_index[k] : n) + 1, k);
      }
    }
  });

  const bool columns_ascend = parallel_reduce(
      n, block_rows, true,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k) {
            const std::int64_t column = col_index[k];
            if (column < (k > offsets[i] ? col_index[k - 1] + 1 : 0) || column >= n) return false;
            pattern->columns[k] = static_cast<std::int32_t>(column);
          }
        return true;
      },
      all);
  return columns_ascend ? pattern : nullptr;
}

}  // namespace amg
