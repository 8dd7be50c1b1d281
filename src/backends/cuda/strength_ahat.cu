#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/classical/strength_row.h"

namespace amg {

namespace cuda {

// Traffic: A, and 1 byte an entry out.
template <class T>
void mark_strong(cudaStream_t stream, const Matrix& A, double threshold, double max_row_sum,
                 std::uint8_t* strong) {
  for_each_row(stream, A.rows, A.entries, "strength_ahat", [=] __device__(auto team, std::int64_t i) {
    strength_ahat_row<T>(team, A, i, threshold, max_row_sum, strong);
  });
}

}  // namespace cuda

Array<std::uint8_t> CudaSpace::strength_ahat(const Matrix& A, const StrengthOptions& options) {
  auto strong = array<std::uint8_t>(A.entries);
  visit(A.dtype, [&]<class T>() {
    cuda::mark_strong<T>(stream_, A, options.strength_threshold, options.max_row_sum, strong.data());
  });
  return strong;
}

}  // namespace amg
