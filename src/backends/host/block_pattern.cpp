#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg {

std::shared_ptr<const Pattern> HostSpace::block_pattern(const Pattern& nodes, std::int32_t k,
                                                        std::int32_t m) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = nodes.rows * k;
  pattern->cols = nodes.cols * m;
  pattern->offsets = array<std::int64_t>(pattern->rows + 1);
  pattern->columns = array<std::int32_t>(nodes.entries() * k * m);
  parallel_for(nodes.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = nodes.offsets[i], length = nodes.offsets[i + 1] - first;
      for (std::int64_t c = 0; c < k; ++c) {
        const std::int64_t offset = (first * k + c * length) * m;
        pattern->offsets[i * k + c] = offset;
        for (std::int64_t e = 0; e < length * m; ++e)
          pattern->columns[offset + e] = static_cast<std::int32_t>(nodes.columns[first + e / m] * m + e % m);
      }
    }
  });
  pattern->offsets[pattern->rows] = pattern->columns.size();
  return pattern;
}

}  // namespace amg
