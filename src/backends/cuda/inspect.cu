#include <cstdint>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/row_team.cuh"

namespace amg {
namespace {

constexpr unsigned nonfinite = 1, zero_row = 2;

template <class T, class Team>
__global__ void __launch_bounds__(Team::block) inspect_kernel(Matrix A, unsigned* trouble) {
  const std::int64_t i = Team::row_in_grid();
  const std::int64_t begin = i < A.rows ? A.offsets[i] : 0, end = i < A.rows ? A.offsets[i + 1] : 0;
  bool is_finite = true, is_zero = true;
  for (std::int64_t k = begin + Team::rank(); k < end; k += Team::size) {
    const T a = A.as<T>()[k];
    is_finite = is_finite && isfinite(a);
    is_zero = is_zero && a == 0;
  }
  constexpr unsigned team_mask = ~0u >> (32 - Team::size);
  const unsigned nonzeros =
      __ballot_sync(~0u, !is_zero) >> (threadIdx.x % 32 / Team::size * Team::size) & team_mask;
  const unsigned found = (is_finite ? 0 : nonfinite) | (i < A.rows && nonzeros == 0 ? zero_row : 0);
  if (found) atomicOr(trouble, found);
}

}  // namespace

// Traffic: A's values and offsets
Reason CudaSpace::inspect(const Matrix& A) {
  if (A.rows == 0) return Reason::none;
  const auto trouble = array<unsigned>(1);
  cuda::check(cudaMemsetAsync(trouble.data(), 0, sizeof(unsigned), stream_), "clear");
  visit(A.dtype, [&]<class T>() {
    const auto launch = [&]<class Team>() {
      inspect_kernel<T, Team>
          <<<cuda::blocks_for(A.rows, Team::rows), Team::block, 0, stream_>>>(A, trouble.data());
      cuda::check_launch("inspect");
    };
    if (A.entries > 32 * A.rows)
      launch.template operator()<cuda::RowTeam<32>>();
    else
      launch.template operator()<cuda::RowTeam<8>>();
  });
  const unsigned found = cuda::read_one(stream_, trouble.data());
  // A matrix that is not finite is not called singular.
  if (found & nonfinite) return Reason::nonfinite_matrix;
  return found & zero_row ? Reason::zero_row : Reason::none;
}

}  // namespace amg
