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

  __device__ void stage(int rank, const Matrix& A, const Matrix& B, std::int64_t a) {
    std::int64_t first = 0, end = 0;
    if (a >= 0) {
      const std::int32_t k = A.columns[a];
      first = B.offsets[k];
      end = B.offsets[k + 1];
    }
    begin[rank] = first;
    length[rank] = static_cast<std::int32_t>(end - first);
  }
};

// The same, with what each row is multiplied by.
template <int size>
struct WeightedRows : StagedRows<size> {
  double weight[size];

  template <class T>
  __device__ void stage(int rank, const Matrix& A, const Matrix& B, std::int64_t a) {
    StagedRows<size>::stage(rank, A, B, a);
    weight[rank] = a < 0 ? 0.0 : static_cast<double>(A.as<T>()[a]);
  }
};

// Goes along row i of A in runs of as many entries as the team has threads: every thread stages one, or −1, and f(count)
// is called when all have. Row i < 0 has no entries; the team walks along with the others of its warp.
template <class Team, class Stage, class F>
__device__ void for_each_run(Team team, const Matrix& A, std::int64_t i, Stage stage, F f) {
  const std::int64_t first = i < 0 ? 0 : A.offsets[i];
  const int size = i < 0 ? 0 : static_cast<int>(A.offsets[i + 1] - first);
  const int longest = team.longest(size);
  for (int done = 0; done < longest; done += Team::size) {
    stage(done + team.rank() < size ? first + done + team.rank() : -1);
    team.sync();
    f(min(Team::size, longest - done));
    team.sync();
  }
}

// Calls f(column) for the column of every product that row i of A B is made of, in any order: every warp of the team
// walks along another row of B. stop() ends it early. All threads have come back from f before one returns.
template <class Team, class Stop, class F>
__device__ void for_each_column(Team team, StagedRows<Team::size>& staged, const Matrix& A, const Matrix& B,
                                std::int64_t i, Stop stop, F f) {
  constexpr int width = Team::size > 32 ? 32 : Team::size;
  for_each_run(
      team, A, i, [&](std::int64_t a) { staged.stage(team.rank(), A, B, a); },
      [&](int count) {
        for (int a = team.rank() / width; a < count; a += Team::size / width) {
          const std::int32_t length = stop() ? 0 : staged.length[a];
          for (std::int32_t b = team.rank() % width; b < length; b += width)
            f(B.columns[staged.begin[a] + b]);
        }
      });
}

// Adds to sums[find(column)] the products that row i of A B is made of, one row of B after the other and all threads
// beside each other. Threads that add at a time have different columns, and none runs ahead: sums need no atomics, and
// have a fixed order. The entries of a few rows are fetched and their places found before any is added, so that the
// team waits for memory once for all of them.
template <class T, class Team, class Find>
__device__ void add_products(Team team, WeightedRows<Team::size>& staged, const Matrix& A, const Matrix& B,
                             std::int64_t i, Find find, double* sums) {
  constexpr int at_a_time = 4;
  static_assert(Team::size % at_a_time == 0);  // rows beyond a run's count are empty
  for_each_run(
      team, A, i, [&](std::int64_t a) { staged.template stage<T>(team.rank(), A, B, a); },
      [&](int count) {
        for (int a = 0; a < count; a += at_a_time) {
          std::int32_t most = 0;
          for (int r = 0; r < at_a_time; ++r) most = max(most, staged.length[a + r]);
          most = team.longest(most);
          for (std::int32_t b = team.rank(); b - team.rank() < most; b += Team::size) {
            std::int32_t column[at_a_time];
            double value[at_a_time];
#pragma unroll
            for (int r = 0; r < at_a_time; ++r) {
              const bool there = b < staged.length[a + r];
              const std::int64_t at = staged.begin[a + r] + b;
              column[r] = there ? B.columns[at] : -1;
              value[r] = there ? static_cast<double>(B.as<T>()[at]) : 0.0;
            }
            std::int32_t place[at_a_time];
#pragma unroll
            for (int r = 0; r < at_a_time; ++r) place[r] = column[r] < 0 ? -1 : find(column[r]);
#pragma unroll
            for (int r = 0; r < at_a_time; ++r) {
              if (place[r] >= 0) sums[place[r]] += staged.weight[a + r] * value[r];
              team.sync();
            }
          }
        }
      });
}

}  // namespace amg::cuda
