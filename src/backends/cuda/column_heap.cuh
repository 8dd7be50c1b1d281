#pragma once

#include <cstdint>

#include "backends/cuda/row_team.cuh"

namespace amg::cuda {

// Where rows leave their columns as they are found, until the lengths of all rows are known. The order of the
// rows there is that of the run; what a row holds is not.
struct ColumnHeap {
  std::int32_t* columns;
  std::int64_t room;
  unsigned long long* used;  // may pass `room`: rows that found none are not stored
  std::int64_t* places;      // of every row
  std::int64_t* lengths;

  // Where n columns of the team go. Atomics on one address wait for each other: one a warp. `shared` is the
  // team's.
  template <class Team>
  __device__ std::int64_t reserve(Team team, int n, std::int64_t* shared) const {
    if constexpr (Team::size > 32) {
      if (team.rank() == 0) *shared = take(n);
      team.sync();
      return *shared;
    } else {
      const int lane = static_cast<int>(threadIdx.x) % 32;
      int end = team.rank() == 0 ? n : 0;  // of this team's columns within the warp's
      for (int step = 1; step < 32; step *= 2) {
        const int before = __shfl_up_sync(~0u, end, step);
        if (lane >= step) end += before;
      }
      const std::int64_t begin = __shfl_sync(~0u, lane == 31 ? take(end) : 0, 31);
      return begin + end - n;
    }
  }

  __device__ bool holds(std::int64_t place, int n) const { return place + n <= room; }

  __device__ void keep(std::int64_t row, std::int64_t place, int n) const {
    places[row] = place;
    lengths[row] = n;
  }

 private:
  __device__ std::int64_t take(int n) const {
    return static_cast<std::int64_t>(atomicAdd(used, static_cast<unsigned long long>(n)));
  }
};

}  // namespace amg::cuda
