#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/aggregation/filtered_row.h"

namespace amg {

namespace cuda {

// Traffic: 1 byte an entry and A's columns, twice; A's values, and what is left out.
template <class T>
CsrMatrix filtered(CudaSpace& space, const Matrix& A, const std::uint8_t* coupling) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = A.cols;
  pattern->offsets = space.array<std::int64_t>(A.rows + 1);
  std::int64_t* const offsets = pattern->offsets.data();
  for_each_row(space.stream(), A.rows, A.entries, "filtered: lengths",
               [=] __device__(auto team, std::int64_t i) {
                 const std::int64_t length = filtered_row<T>(team, A, i, coupling, nullptr, nullptr);
                 if (team.leads()) offsets[i] = length;
               });
  pattern->columns =
      space.array<std::int32_t>(lengths_to_offsets(space.stream(), space.memory(), offsets, A.rows));
  std::int32_t* const columns = pattern->columns.data();
  CsrMatrix F = space.matrix(std::move(pattern), A.dtype);
  for_each_row(space.stream(), A.rows, A.entries, "filtered",
               [=, values = F.as<T>()] __device__(auto team, std::int64_t i) {
                 filtered_row<T>(team, A, i, coupling, columns + offsets[i], values + offsets[i]);
               });
  return F;
}

}  // namespace cuda

CsrMatrix CudaSpace::filtered(const Matrix& A, std::span<const std::uint8_t> coupling) {
  return visit(A.dtype, [&]<class T>() { return cuda::filtered<T>(*this, A, coupling.data()); });
}

}  // namespace amg
