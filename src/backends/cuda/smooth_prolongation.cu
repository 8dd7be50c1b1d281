#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/aggregation/smoothed_row.h"

namespace amg {

namespace cuda {

// Traffic: T, P's columns, and P's values in and out.
template <class Real>
void smooth_rows(cudaStream_t stream, const Matrix& T, const Real* inverse, double omega, const Pattern& P,
                 Real* values) {
  for_each_row(
      stream, T.rows, P.entries(), "smooth_prolongation",
      [=, offsets = P.offsets.data(), columns = P.columns.data()] __device__(auto team, std::int64_t i) {
        const std::int64_t first = offsets[i];
        smoothed_row(team, T, i, omega * static_cast<double>(inverse[i]), columns + first,
                     offsets[i + 1] - first, values + first);
      });
}

}  // namespace cuda

void CudaSpace::smooth_prolongation(const Matrix& T, const void* inverse, double omega, CsrMatrix& P) {
  visit(T.dtype, [&]<class Real>() {
    cuda::smooth_rows(stream_, T, static_cast<const Real*>(inverse), omega, *P.pattern(), P.as<Real>());
  });
}

}  // namespace amg
