#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/classical/strength_row.h"

namespace amg {

namespace cuda {

// Traffic: A, and 1 byte an entry out.
template <class T>
void mark_all(cudaStream_t stream, const Matrix& A, double max_row_sum, std::uint8_t* strong) {
  for_each_row(stream, A.rows, A.entries, "strength_all", [=] __device__(auto team, std::int64_t i) {
    strength_all_row<T>(team, A, i, max_row_sum, strong);
  });
}

}  // namespace cuda

Array<std::uint8_t> CudaSpace::strength_all(const Matrix& A, const StrengthOptions& options) {
  auto strong = array<std::uint8_t>(A.entries);
  visit(A.dtype, [&]<class T>() { cuda::mark_all<T>(stream_, A, options.max_row_sum, strong.data()); });
  return strong;
}

}  // namespace amg
