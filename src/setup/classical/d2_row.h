#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace amg {

// D2, extended+i interpolation (De Sterck, Falgout, Nolting, Yang, "Distance-two interpolation for parallel
// algebraic multigrid", 2008). For a fine row i, with its strong coarse neighbours C_i, its strong fine neighbours
// F_i, and Ĉ_i = C_i ∪ ⋃_{k∈F_i} C_k:
//   w_ij = −(a_ij + Σ_{k∈F_i} a_ik ā_kj / b_ik) / ã_ii                        for j ∈ Ĉ_i
//   ã_ii = a_ii + Σ_{n∉Ĉ_i∪F_i∪{i}} a_in + Σ_{k∈F_i} a_ik ā_ki / b_ik
//   b_ik = Σ_{l∈Ĉ_i∪{i}} ā_kl,     ā_kl = a_kl where its sign is not that of a_kk, else 0.
// Where b_ik is 0 there is nobody to hand a_ik on to: it is added to the diagonal. Where ã_ii is 0, w_i = 0.

// Calls visit(j) for every j of Ĉ_i, some of them more than once.
template <class Visit>
AMG_HD inline void d2_points(const Matrix& A, const std::uint8_t* strong, const std::int32_t* coarse,
                             std::int64_t i, Visit&& visit) {
  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
    if (!strong[e]) continue;
    const std::int32_t k = A.columns[e];
    if (coarse[k] >= 0) {
      visit(k);
      continue;
    }
    for (std::int64_t f = A.offsets[k]; f < A.offsets[k + 1]; ++f)
      if (strong[f] && coarse[A.columns[f]] >= 0) visit(A.columns[f]);
  }
}

// Adds the terms of the strong fine neighbour k to w; false if there is nobody to hand a_ik on to.
template <class T, class Position>
AMG_HD inline bool d2_distribute(const Matrix& A, std::int64_t k, double a_ik, const Position& position, double* w) {
  const T* values = A.as<T>();
  const std::int64_t begin = A.offsets[k], end = A.offsets[k + 1];

  double a_kk = 0, negative = 0, positive = 0;
  for (std::int64_t f = begin; f < end; ++f) {
    const double a = values[f];
    if (A.columns[f] == k) a_kk = a;
    else if (position(A.columns[f]) >= 0) (a < 0 ? negative : positive) += a;
  }
  const double b = a_kk < 0 ? positive : negative;
  if (b == 0) return false;

  const double share = a_ik / b;
  for (std::int64_t f = begin; f < end; ++f) {
    const double a = values[f];
    if ((a < 0) == (a_kk < 0)) continue;
    const std::int64_t p = position(A.columns[f]);
    if (p >= 0) w[p] += share * a;
  }
  return true;
}

// The weights of the fine row i. position(j) is the place of j in row i of P for j ∈ Ĉ_i, `size` = |Ĉ_i| for j = i,
// and negative for all others; w has room for size + 1 numbers, the last of which becomes ã_ii.
template <class T, class Position>
AMG_HD inline void d2_row(const Matrix& A, const std::uint8_t* strong, std::int64_t i, const Position& position,
                          std::int64_t size, double* w) {
  const T* values = A.as<T>();
  for (std::int64_t p = 0; p <= size; ++p) w[p] = 0;

  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
    const double a = values[e];
    const std::int64_t p = position(A.columns[e]);
    if (p >= 0) w[p] += a;
    else if (!strong[e] || !d2_distribute<T>(A, A.columns[e], a, position, w)) w[size] += a;
  }

  const double scale = w[size] != 0 ? -1 / w[size] : 0;
  for (std::int64_t p = 0; p < size; ++p) w[p] *= scale;
}

}  // namespace amg
