#include "backends/host/host_space.h"
#include "backends/host/interpolation.h"

namespace amg {

std::shared_ptr<const Pattern> HostSpace::pattern_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                                                     std::span<const std::int32_t> coarse) {
  return host::direct_pattern(*this, CoarseNeighbours{A, strong.data(), coarse.data()},
                              host::number_of_coarse(coarse));
}

void HostSpace::values_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  host::direct_values(CoarseNeighbours{A, strong.data(), coarse.data()}, P);
}

}  // namespace amg
