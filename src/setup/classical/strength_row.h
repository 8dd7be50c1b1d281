#pragma once

#include <cmath>
#include <cstdint>

#include "core/matrix.h"

namespace amg {

// No product is added to anything in this file, so there is nothing to contract into an fma, and row sums run
// in column order for every team: all of them decide alike.

// Whether |Σ_j a_ij| > max_row_sum · |a_ii| with max_row_sum < 1: a row so dominated by its diagonal that
// smoothing alone solves it, and that therefore depends on nobody.
template <class T>
AMG_HD inline bool is_dominated(const Matrix& A, std::int64_t i, double diagonal, double max_row_sum) {
  if (!(max_row_sum < 1)) return false;
  double row_sum = 0;
  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) row_sum += A.as<T>()[e];
  return std::abs(row_sum) > max_row_sum * std::abs(diagonal);
}

// Strength of connection with signs (Ruge and Stüben 1987), AmgX's AHAT: row i strongly depends on j when
//   −a_ij > threshold · max_{k≠i} (−a_ik)     for a_ii ≥ 0, with every sign flipped for a_ii < 0.
// The inequality is strict, as AmgX's operator complexities show (1024² Poisson: 2.99; strict 2.93, ≥ 2.84),
// and the maximum is at least 0, so a row whose off-diagonal entries all have the sign of its diagonal
// depends on nobody.
template <class T, class Team>
AMG_HD inline void strength_ahat_row(Team team, const Matrix& A, std::int64_t i, double threshold,
                                     double max_row_sum, std::uint8_t* strong) {
  const T* values = A.as<T>();
  const std::int64_t begin = A.offsets[i], end = A.offsets[i + 1];

  double diagonal = 0, lowest = 0, highest = 0;
  team.for_each(begin, end, [&](std::int64_t e) {
    const double a = values[e];
    if (A.columns[e] == i) {
      diagonal = a;
    } else {
      if (a < lowest) lowest = a;
      if (a > highest) highest = a;
    }
  });
  diagonal = team.sum(diagonal);

  const bool dominated = is_dominated<T>(A, i, diagonal, max_row_sum);
  const double sign = diagonal < 0 ? 1 : -1;
  const double bar = threshold * team.max(diagonal < 0 ? highest : -lowest);
  team.for_each(begin, end, [&](std::int64_t e) {
    strong[e] = !dominated && A.columns[e] != i && sign * values[e] > bar;
  });
}

// ALL: row i strongly depends on all that it is coupled to, zeros included: where no row is asked to be
// dominated, the pattern alone decides, and new values never do.
template <class T, class Team>
AMG_HD inline void strength_all_row(Team team, const Matrix& A, std::int64_t i, double max_row_sum,
                                    std::uint8_t* strong) {
  const std::int64_t begin = A.offsets[i], end = A.offsets[i + 1];
  double diagonal = 0;
  team.for_each(begin, end, [&](std::int64_t e) {
    if (A.columns[e] == i) diagonal = A.as<T>()[e];
  });
  const bool dominated = is_dominated<T>(A, i, team.sum(diagonal), max_row_sum);
  team.for_each(begin, end, [&](std::int64_t e) { strong[e] = !dominated && A.columns[e] != i; });
}

}  // namespace amg
