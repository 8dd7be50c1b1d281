#include "backends/cuda/cuda_space.h"
#include "backends/cuda/interpolation.cuh"

namespace amg {

std::shared_ptr<const Pattern> CudaSpace::pattern_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                                                     std::span<const std::int32_t> coarse) {
  return cuda::direct_pattern(*this, "pattern_d1", CoarseNeighbours{A, strong.data(), coarse.data()},
                              cuda::number_of_coarse(*this, coarse));
}

void CudaSpace::values_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  visit(A.dtype, [&]<class T>() {
    cuda::direct_values(stream_, "values_d1", CoarseNeighbours{A, strong.data(), coarse.data()},
                        P.pattern()->offsets.data(), P.as<T>());
  });
}

}  // namespace amg
