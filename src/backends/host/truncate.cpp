#include "backends/host/host_space.h"
#include "backends/host/row_offsets.h"
#include "core/arena.h"
#include "setup/classical/truncation_row.h"
#include "setup/serial_team.h"

namespace amg {

CsrMatrix HostSpace::truncate(const Matrix& P, double factor, std::int64_t max_elements) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = P.rows;
  pattern->cols = P.cols;
  pattern->offsets = array<std::int64_t>(P.rows + 1);
  std::int64_t* offsets = pattern->offsets.data();
  return visit(P.dtype, [&]<class T>() {
    const auto for_rows = [&](const auto& body) {
      parallel_for(P.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          body(i, P.as<T>() + P.offsets[i], P.offsets[i + 1] - P.offsets[i]);
      });
    };
    auto cuts = array<Truncation>(P.rows);
    for_rows([&](std::int64_t i, const T* w, std::int64_t size) {
      cuts[i] = truncation_of_row(SerialTeam(), w, size, factor, max_elements);
      offsets[i] = truncated_size(SerialTeam(), cuts[i], w, size);
    });
    pattern->columns = array<std::int32_t>(host::lengths_to_offsets(offsets, P.rows));
    CsrMatrix truncated = matrix(pattern, P.dtype);
    for_rows([&](std::int64_t i, const T* w, std::int64_t size) {
      truncate_row(SerialTeam(), cuts[i], P.columns + P.offsets[i], w, size,
                   pattern->columns.data() + offsets[i], truncated.as<T>() + offsets[i]);
    });
    return truncated;
  });
}

}  // namespace amg
