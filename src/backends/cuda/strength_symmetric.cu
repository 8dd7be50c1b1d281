#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/aggregation/symmetric_strength_row.h"

namespace amg {

namespace cuda {

// Traffic: A, and a binary search in another row for every entry; 1 byte an entry out.
template <class T>
void mark_strong_symmetrically(CudaSpace& space, const Matrix& A, double threshold, std::uint8_t* coupling) {
  const auto diagonals = space.array<double>(A.rows);
  double* const diagonal = diagonals.data();
  for_each(space.stream(), A.rows, "strength_symmetric: diagonal", [=] __device__(std::int64_t i) {
    const T* const a_ii = find_entry<T>(A, i, i);
    diagonal[i] = a_ii ? static_cast<double>(*a_ii) : 0.0;
  });
  for_each_row(space.stream(), A.rows, A.entries, "strength_symmetric",
               [=] __device__(auto team, std::int64_t i) {
                 symmetric_strength_row<T>(team, A, i, threshold, diagonal, coupling);
               });
}

}  // namespace cuda

Array<std::uint8_t> CudaSpace::strength_symmetric(const Matrix& A, double threshold) {
  auto coupling = array<std::uint8_t>(A.entries);
  visit(A.dtype,
        [&]<class T>() { cuda::mark_strong_symmetrically<T>(*this, A, threshold, coupling.data()); });
  return coupling;
}

}  // namespace amg
