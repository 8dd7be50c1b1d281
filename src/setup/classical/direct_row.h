#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace amg {

// Direct interpolation (Stüben, "A review of algebraic multigrid", 2001): row i takes its value from its neighbours
// in a set C_i, negative and positive couplings scaled apart:
//   w_ij = −α a_ij / a_ii  for a_ij < 0,   α = Σ_{k≠i} a_ik⁻ / Σ_{k∈C_i} a_ik⁻
//   w_ij = −β a_ij / a_ii  for a_ij > 0,   β likewise with a_ik⁺.
// Couplings of a sign that C_i lacks are added to the diagonal instead. A diagonal of zero gives a row of
// zeros.
//
// `from` says what C_i is: a row that from.keeps(i) is itself, with weight 1; else from.takes(i, e) says whether the
// neighbour of entry e is in C_i. from.column(j) is the column of j in the matrix of weights, and ascends with j.

// D1: C_i is the strong coarse neighbours of the fine row i.
struct CoarseNeighbours {
  Matrix A;
  const std::uint8_t* strong;
  const std::int32_t* coarse;

  AMG_HD bool keeps(std::int64_t i) const { return coarse[i] >= 0; }
  AMG_HD bool takes(std::int64_t, std::int64_t e) const { return strong[e] && coarse[A.columns[e]] >= 0; }
  AMG_HD std::int32_t column(std::int64_t j) const { return coarse[j]; }
};

// One pass of MULTIPASS: C_i is the strong neighbours that are one step nearer to a coarse point.
struct NearerNeighbours {
  Matrix A;
  const std::uint8_t* strong;
  const std::int32_t* pass;

  AMG_HD bool keeps(std::int64_t i) const { return pass[i] == 0; }
  AMG_HD bool takes(std::int64_t i, std::int64_t e) const {
    return strong[e] && pass[i] > 0 && pass[A.columns[e]] == pass[i] - 1;
  }
  AMG_HD std::int32_t column(std::int64_t j) const { return static_cast<std::int32_t>(j); }
};

template <class T, class Team, class From>
AMG_HD inline void direct_row(Team team, const From& from, std::int64_t i, T* w) {
  const Matrix& A = from.A;
  const T* values = A.template as<T>();
  const std::int64_t begin = A.offsets[i], end = A.offsets[i + 1];

  double diagonal = 0, all_negative = 0, all_positive = 0, negative = 0, positive = 0;
  team.for_each(begin, end, [&](std::int64_t e) {
    const double a = values[e];
    if (A.columns[e] == i) {
      diagonal = a;
      return;
    }
    (a < 0 ? all_negative : all_positive) += a;
    if (from.takes(i, e)) (a < 0 ? negative : positive) += a;
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
      begin, end, [&](std::int64_t e) { return from.takes(i, e); },
      [&](std::int64_t e, std::int64_t place) {
        const double a = values[e];
        w[place] = static_cast<T>((a < 0 ? alpha : beta) * a);
      });
}

}  // namespace amg
