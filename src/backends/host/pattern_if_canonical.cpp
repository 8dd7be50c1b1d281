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

  // Rows first: their offsets, or where the row number changes.
  const bool rows_ascend =
      csr ? parallel_reduce(
                n + 1, block_rows, true,
                [&](std::int64_t begin, std::int64_t end) {
                  for (std::int64_t i = begin; i < end; ++i) {
                    offsets[i] = row_index[i];
                    if (i > 0 && row_index[i] < row_index[i - 1]) return false;
                  }
                  return true;
                },
                all)
          : parallel_reduce(
                entries + 1, block_rows, true,
                [&](std::int64_t begin, std::int64_t end) {
                  for (std::int64_t k = begin; k < end; ++k) {
                    const std::int64_t before = k > 0 ? row_index[k - 1] : -1;
                    const std::int64_t row = k < entries ? row_index[k] : n;
                    if (row < before || before < -1 || (k < entries && (row < 0 || row >= n))) return false;
                    std::fill(offsets + before + 1, offsets + row + 1, k);
                  }
                  return true;
                },
                all);
  if (!rows_ascend) return nullptr;

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
