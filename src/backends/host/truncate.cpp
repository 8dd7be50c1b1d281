#include <algorithm>

#include "backends/host/host_space.h"
#include "backends/host/row_offsets.h"
#include "core/arena.h"
#include "setup/classical/truncation_row.h"
#include "setup/serial_team.h"

namespace amg {

// Traffic: twice P, and what is kept of it out.
CsrMatrix HostSpace::truncate(const Matrix& P, double factor, std::int64_t max_elements) {
  const std::int64_t k = P.block_dim;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = P.rows;
  pattern->cols = P.cols;
  pattern->offsets = array<std::int64_t>(P.rows + 1);
  std::int64_t* offsets = pattern->offsets.data();
  return visit(P.dtype, [&]<class T>() {
    auto cuts = array<Truncation>(P.nodes());
    parallel_for_each(P.nodes(), setup_rows, [&](std::int64_t i) {
      const NodeWeights<T> w(P, i);
      cuts[i] = truncation_of_row(SerialTeam(), w, factor, max_elements);
      std::fill_n(offsets + i * k, k, truncated_size(SerialTeam(), cuts[i], w));
    });
    pattern->columns = array<std::int32_t>(host::lengths_to_offsets(offsets, P.rows));
    CsrMatrix truncated = matrix(pattern, P.dtype);
    parallel_for_each(P.nodes(), setup_rows, [&](std::int64_t i) {
      const std::int64_t begin = offsets[i * k], length = offsets[i * k + 1] - begin;
      truncate_row(SerialTeam(), cuts[i], P, NodeWeights<T>(P, i), begin, length, pattern->columns.data(),
                   truncated.as<T>());
    });
    return truncated;
  });
}

}  // namespace amg
