#pragma once

#include <cstdint>
#include <memory>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/key_set.cuh"
#include "backends/cuda/scan.h"
#include "backends/cuda/table_rows.cuh"
#include "backends/cuda/warp_team.cuh"
#include "setup/classical/d2_row.h"

namespace amg::cuda {

__device__ inline KeySet key_set(std::byte* table, int bits) {
  return {reinterpret_cast<std::int32_t*>(table), bits};
}

inline std::int64_t entries_per_row(const Matrix& A) { return A.rows > 0 ? A.entries / A.rows : 0; }

// The coarse points that one or two strong steps from row i lead to: Ĉ_i of D2.
struct PointsInReach {
  Matrix A;
  const std::uint8_t* strong;
  const std::int32_t* coarse;
  const std::int64_t* d1_offsets;
  const std::int32_t* d1_columns;

  // Their number, if no two paths led to the same.
  template <class Team>
  __device__ std::int64_t bound(Team team, std::int64_t i) const {
    std::int64_t points = 0;
    team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
      const std::int32_t k = A.columns[e];
      if (strong[e]) points += coarse[k] >= 0 ? 1 : d1_offsets[k + 1] - d1_offsets[k];
    });
    return team.sum(points);
  }

  template <class Team, class Visit>
  __device__ void visit(Team team, std::int64_t i, Visit&& f) const {
    d2_points(team, A, strong, coarse, d1_offsets, d1_columns, i, f);
  }
};

// Puts what row i visits into a set; returns its size.
template <class Team, class Rows>
__device__ std::int64_t collect(Team team, const Rows& rows, std::int64_t i, const KeySet& set) {
  std::int64_t columns = 0;
  set.clear(team);
  rows.visit(team, i, [&](std::int32_t column) { columns += set.insert(column) ? 1 : 0; });
  return team.sum(columns);
}

// A pattern whose row i is rows.only(i), where that is not negative, or else what rows.visit(team, i, f) calls f with,
// in any order and some of it more than once, at most rows.bound(team, i) times. Such a row is formed twice, the first
// time to be counted: it may be much shorter than its bound. `row_length` is what a team looks at side by side.
template <class Rows>
std::shared_ptr<const Pattern> collect_pattern(CudaSpace& space, const char* name, std::int64_t count,
                                               std::int64_t cols, std::int64_t row_length, Rows rows) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = count;
  pattern->cols = cols;
  pattern->offsets = space.array<std::int64_t>(count + 1);
  std::int64_t* const offsets = pattern->offsets.data();

  const auto bounds = space.array<std::int64_t>(count);
  std::int64_t* const bound = bounds.data();
  for_each_row(space.stream(), count, count * row_length, name,
               [=] __device__(auto team, std::int64_t i) {
                 const bool several = rows.only(i) < 0;
                 const std::int64_t columns = several ? rows.bound(team, i) : 0;
                 if (!team.leads()) return;
                 bound[i] = columns < cols ? columns : cols;
                 offsets[i] = several ? 0 : 1;
               });
  TableRows tables = group_by_table(space, count, [=] __device__(std::int64_t i) { return bound[i]; });
  for_each_table<sizeof(std::int32_t)>(
      space, tables, row_length, name,
      [=] __device__(auto team, std::int64_t i, std::byte* table, int bits) {
        const std::int64_t size = collect(team, rows, i, key_set(table, bits));
        if (team.leads()) offsets[i] = size;
      });

  pattern->columns =
      space.array<std::int32_t>(lengths_to_offsets(space.stream(), space.memory(), offsets, count));
  std::int32_t* const columns = pattern->columns.data();
  for_each(space.stream(), count, name, [=] __device__(std::int64_t i) {
    if (rows.only(i) >= 0) columns[offsets[i]] = rows.only(i);
  });
  tables = group_by_table(space, count, [=] __device__(std::int64_t i) {
    return rows.only(i) < 0 ? offsets[i + 1] - offsets[i] : 0;
  });
  for_each_table<sizeof(std::int32_t)>(
      space, tables, row_length, name,
      [=] __device__(auto team, std::int64_t i, std::byte* table, int bits) {
        const KeySet set = key_set(table, bits);
        collect(team, rows, i, set);
        const std::int64_t size = set.sort(team);
        team.for_each(0, size, [&](std::int64_t p) { columns[offsets[i] + p] = set[p]; });
      });
  return pattern;
}

}  // namespace amg::cuda
