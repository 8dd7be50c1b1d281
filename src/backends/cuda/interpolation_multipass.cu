#include "backends/cuda/cuda_space.h"
#include "backends/cuda/interpolation.cuh"
#include "backends/cuda/relaxed.cuh"

namespace amg {

// Breadth first as on the host: see there. Traffic of a round: the masks and columns of the rows not yet reached.
Passes CudaSpace::passes(const Matrix& A, std::span<const std::uint8_t> strong_entries,
                         std::span<const std::int32_t> coarse_points) {
  Passes passes{array<std::int32_t>(A.rows)};
  const std::uint8_t* const strong = strong_entries.data();
  const std::int32_t* const coarse = coarse_points.data();
  const cuda::Relaxed pass{passes.of_row.data()};
  const auto flag = array<std::int32_t>(1);
  const cuda::Relaxed found{flag.data()};
  cuda::for_each(stream_, A.rows, "passes: coarse points",
                 [=] __device__(std::int64_t i) { pass.data[i] = coarse[i] >= 0 ? 0 : -1; });
  for (std::int32_t last = 0;; last = passes.last) {
    cuda::check(cudaMemsetAsync(flag.data(), 0, flag.bytes(), stream_), "clear");
    cuda::for_each_row(stream_, A.rows, A.entries, "passes", [=] __device__(auto team, std::int64_t i) {
      if (pass.look(i) >= 0) return;
      bool reached = false;
      team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
        reached = reached || (strong[e] && pass.look(A.columns[e]) == last);
      });
      if (!team.any(reached) || !team.leads()) return;
      pass.mark(i, last + 1);
      found.mark(0, 1);
    });
    if (cuda::read_one(stream_, flag.data()) == 0) return passes;
    passes.last = last + 1;
  }
}

std::shared_ptr<const Pattern> CudaSpace::pattern_step(const Matrix& A, std::span<const std::uint8_t> strong,
                                                       std::span<const std::int32_t> pass) {
  return cuda::direct_pattern(*this, "pattern_step", NearerNeighbours{A, strong.data(), pass.data()}, A.rows);
}

void CudaSpace::values_step(const Matrix& A, std::span<const std::uint8_t> strong,
                            std::span<const std::int32_t> pass, CsrMatrix& W) {
  visit(A.dtype, [&]<class T>() {
    cuda::direct_values(stream_, "values_step", NearerNeighbours{A, strong.data(), pass.data()},
                        W.pattern()->offsets.data(), W.as<T>());
  });
}

}  // namespace amg
