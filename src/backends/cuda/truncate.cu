#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/classical/truncation_row.h"

namespace amg {

namespace cuda {

// Traffic: P's values, once per max_elements from cache.
template <class T>
void cut_rows(cudaStream_t stream, const Matrix& P, double factor, std::int64_t max_elements,
              Truncation* cuts, std::int64_t* lengths) {
  for_each_row(stream, P.nodes(), P.entries, "truncate: lengths", [=] __device__(auto team, std::int64_t i) {
    const NodeWeights<T> w(P, i);
    const Truncation cut = truncation_of_row(team, w, factor, max_elements);
    const std::int64_t length = truncated_size(team, cut, w);
    if (!team.leads()) return;
    cuts[i] = cut;
    for (std::int64_t c = 0; c < w.k; ++c) lengths[i * w.k + c] = length;
  });
}

// Traffic: P, and what is kept of it out.
template <class T>
void keep_entries(cudaStream_t stream, const Matrix& P, const Truncation* cuts, const std::int64_t* offsets,
                  std::int32_t* columns, T* values) {
  for_each_row(stream, P.nodes(), P.entries, "truncate: entries", [=] __device__(auto team, std::int64_t i) {
    const NodeWeights<T> w(P, i);
    const std::int64_t begin = offsets[i * w.k], length = offsets[i * w.k + 1] - begin;
    truncate_row(team, cuts[i], P, w, begin, length, columns, values);
  });
}

}  // namespace cuda

CsrMatrix CudaSpace::truncate(const Matrix& P, double factor, std::int64_t max_elements) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = P.rows;
  pattern->cols = P.cols;
  pattern->offsets = array<std::int64_t>(P.rows + 1);
  std::int64_t* offsets = pattern->offsets.data();
  return visit(P.dtype, [&]<class T>() {
    const auto cuts = array<Truncation>(P.nodes());
    cuda::cut_rows<T>(stream_, P, factor, max_elements, cuts.data(), offsets);
    pattern->columns = array<std::int32_t>(cuda::lengths_to_offsets(stream_, memory(), offsets, P.rows));
    CsrMatrix truncated = matrix(pattern, P.dtype);
    cuda::keep_entries(stream_, P, cuts.data(), offsets, pattern->columns.data(), truncated.as<T>());
    return truncated;
  });
}

}  // namespace amg
