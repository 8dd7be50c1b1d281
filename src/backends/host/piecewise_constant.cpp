#include <algorithm>
#include <numeric>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg {

CsrMatrix HostSpace::piecewise_constant(std::span<const std::int32_t> aggregates, DType dtype) {
  const auto rows = static_cast<std::int64_t>(aggregates.size());
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = rows;
  pattern->cols = aggregates.empty() ? 0 : *std::ranges::max_element(aggregates) + 1;
  pattern->offsets = array<std::int64_t>(rows + 1);
  pattern->columns = array<std::int32_t>(rows);
  std::iota(pattern->offsets.data(), pattern->offsets.data() + rows + 1, std::int64_t{0});
  std::ranges::copy(aggregates, pattern->columns.data());
  CsrMatrix P = matrix(std::move(pattern), dtype);
  fill({P.values(), dtype, rows, 1}, 1.0);
  return P;
}

}  // namespace amg
