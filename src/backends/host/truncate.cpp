#include <utility>

#include "backends/host/host_space.h"
#include "backends/host/row_offsets.h"
#include "core/arena.h"
#include "setup/classical/truncation_row.h"

namespace amg {

CsrMatrix HostSpace::truncate(const Matrix& P, double factor, std::int64_t max_elements) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = P.rows;
  pattern->cols = P.cols;
  pattern->offsets = array<std::int64_t>(P.rows + 1);
  std::int64_t* offsets = pattern->offsets.data();
  return visit(P.dtype, [&]<class T>() {
    // The selection is made anew in the second sweep: its cost is that of reading the row.
    const auto for_rows = [&](const auto& body) {
      parallel_for(P.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const T* w = P.as<T>() + P.offsets[i];
          const std::int64_t size = P.offsets[i + 1] - P.offsets[i];
          body(i, w, size, truncation_of_row(w, size, factor, max_elements));
        }
      });
    };
    for_rows([&](std::int64_t i, const T* w, std::int64_t size, Truncation cut) {
      offsets[i] = 0;
      for (std::int64_t e = 0; e < size; ++e) offsets[i] += truncation_keeps(cut, w, e) ? 1 : 0;
    });
    const std::int64_t entries = host::lengths_to_offsets(offsets, P.rows);
    pattern->columns = array<std::int32_t>(entries);
    Buffer values(memory(), static_cast<std::size_t>(entries) * sizeof(T));
    for_rows([&](std::int64_t i, const T* w, std::int64_t size, Truncation cut) {
      truncate_row(cut, P.columns + P.offsets[i], w, size, pattern->columns.data() + offsets[i],
                   static_cast<T*>(values.data()) + offsets[i]);
    });
    return CsrMatrix(std::move(pattern), std::move(values), P.dtype);
  });
}

}  // namespace amg
