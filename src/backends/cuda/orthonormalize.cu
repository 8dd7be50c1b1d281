#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/aggregation/tentative_block.h"

namespace amg {

namespace cuda {

// A team for each aggregate. Traffic in B.lanes = m vectors: 1 in, and 3 m for the products of Gram and Schmidt, most of
// which the cache serves.
template <class T>
void orthonormalize_aggregates(cudaStream_t stream, const Pattern& members, std::int32_t block_dim,
                               ConstVector B, const std::int64_t* offsets, T* values, T* R) {
  for_each_row(stream, members.rows, members.entries() * block_dim, "orthonormalize",
               [=, first = members.offsets.data(), nodes = members.columns.data()] __device__(
                   auto team, std::int64_t a) {
                 tentative_block(team, nodes + first[a], first[a + 1] - first[a], block_dim, B, offsets,
                                 values, R + a * B.lanes * B.lanes);
               });
}

}  // namespace cuda

void CudaSpace::orthonormalize(const Pattern& members, std::int32_t block_dim, ConstVector B, CsrMatrix& T,
                               Vector R) {
  visit(B.dtype, [&]<class Real>() {
    cuda::orthonormalize_aggregates(stream_, members, block_dim, B, T.pattern()->offsets.data(), T.as<Real>(),
                                    R.as<Real>());
  });
}

}  // namespace amg
