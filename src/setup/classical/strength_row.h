#pragma once

#include <cmath>
#include <cstdint>

#include "core/matrix.h"

namespace amg {

// Strength of connection with signs (Ruge and Stüben 1987), AmgX's AHAT: row i strongly depends on j when
//   −a_ij > threshold · max_{k≠i} (−a_ik)     for a_ii ≥ 0, with every sign flipped for a_ii < 0.
// The inequality is strict, as AmgX's operator complexities show (1024² Poisson: 2.99; strict 2.93, ≥ 2.84),
// and the maximum is at least 0, so a row whose off-diagonal entries all have the sign of its diagonal
// depends on nobody. Neither does a row with |Σ_j a_ij| > max_row_sum · |a_ii| when max_row_sum < 1: it is so
// dominated by its diagonal that smoothing alone solves it.
//
// No product is added to anything, so there is nothing to contract into an fma, and the row sum runs in column order
// for every team: all of them decide alike.
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

  bool dominated = false;
  if (max_row_sum < 1) {
    double row_sum = 0;
    for (std::int64_t e = begin; e < end; ++e) row_sum += values[e];
    dominated = std::abs(row_sum) > max_row_sum * std::abs(diagonal);
  }
  const double sign = diagonal < 0 ? 1 : -1;
  const double bar = threshold * team.max(diagonal < 0 ? highest : -lowest);
  team.for_each(begin, end, [&](std::int64_t e) {
    strong[e] = !dominated && A.columns[e] != i && sign * values[e] > bar;
  });
}

}  // namespace amg
