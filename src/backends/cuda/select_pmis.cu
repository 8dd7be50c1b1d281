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

// Traffic: twice 1 byte an entry for the masks, A's columns; S's columns.
Pattern strong_graph(CudaSpace& space, const Matrix& A, std::span<const std::uint8_t> strong_entries) {
  const std::uint8_t* strong = strong_entries.data();
  Pattern S;
  S.rows = S.cols = A.rows;
  S.offsets = space.array<std::int64_t>(A.rows + 1);
  std::int64_t* const offsets = S.offsets.data();
  for_each_row(space.stream(), A.rows, A.entries, "strong_graph: lengths",
               [=] __device__(auto team, std::int64_t i) {
                 std::int64_t length = 0;
                 team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { length += strong[e]; });
                 length = team.sum(length);
                 if (team.leads()) offsets[i] = length;
               });
  S.columns = space.array<std::int32_t>(lengths_to_offsets(space.stream(), space.memory(), offsets, A.rows));
  std::int32_t* const columns = S.columns.data();
  for_each_row(space.stream(), A.rows, A.entries, "strong_graph: columns",
               [=] __device__(auto team, std::int64_t i) {
                 std::int32_t* const out = columns + offsets[i];
                 team.select(
                     A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { return strong[e] != 0; },
                     [&](std::int64_t e, std::int64_t place) { out[place] = A.columns[e]; });
               });
  return S;
}

Array<std::uint64_t> pmis_weights(CudaSpace& space, const Pattern& S) {
  const auto influence = space.array<std::uint32_t>(S.rows);
  auto weights = space.array<std::uint64_t>(S.rows);
  if (S.rows == 0) return weights;
  std::uint32_t* const influenced = influence.data();
  check(cudaMemsetAsync(influenced, 0, influence.bytes(), space.stream()), "clear");
  for_each(space.stream(), S.entries(), "pmis: influence",
           [influenced, columns = S.columns.data()] __device__(std::int64_t e) {
             atomicAdd(influenced + columns[e], 1u);
           });
  for_each(space.stream(), S.rows, "pmis: weights",
           [influenced, weight = weights.data()] __device__(std::int64_t i) {
             weight[i] = pmis_weight(influenced[i], i);
           });
  return weights;
}

// Round by round as on the host: see there. A round reads the rows of S of the undecided three times over, and their
// neighbours' states and weights.
void select_independent(CudaSpace& space, const Pattern& S, const Array<std::uint64_t>& weights,
                        const Array<std::int32_t>& states) {
  const cudaStream_t stream = space.stream();
  const std::int64_t n = S.rows;
  if (n == 0) return;
  const std::int64_t* const offsets = S.offsets.data();
  const std::int32_t* const columns = S.columns.data();
  const std::uint64_t* const weight = weights.data();
  const Relaxed state{states.data()};

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
}

Array<std::int32_t> number_coarse(CudaSpace& space, const Array<std::int32_t>& states) {
  const std::int64_t n = states.size();
  auto numbers = space.array<std::int32_t>(n);
  if (n == 0) return numbers;
  const auto is_coarse = thrust::make_transform_iterator(thrust::counting_iterator<std::int32_t>(0),
                                                         HasState{states.data(), coarse_point});
  with_storage(space.memory(), "number coarse points", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(storage, bytes, is_coarse, numbers.data(), n, space.stream());
  });
  for_each(space.stream(), n, "number coarse points",
           [states = states.data(), numbers = numbers.data()] __device__(std::int64_t i) {
             if (states[i] != coarse_point) numbers[i] = -1;
           });
  return numbers;
}

Array<std::int32_t> pmis(CudaSpace& space, const Pattern& S, Uninfluential uninfluential) {
  const auto weights = pmis_weights(space, S);
  const auto states = space.array<std::int32_t>(S.rows);
  for_each(space.stream(), S.rows, "pmis: states",
           [uninfluential, weight = weights.data(), state = states.data()] __device__(std::int64_t i) {
             state[i] = pmis_start(weight[i], uninfluential);
           });
  select_independent(space, S, weights, states);
  return number_coarse(space, states);
}

}  // namespace cuda

Array<std::int32_t> CudaSpace::select_pmis(const Matrix& A, std::span<const std::uint8_t> strong) {
  return cuda::pmis(*this, cuda::strong_graph(*this, A, strong), Uninfluential::fine);
}

}  // namespace amg
