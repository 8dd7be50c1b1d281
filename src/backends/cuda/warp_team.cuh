#pragma once

#include <cstdint>

#include "backends/cuda/launch.h"

namespace amg::cuda {

// `width` neighbouring lanes of a warp as a team of the row functions; setup/serial_team.h says what the words mean.
// Member `rank` takes every width-th element. Sums are joined in a butterfly, in which all members arrive at the
// same bits, for a + b = b + a.
template <int width>
class WarpTeam {
  static_assert(width >= 2 && width <= 32 && (width & (width - 1)) == 0);

 public:
  static constexpr int size = width;

  __device__ WarpTeam()
      : rank_(threadIdx.x % width),
        shift_(threadIdx.x % 32 - rank_),
        members_((~0u >> (32 - width)) << shift_) {}

  __device__ int rank() const { return static_cast<int>(rank_); }
  // Of this team alone: others in the warp may be elsewhere.
  __device__ int longest(int n) const { return n; }
  __device__ bool leads() const { return rank_ == 0; }
  // What members have written before is seen by all after it.
  __device__ void sync() const { __syncwarp(members_); }

  template <class F>
  __device__ void for_each(std::int64_t begin, std::int64_t end, F&& f) const {
    for (std::int64_t e = begin + rank_; e < end; e += width) f(e);
    sync();
  }

  template <class Keep, class F>
  __device__ void one_by_one(std::int64_t begin, std::int64_t end, Keep&& keep, F&& f) const {
    for (std::int64_t first = begin; first < end; first += width) {
      const std::int64_t e = first + rank_;
      unsigned kept = ballot(e < end && keep(e));
      sync();
      for (; kept != 0; kept &= kept - 1) f(first + __ffs(kept) - 1);
    }
  }

  template <class Keep, class F>
  __device__ std::int64_t select(std::int64_t begin, std::int64_t end, Keep&& keep, F&& f) const {
    std::int64_t count = 0;
    for (std::int64_t first = begin; first < end; first += width) {
      const std::int64_t e = first + rank_;
      const bool keeps = e < end && keep(e);
      const unsigned kept = ballot(keeps);
      if (keeps) f(e, count + __popc(kept & ((1u << rank_) - 1)));
      count += __popc(kept);
    }
    sync();
    return count;
  }

  // Writes only what is kept. `out` may be where make() reads: nobody overwrites an element that is still to be read.
  template <class Make, class Keep, class Out>
  __device__ std::int64_t compact(std::int64_t begin, std::int64_t end, Make&& make, Keep&& keep,
                                  Out* out) const {
    Out made{};
    return select(
        begin, end, [&](std::int64_t e) { return keep(made = make(e)); },
        [&](std::int64_t, std::int64_t place) { out[place] = made; });
  }

  template <class Number>
  __device__ Number sum(Number x) const {
    return join(x, [](Number a, Number b) { return a + b; });
  }
  __device__ double max(double x) const {
    return join(x, [](double a, double b) { return fmax(a, b); });
  }
  __device__ std::int64_t min(std::int64_t x) const {
    return join(x, [](std::int64_t a, std::int64_t b) { return b < a ? b : a; });
  }
  __device__ std::uint64_t bits(std::uint64_t x) const {
    return join(x, [](std::uint64_t a, std::uint64_t b) { return a | b; });
  }
  __device__ bool any(bool x) const { return ballot(x) != 0; }

 private:
  // Bit r is what member r says.
  __device__ unsigned ballot(bool x) const { return __ballot_sync(members_, x) >> shift_; }

  template <class Number, class Join>
  __device__ Number join(Number x, Join&& two) const {
    for (int distance = width / 2; distance > 0; distance /= 2)
      x = two(x, __shfl_xor_sync(members_, x, distance, width));
    return x;
  }

  unsigned rank_;
  unsigned shift_;    // lanes of the warp before the team
  unsigned members_;  // as the warp's intrinsics want them
};

template <int width, class F>
__global__ void __launch_bounds__(block_threads) row_kernel(std::int64_t rows, F f) {
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x) / width;
  if (i < rows) f(WarpTeam<width>(), i);
}

// Calls f(team, i), a __device__ lambda, for every row i of [0, rows) with `entries` entries in all: a team is as wide
// as the average row.
template <class F>
void for_each_row(cudaStream_t stream, std::int64_t rows, std::int64_t entries, const char* name, F f) {
  if (rows == 0) return;
  const auto launch = [&]<int width>() {
    row_kernel<width><<<blocks_for(rows * width), block_threads, 0, stream>>>(rows, f);
  };
  if (entries <= 4 * rows)
    launch.template operator()<4>();
  else if (entries <= 8 * rows)
    launch.template operator()<8>();
  else if (entries <= 16 * rows)
    launch.template operator()<16>();
  else
    launch.template operator()<32>();
  check_launch(name);
}

}  // namespace amg::cuda
