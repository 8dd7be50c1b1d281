#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/pmis.h"
#include "backends/cuda/relaxed.cuh"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"

namespace amg {

namespace cuda {

// The first two are still undecided; a beaten point has a heavier undecided neighbour in this round.
enum PmisState : std::int32_t { candidate, beaten, coarse_point, fine_point };

struct HasState {
  const std::int32_t* states;
  PmisState state;
  __device__ std::int32_t operator()(std::int32_t i) const { return states[i] == state ? 1 : 0; }
};

// Moves the candidates among `points` to `out`, in order; returns their number: waits for the stream.
template <class Points>
std::int64_t select_candidates(CudaSpace& space, Points points, std::int64_t n, const std::int32_t* states,
                               std::int32_t* out) {
  const auto count = space.array<std::int64_t>(1);
  with_storage(space.memory(), "select candidates", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceSelect::If(storage, bytes, points, out, count.data(), n, HasState{states, candidate},
                                 space.stream());
  });
  return read_one(space.stream(), count.data());
}

// Round by round as on the host: see there. A round reads the rows of S of the undecided three times over, and their
// neighbours' states and weights.
Array<std::int32_t> pmis(CudaSpace& space, const Pattern& S, Uninfluential uninfluential) {
  const cudaStream_t stream = space.stream();
  const std::int64_t n = S.rows;
  auto numbers = space.array<std::int32_t>(n);
  if (n == 0) return numbers;
  const std::int64_t* const offsets = S.offsets.data();
  const std::int32_t* const columns = S.columns.data();

  const auto influence = space.array<std::uint32_t>(n);
  const auto weights = space.array<std::uint64_t>(n);
  const auto states = space.array<std::int32_t>(n);
  std::uint32_t* const influenced = influence.data();
  std::uint64_t* const weight = weights.data();
  const Relaxed state{states.data()};
  check(cudaMemsetAsync(influenced, 0, influence.bytes(), stream), "clear");
  for_each(stream, S.entries(), "pmis: influence",
           [=] __device__(std::int64_t e) { atomicAdd(influenced + columns[e], 1u); });
  const bool all = uninfluential == Uninfluential::candidates;
  for_each(stream, n, "pmis: weights", [=] __device__(std::int64_t i) {
    weight[i] = pmis_weight(influenced[i], i);
    state.data[i] = all || influenced[i] > 0 ? candidate : fine_point;
  });

  auto active_points = space.array<std::int32_t>(n);
  auto next_points = space.array<std::int32_t>(n);
  std::int64_t count = select_candidates(space, thrust::counting_iterator<std::int32_t>(0), n, state.data,
                                         active_points.data());
  const std::int64_t row_length = S.entries() / n + 1;
  while (count > 0) {
    const std::int32_t* active = active_points.data();
    for_each_row(stream, count, count * row_length, "pmis: beat", [=] __device__(auto team, std::int64_t r) {
      const std::int32_t i = active[r];
      const std::uint64_t weight_i = weight[i];
      team.for_each(offsets[i], offsets[i + 1], [&](std::int64_t e) {
        const std::int32_t j = columns[e];
        if (state.look(j) <= beaten) state.mark(pmis_beats(weight_i, i, weight[j], j) ? j : i, beaten);
      });
    });
    for_each(stream, count, "pmis: choose", [=] __device__(std::int64_t r) {
      std::int32_t& s = state.data[active[r]];
      if (s == candidate) s = coarse_point;
    });
    for_each_row(stream, count, count * row_length, "pmis: cover", [=] __device__(auto team, std::int64_t r) {
      const std::int32_t i = active[r];
      if (state.look(i) == coarse_point) return;
      bool covered = false;
      team.for_each(offsets[i], offsets[i + 1],
                    [&](std::int64_t e) { covered = covered || state.look(columns[e]) == coarse_point; });
      covered = team.any(covered);
      if (team.leads()) state.mark(i, covered ? fine_point : candidate);
    });
    count = select_candidates(space, active, count, state.data, next_points.data());
    std::swap(active_points, next_points);
  }

  const auto is_coarse = thrust::make_transform_iterator(thrust::counting_iterator<std::int32_t>(0),
                                                         HasState{state.data, coarse_point});
  with_storage(space.memory(), "number coarse points", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(storage, bytes, is_coarse, numbers.data(), n, stream);
  });
  for_each(stream, n, "pmis: numbers",
           [states = state.data, numbers = numbers.data()] __device__(std::int64_t i) {
             if (states[i] != coarse_point) numbers[i] = -1;
           });
  return numbers;
}

}  // namespace cuda

// S by itself. Traffic: twice 1 byte an entry for the masks, A's columns; S's columns.
Array<std::int32_t> CudaSpace::select_pmis(const Matrix& A, std::span<const std::uint8_t> strong_entries) {
  const std::uint8_t* strong = strong_entries.data();
  Pattern S;
  S.rows = S.cols = A.rows;
  S.offsets = array<std::int64_t>(A.rows + 1);
  std::int64_t* const offsets = S.offsets.data();
  cuda::for_each_row(
      stream_, A.rows, A.entries, "select_pmis: lengths of S", [=] __device__(auto team, std::int64_t i) {
        std::int64_t length = 0;
        team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { length += strong[e]; });
        length = team.sum(length);
        if (team.leads()) offsets[i] = length;
      });
  S.columns = array<std::int32_t>(cuda::lengths_to_offsets(stream_, memory(), offsets, A.rows));
  std::int32_t* const columns = S.columns.data();
  cuda::for_each_row(stream_, A.rows, A.entries, "select_pmis: S", [=] __device__(auto team, std::int64_t i) {
    std::int32_t* const out = columns + offsets[i];
    team.select(
        A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { return strong[e] != 0; },
        [&](std::int64_t e, std::int64_t place) { out[place] = A.columns[e]; });
  });
  return cuda::pmis(*this, S, Uninfluential::fine);
}

}  // namespace amg
