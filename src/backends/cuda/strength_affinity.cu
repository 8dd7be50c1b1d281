#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"
#include "setup/classical/affinity_row.h"

namespace amg {

namespace cuda {

// Traffic: A twice, and 4 bytes an entry for its scaled values; these, the columns, and 12 bytes a row and
// vector in every sweep.
template <class T>
void mark_by_affinity(CudaSpace& space, const Matrix& A, const StrengthOptions& options,
                      std::uint8_t* strong) {
  const std::int32_t vectors = options.affinity_vectors;
  const double threshold = options.strength_threshold, max_row_sum = options.max_row_sum;
  const auto scaled_values = space.array<float>(A.entries);
  float* const scaled = scaled_values.data();
  auto now = space.array<float>(A.rows * vectors), next = space.array<float>(A.rows * vectors);
  for_each(space.stream(), A.rows, "strength_affinity: start",
           [=, x = now.data()] __device__(std::int64_t i) {
             scale_entries<T>(A, i, scaled);
             for (std::int32_t v = 0; v < vectors; ++v) x[i * vectors + v] = test_vector(i, v);
           });
  for (int sweep = 0; sweep < sweeps_per_iteration * options.affinity_iterations; ++sweep) {
    for_each(space.stream(), A.rows * vectors, "strength_affinity: relax",
             [=, x = now.data(), y = next.data()] __device__(std::int64_t k) {
               y[k] = relaxed(A, scaled, k / vectors, x, vectors, static_cast<std::int32_t>(k % vectors),
                              [](std::int64_t) { return true; });
             });
    std::swap(now, next);
  }
  for_each(space.stream(), A.rows, "strength_affinity", [=, x = now.data()] __device__(std::int64_t i) {
    strength_affinity_row<T>(A, x, vectors, i, threshold, max_row_sum, strong);
  });
}

}  // namespace cuda

Array<std::uint8_t> CudaSpace::strength_affinity(const Matrix& A, const StrengthOptions& options) {
  auto strong = array<std::uint8_t>(A.entries);
  visit(A.dtype, [&]<class T>() { cuda::mark_by_affinity<T>(*this, A, options, strong.data()); });
  return strong;
}

}  // namespace amg
