#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace amg {

// D1, direct interpolation (Stüben, "A review of algebraic multigrid", 2001): the fine row i interpolates
// from its strong coarse neighbours C_i, negative and positive couplings scaled apart:
//   w_ij = −α a_ij / a_ii  for a_ij < 0,   α = Σ_{k≠i} a_ik⁻ / Σ_{k∈C_i} a_ik⁻
//   w_ij = −β a_ij / a_ii  for a_ij > 0,   β likewise with a_ik⁺.
// Couplings of a sign that C_i lacks are added to the diagonal instead. A diagonal of zero gives a row of
// zeros.

AMG_HD inline bool d1_interpolates(const Matrix& A, const std::uint8_t* strong, const std::int32_t* coarse,
                                   std::int64_t e) {
  return strong[e] && coarse[A.columns[e]] >= 0;
}

template <class T, class Team>
AMG_HD inline void d1_row(Team team, const Matrix& A, const std::uint8_t* strong, const std::int32_t* coarse,
                          std::int64_t i, T* w) {
  const T* values = A.as<T>();
  const std::int64_t begin = A.offsets[i], end = A.offsets[i + 1];

  double diagonal = 0, all_negative = 0, all_positive = 0, negative = 0, positive = 0;
  team.for_each(begin, end, [&](std::int64_t e) {
    const double a = values[e];
    if (A.columns[e] == i) {
      diagonal = a;
      return;
    }
    (a < 0 ? all_negative : all_positive) += a;
    if (d1_interpolates(A, strong, coarse, e)) (a < 0 ? negative : positive) += a;
  });
  diagonal = team.sum(diagonal);
  all_negative = team.sum(all_negative);
  all_positive = team.sum(all_positive);
  negative = team.sum(negative);
  positive = team.sum(positive);
  if (negative == 0) diagonal += all_negative;
  if (positive == 0) diagonal += all_positive;

  const double scale = diagonal != 0 ? -1 / diagonal : 0;
  const double alpha = negative != 0 ? scale * (all_negative / negative) : 0;
  const double beta = positive != 0 ? scale * (all_positive / positive) : 0;
  team.select(
      begin, end, [&](std::int64_t e) { return d1_interpolates(A, strong, coarse, e); },
      [&](std::int64_t e, std::int64_t place) {
        const double a = values[e];
        w[place] = static_cast<T>((a < 0 ? alpha : beta) * a);
      });
}

}  // namespace amg
