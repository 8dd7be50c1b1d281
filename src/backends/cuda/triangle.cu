#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/coloring/triangle_row.h"

namespace amg {

namespace {

void triangle_sizes(cudaStream_t stream, const Matrix& A, const TriangleRule& rule, std::int64_t* lengths) {
  cuda::for_each_row(stream, A.rows, A.entries, "triangle: lengths",
                     [=] __device__(auto team, std::int64_t i) {
                       const std::int64_t length = triangle_size(team, A, rule, i);
                       if (team.leads()) lengths[i] = length;
                     });
}

template <class T>
void triangle_entries(cudaStream_t stream, const Matrix& A, const TriangleRule& rule,
                      const std::int64_t* offsets, std::int32_t* columns, T* values) {
  cuda::for_each_row(stream, A.rows, A.entries, "triangle: entries",
                     [=] __device__(auto team, std::int64_t i) {
                       triangle_row(team, A, rule, i, columns + offsets[i], values + offsets[i]);
                     });
}

}  // namespace

// Traffic: A twice, and what is kept of it out
CsrMatrix CudaSpace::triangle(const Matrix& A, const Coloring& coloring, Triangle which) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = A.cols;
  pattern->offsets = array<std::int64_t>(A.rows + 1);
  std::int64_t* const offsets = pattern->offsets.data();
  const TriangleRule rule{coloring.color.data(), A.rows, which};
  triangle_sizes(stream_, A, rule, offsets);
  pattern->columns = array<std::int32_t>(cuda::lengths_to_offsets(stream_, memory(), offsets, A.rows));
  CsrMatrix out = matrix(pattern, A.dtype);
  visit(A.dtype, [&]<class T>() {
    triangle_entries(stream_, A, rule, offsets, pattern->columns.data(), out.as<T>());
  });
  return out;
}

}  // namespace amg
