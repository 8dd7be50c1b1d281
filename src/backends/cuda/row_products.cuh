#pragma once

#include <cstdint>

#include "backends/cuda/row_team.cuh"
#include "core/matrix.h"

namespace amg::cuda {

// Where the rows of B begin that a run of entries of A names, and how long they are.
template <int size>
struct StagedRows {
  std::int64_t begin[size];
  std::int32_t length[size];
};

enum class Order : std::uint8_t {
  any,     // every warp of the team walks along another row of B
  by_row,  // one row of B at a time, in the order of A's entries, all threads beside each other
};

// Calls f(a, b), numbers of entries of A and B, for the products that make up row i of A B. By row, threads
// that run at a time have different columns, and none runs ahead: sums per column need no atomics, and have a
// fixed order. Row i < 0 has no products; the team walks along with the others of its warp. stop() ends it
// early. All threads have come back from f before one returns.
template <Order order, class Team, class Stop, class F>
__device__ void for_each_product(Team team, StagedRows<Team::size>& staged, const Matrix& A, const Matrix& B,
                                 std::int64_t i, Stop stop, F f) {
  constexpr int width = order == Order::any && Team::size > 32 ? 32 : Team::size;
  const std::int64_t first = i < 0 ? 0 : A.offsets[i];
  const int size = i < 0 ? 0 : static_cast<int>(A.offsets[i + 1] - first);
  const int longest = team.longest(size);
  for (int done = 0; done < longest; done += Team::size) {
    std::int64_t begin = 0, end = 0;
    if (done + team.rank() < size) {
      const std::int32_t k = A.columns[first + done + team.rank()];
      begin = B.offsets[k];
      end = B.offsets[k + 1];
    }
    staged.begin[team.rank()] = begin;
    staged.length[team.rank()] = static_cast<std::int32_t>(end - begin);
    team.sync();
    const int count = min(Team::size, longest - done);
    for (int a = team.rank() / width; a < count; a += Team::size / width) {
      const std::int32_t length = stop() ? 0 : staged.length[a];
      for (std::int32_t b = team.rank() % width; b < length; b += width)
        f(first + done + a, staged.begin[a] + b);
      if (order == Order::by_row) team.sync();
    }
    if (order == Order::any) team.sync();
  }
}

}  // namespace amg::cuda
