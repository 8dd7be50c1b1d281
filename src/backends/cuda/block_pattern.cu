#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"

namespace amg {

std::shared_ptr<const Pattern> CudaSpace::block_pattern(const Pattern& nodes, std::int32_t k,
                                                        std::int32_t m) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = nodes.rows * k;
  pattern->cols = nodes.cols * m;
  pattern->offsets = array<std::int64_t>(pattern->rows + 1);
  pattern->columns = array<std::int32_t>(nodes.entries() * k * m);
  const std::int64_t entries = nodes.entries(), rows = pattern->rows;
  cuda::for_each(
      stream_, rows + 1, "block_pattern: rows",
      [=, from = nodes.offsets.data(), offsets = pattern->offsets.data()] __device__(std::int64_t row) {
        const std::int64_t i = row / k, c = row % k;
        offsets[row] = row == rows ? entries * k * m : (from[i] * k + c * (from[i + 1] - from[i])) * m;
      });
  cuda::for_each(
      stream_, rows, "block_pattern: columns",
      [=, from = nodes.offsets.data(), nodes_of = nodes.columns.data(), offsets = pattern->offsets.data(),
       columns = pattern->columns.data()] __device__(std::int64_t row) {
        const std::int64_t first = from[row / k];
        for (std::int64_t at = offsets[row]; at < offsets[row + 1]; ++at) {
          const std::int64_t e = at - offsets[row];
          columns[at] = static_cast<std::int32_t>(nodes_of[first + e / m] * m + e % m);
        }
      });
  return pattern;
}

}  // namespace amg
