#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/pmis.h"
#include "backends/cuda/relaxed.cuh"
#include "setup/classical/cr_rule.h"
#include "setup/classical/relaxation_row.h"

namespace amg {

namespace cuda {

template <class T>
void scale_entries_of(cudaStream_t stream, const Matrix& A, float* scaled) {
  for_each(stream, A.rows, "select_cr: scale",
           [=] __device__(std::int64_t i) { scale_entries<T>(A, i, scaled); });
}

struct IsFine {
  const std::int32_t* state;
  __device__ bool operator()(std::int64_t i) const { return state[i] == fine_point; }
};

}  // namespace cuda

// Round by round as on the host: see there. Traffic of a sweep: 8 bytes an entry and 12 a row.
Array<std::int32_t> CudaSpace::select_cr(const Matrix& A, std::span<const std::uint8_t> strong) {
  const Pattern S = cuda::strong_graph(*this, A, strong);
  const auto scaled_values = array<float>(A.entries);
  const float* const scaled = scaled_values.data();
  visit(A.dtype, [&]<class T>() { cuda::scale_entries_of<T>(stream_, A, scaled_values.data()); });
  auto error = array<float>(A.rows), next = array<float>(A.rows);
  const auto weights = array<std::uint64_t>(A.rows);
  const auto states = array<std::int32_t>(A.rows), chosen_states = array<std::int32_t>(A.rows);
  const auto flag = array<std::int32_t>(1);
  std::int32_t *const state = states.data(), *const chosen = chosen_states.data();
  const cuda::IsFine is_fine{state};
  cuda::for_each(stream_, A.rows, "select_cr: states",
                 [=] __device__(std::int64_t i) { state[i] = fine_point; });
  for (;;) {
    cuda::for_each(stream_, A.rows, "select_cr: start",
                   [=, x = error.data(), y = next.data()] __device__(std::int64_t i) {
                     x[i] = y[i] = is_fine(i) ? cr_start(i) : 0;
                   });
    for (int sweep = 0; sweep < cr_sweeps; ++sweep) {
      cuda::for_each(stream_, A.rows, "select_cr: relax",
                     [=, x = error.data(), y = next.data()] __device__(std::int64_t i) {
                       if (is_fine(i)) y[i] = relaxed(A, scaled, i, x, 1, 0, is_fine);
                     });
      std::swap(error, next);
    }
    cuda::check(cudaMemsetAsync(flag.data(), 0, flag.bytes(), stream_), "clear");
    cuda::for_each(stream_, A.rows, "select_cr: candidates",
                   [=, x = error.data(), weight = weights.data(),
                    found = cuda::Relaxed{flag.data()}] __device__(std::int64_t i) {
                     chosen[i] = is_slow(x[i]) ? candidate : fine_point;
                     weight[i] = slow_weight(x[i], i);
                     if (chosen[i] == candidate) found.mark(0, 1);
                   });
    if (cuda::read_one(stream_, flag.data()) == 0) return cuda::number_coarse(*this, states);
    cuda::select_independent(*this, S, weights, chosen_states);
    cuda::for_each(stream_, A.rows, "select_cr: coarse points", [=] __device__(std::int64_t i) {
      if (chosen[i] == coarse_point) state[i] = coarse_point;
    });
  }
}

}  // namespace amg
