#include <utility>

#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/classical/affinity_row.h"

namespace amg {

Array<std::uint8_t> HostSpace::strength_affinity(const Matrix& A, const StrengthOptions& options) {
  const std::int32_t vectors = options.affinity_vectors;
  const auto everywhere = [](std::int64_t) { return true; };
  const auto for_rows = [&](const auto& body) { parallel_for_each(A.rows, setup_rows, body); };
  const auto scaled = array<float>(A.entries);
  auto x = array<float>(A.rows * vectors), next = array<float>(A.rows * vectors);
  auto strong = array<std::uint8_t>(A.entries);
  visit(A.dtype, [&]<class T>() {
    for_rows([&](std::int64_t i) {
      scale_entries<T>(A, i, scaled.data());
      for (std::int32_t v = 0; v < vectors; ++v) x[i * vectors + v] = test_vector(i, v);
    });
    for (int sweep = 0; sweep < sweeps_per_iteration * options.affinity_iterations; ++sweep) {
      for_rows([&](std::int64_t i) {
        for (std::int32_t v = 0; v < vectors; ++v)
          next[i * vectors + v] = relaxed(A, scaled.data(), i, x.data(), vectors, v, everywhere);
      });
      std::swap(x, next);
    }
    for_rows([&](std::int64_t i) {
      strength_affinity_row<T>(A, x.data(), vectors, i, options.strength_threshold, options.max_row_sum,
                               strong.data());
    });
  });
  return strong;
}

}  // namespace amg
