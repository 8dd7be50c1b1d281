#include <thrust/iterator/counting_iterator.h>

#include <cub/device/device_select.cuh>
#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/number_aggregates.cuh"
#include "backends/cuda/warp_team.cuh"
#include "setup/aggregation/root_order.h"
#include "setup/aggregation/symmetric_strength_row.h"

namespace amg {

namespace cuda {

enum RootState : std::int32_t { undecided, root, no_root };

struct IsUndecided {
  const std::int32_t* state;
  __device__ bool operator()(std::int32_t i) const { return state[i] == undecided; }
};

// Moves the undecided among `rows` to `out`, in order; returns their number: waits for the stream.
template <class Rows>
std::int64_t select_undecided(CudaSpace& space, Rows rows, std::int64_t n, const std::int32_t* state,
                              std::int32_t* out) {
  const auto count = space.array<std::int64_t>(1);
  with_storage(space.memory(), "select undecided rows", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceSelect::If(storage, bytes, rows, out, count.data(), n, IsUndecided{state},
                                 space.stream());
  });
  return read_one(space.stream(), count.data());
}

}  // namespace cuda

// The aggregates that the host finds row after row: see there. A row is a root once it is the first of the undecided
// among its neighbours and theirs, and no root is as near. A round reads the rows of the undecided four times over; there
// are as many as roots wait for one another, on a grid numbered line by line about as many as its lines are long.
Array<std::int32_t> CudaSpace::aggregate_neighbourhoods(const Matrix& A,
                                                        std::span<const std::uint8_t> couplings) {
  const std::int64_t n = A.rows;
  if (n == 0) return array<std::int32_t>(0);
  const std::uint8_t* const coupling = couplings.data();
  const auto states = array<std::int32_t>(n);
  const auto firsts =
      array<unsigned long long>(n);            // of the undecided next to a row, and itself, in root_order
  const auto takers = array<std::int32_t>(n);  // the root that has taken a row, or −1
  std::int32_t* const state = states.data();
  unsigned long long* const first = firsts.data();
  std::int32_t* const taken_by = takers.data();
  cuda::for_each_row(stream_, n, A.entries, "aggregate: rows without neighbours",
                     [=] __device__(auto team, std::int64_t i) {
                       bool alone = true;
                       team.for_each(A.offsets[i], A.offsets[i + 1],
                                     [&](std::int64_t e) { alone = alone && coupling[e] != strong; });
                       alone = !team.any(!alone);
                       if (!team.leads()) return;
                       state[i] = alone ? cuda::no_root : cuda::undecided;
                       taken_by[i] = -1;
                     });

  auto active_rows = array<std::int32_t>(n);
  auto next_rows = array<std::int32_t>(n);
  std::int64_t count =
      cuda::select_undecided(*this, thrust::counting_iterator<std::int32_t>(0), n, state, active_rows.data());
  const std::int64_t row_length = A.entries / n + 1;
  while (count > 0) {
    const std::int32_t* const active = active_rows.data();
    const auto for_active = [&](const char* name, auto f) {
      cuda::for_each_row(stream_, count, count * row_length, name, f);
    };
    for_active("aggregate: clear", [=] __device__(auto team, std::int64_t r) {
      const std::int32_t i = active[r];
      team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
        if (coupling[e] == strong) first[A.columns[e]] = ~0ull;
      });
      if (team.leads()) first[i] = ~0ull;
    });
    for_active("aggregate: first", [=] __device__(auto team, std::int64_t r) {
      const std::int32_t i = active[r];
      const unsigned long long order = root_order(i);
      team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
        if (coupling[e] == strong) atomicMin(first + A.columns[e], order);
      });
      if (team.leads()) atomicMin(first + i, order);
    });
    for_active("aggregate: roots", [=] __device__(auto team, std::int64_t r) {
      const std::int32_t i = active[r];
      const unsigned long long order = root_order(i);
      bool beaten = first[i] != order;
      team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
        beaten = beaten || (coupling[e] == strong && first[A.columns[e]] != order);
      });
      if (team.any(beaten)) return;
      team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
        if (coupling[e] == strong) taken_by[A.columns[e]] = i;
      });
      if (!team.leads()) return;
      taken_by[i] = i;
      state[i] = cuda::root;
    });
    for_active("aggregate: near roots", [=] __device__(auto team, std::int64_t r) {
      const std::int32_t i = active[r];
      bool near = taken_by[i] >= 0;
      team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
        near = near || (coupling[e] == strong && taken_by[A.columns[e]] >= 0);
      });
      if (team.any(near) && team.leads() && state[i] == cuda::undecided) state[i] = cuda::no_root;
    });
    count = cuda::select_undecided(*this, active, count, state, next_rows.data());
    std::swap(active_rows, next_rows);
  }

  const auto roots = array<std::int32_t>(n);
  cuda::for_each_row(stream_, n, A.entries, "aggregate: join",
                     [=, root = roots.data()] __device__(auto team, std::int64_t i) {
                       std::int64_t entry = A.offsets[i + 1];
                       team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
                         if (coupling[e] == strong && taken_by[A.columns[e]] >= 0 && e < entry) entry = e;
                       });
                       entry = team.min(entry);
                       if (!team.leads()) return;
                       const bool joins = taken_by[i] < 0 && entry < A.offsets[i + 1];
                       root[i] = joins ? taken_by[A.columns[entry]] : taken_by[i];
                     });
  return cuda::number_aggregates(*this, roots.data(), n);
}

}  // namespace amg
