#include "backends/host/host_space.h"
#include "backends/host/row_offsets.h"
#include "core/arena.h"
#include "setup/coloring/triangle_row.h"
#include "setup/serial_team.h"

namespace amg {

// Traffic: A twice, and what is kept of it out
CsrMatrix HostSpace::triangle(const Matrix& A, const Coloring& coloring, Triangle which) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = A.cols;
  pattern->offsets = array<std::int64_t>(A.rows + 1);
  std::int64_t* const offsets = pattern->offsets.data();
  const TriangleRule rule{coloring.color.data(), A.rows, which};
  return visit(A.dtype, [&]<class T>() {
    const auto for_rows = [&](const auto& body) { parallel_for_each(A.rows, setup_rows, body); };
    for_rows([&](std::int64_t i) { offsets[i] = triangle_size(SerialTeam(), A, rule, i); });
    pattern->columns = array<std::int32_t>(host::lengths_to_offsets(offsets, A.rows));
    CsrMatrix out = matrix(pattern, A.dtype);
    for_rows([&](std::int64_t i) {
      triangle_row(SerialTeam(), A, rule, i, pattern->columns.data() + offsets[i], out.as<T>() + offsets[i]);
    });
    return out;
  });
}

}  // namespace amg
