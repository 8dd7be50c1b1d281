#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
#include <cuda/atomic>
#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/classical/pmis_rule.h"

namespace amg {

namespace cuda {

// The first two are still undecided; a beaten point has a heavier undecided neighbour in this round.
enum PmisState : std::uint8_t { candidate, beaten, coarse_point, fine_point };

// Points look at each other's states, and mark them, while a round runs. No outcome depends on the order.
struct PmisStates {
  std::uint8_t* data;

  using Ref = ::cuda::atomic_ref<std::uint8_t, ::cuda::thread_scope_device>;
  __device__ std::uint8_t look(std::int32_t i) const {
    return Ref(data[i]).load(::cuda::memory_order_relaxed);
  }
  __device__ void mark(std::int32_t i, PmisState now) const {
    Ref(data[i]).store(now, ::cuda::memory_order_relaxed);
  }
};

struct HasState {
  const std::uint8_t* states;
  PmisState state;
  __device__ std::int32_t operator()(std::int32_t i) const { return states[i] == state ? 1 : 0; }
};

// Moves the candidates among `points` to `out`, in order; returns their number: waits for the stream.
template <class Points>
std::int64_t select_candidates(CudaSpace& space, Points points, std::int64_t n, const std::uint8_t* states,
                               std::int32_t* out) {
  const auto count = space.scratch<std::int64_t>(1);
  with_storage(space.memory(), "select candidates", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceSelect::If(storage, bytes, points, out, count.data(), n, HasState{states, candidate},
                                 space.stream());
  });
  return read_one(space.stream(), count.data());
}

}  // namespace cuda

// PMIS as on the host, round by round: see there.
Array<std::int32_t> CudaSpace::select_pmis(const Matrix& A, std::span<const std::uint8_t> strong_entries) {
  const std::int64_t n = A.rows;
  auto numbers = array<std::int32_t>(n);
  if (n == 0) return numbers;
  const std::uint8_t* strong = strong_entries.data();

  // S by itself. Traffic: twice 1 byte an entry for the masks, A's columns, and an atomic for every strong one.
  const auto strong_offsets = scratch<std::int64_t>(n + 1);
  std::int64_t* const offsets = strong_offsets.data();
  cuda::for_each_row(
      stream_, n, A.entries, "select_pmis: lengths of S", [=] __device__(auto team, std::int64_t i) {
        std::int64_t length = 0;
        team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { length += strong[e]; });
        length = team.sum(length);
        if (team.leads()) offsets[i] = length;
      });
  const auto S = scratch<std::int32_t>(cuda::lengths_to_offsets(stream_, memory(), offsets, n));
  std::int32_t* const columns = S.data();
  const auto influence = scratch<std::uint32_t>(n);
  std::uint32_t* const influenced = influence.data();
  cuda::check(cudaMemsetAsync(influenced, 0, influence.bytes(), stream_), "clear");
  cuda::for_each_row(stream_, n, A.entries, "select_pmis: S", [=] __device__(auto team, std::int64_t i) {
    std::int32_t* const out = columns + offsets[i];
    team.select(
        A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { return strong[e] != 0; },
        [&](std::int64_t e, std::int64_t place) {
          out[place] = A.columns[e];
          atomicAdd(influenced + A.columns[e], 1u);
        });
  });

  const auto weights = scratch<std::uint64_t>(n);
  // An atomic load of a byte reads the word that it is in.
  const auto state_of = scratch<std::uint8_t>(n + 3);
  std::uint64_t* const weight = weights.data();
  const cuda::PmisStates state{state_of.data()};
  cuda::for_each(stream_, n, "select_pmis: weights", [=] __device__(std::int64_t i) {
    weight[i] = pmis_weight(influenced[i], i);
    state.data[i] = influenced[i] > 0 ? cuda::candidate : cuda::fine_point;
  });

  // A round reads the rows of S of the undecided three times over, and their neighbours' states and weights.
  auto active_points = scratch<std::int32_t>(n);
  auto next_points = scratch<std::int32_t>(n);
  std::int64_t count = cuda::select_candidates(*this, thrust::counting_iterator<std::int32_t>(0), n,
                                               state.data, active_points.data());
  const std::int64_t row_length = S.size() / n + 1;
  while (count > 0) {
    const std::int32_t* active = active_points.data();
    cuda::for_each_row(stream_, count, count * row_length, "select_pmis: beat",
                       [=] __device__(auto team, std::int64_t r) {
                         const std::int32_t i = active[r];
                         const std::uint64_t weight_i = weight[i];
                         team.for_each(offsets[i], offsets[i + 1], [&](std::int64_t e) {
                           const std::int32_t j = columns[e];
                           if (state.look(j) <= cuda::beaten)
                             state.mark(pmis_beats(weight_i, i, weight[j], j) ? j : i, cuda::beaten);
                         });
                       });
    cuda::for_each(stream_, count, "select_pmis: choose", [=] __device__(std::int64_t r) {
      std::uint8_t& s = state.data[active[r]];
      if (s == cuda::candidate) s = cuda::coarse_point;
    });
    cuda::for_each_row(stream_, count, count * row_length, "select_pmis: cover",
                       [=] __device__(auto team, std::int64_t r) {
                         const std::int32_t i = active[r];
                         if (state.look(i) == cuda::coarse_point) return;
                         bool covered = false;
                         team.for_each(offsets[i], offsets[i + 1], [&](std::int64_t e) {
                           covered = covered || state.look(columns[e]) == cuda::coarse_point;
                         });
                         covered = team.any(covered);
                         if (team.leads()) state.mark(i, covered ? cuda::fine_point : cuda::candidate);
                       });
    count = cuda::select_candidates(*this, active, count, state.data, next_points.data());
    std::swap(active_points, next_points);
  }

  const auto is_coarse = thrust::make_transform_iterator(thrust::counting_iterator<std::int32_t>(0),
                                                         cuda::HasState{state.data, cuda::coarse_point});
  cuda::with_storage(memory(), "number coarse points", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(storage, bytes, is_coarse, numbers.data(), n, stream_);
  });
  cuda::for_each(stream_, n, "select_pmis: numbers",
                 [states = state.data, numbers = numbers.data()] __device__(std::int64_t i) {
                   if (states[i] != cuda::coarse_point) numbers[i] = -1;
                 });
  return numbers;
}

}  // namespace amg
