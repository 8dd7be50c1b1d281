#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace amg {

// D2, extended+i interpolation (De Sterck, Falgout, Nolting, Yang, "Distance-two interpolation for parallel
// algebraic multigrid", 2008). For a fine row i, with its strong coarse neighbours C_i, its strong fine
// neighbours F_i, and Ĉ_i = C_i ∪ ⋃_{k∈F_i} C_k:
//   w_ij = −(a_ij + Σ_{k∈F_i} a_ik ā_kj / b_ik) / ã_ii                        for j ∈ Ĉ_i
//   ã_ii = a_ii + Σ_{n∉Ĉ_i∪F_i∪{i}} a_in + Σ_{k∈F_i} a_ik ā_ki / b_ik
//   b_ik = Σ_{l∈Ĉ_i∪{i}} ā_kl,     ā_kl = a_kl where its sign is not that of a_kk, else 0.
// Where b_ik is 0 there is nobody to hand a_ik on to: it is added to the diagonal. Where ã_ii is 0, w_i = 0.

// Calls visit(c) for the coarse number c of every point of Ĉ_i, of some more than once. C_i is row i of the
// pattern of D1.
template <class Visit>
AMG_HD inline void d2_points(const Matrix& A, const std::uint8_t* strong, const std::int32_t* coarse,
                             const std::int64_t* d1_offsets, const std::int32_t* d1_columns, std::int64_t i,
                             Visit&& visit) {
  for (std::int64_t d = d1_offsets[i]; d < d1_offsets[i + 1]; ++d) visit(d1_columns[d]);
  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
    const std::int32_t k = A.columns[e];
    if (!strong[e] || coarse[k] >= 0) continue;
    for (std::int64_t d = d1_offsets[k]; d < d1_offsets[k + 1]; ++d) visit(d1_columns[d]);
  }
}

// An entry a_kl with l ∈ Ĉ_i ∪ {i}.
struct D2Entry {
  double a;
  std::int64_t position;
};

// Adds the terms of the strong fine neighbour k to w; false if there is nobody to hand a_ik on to. Few
// entries of row k are wanted, and which is a coin toss, so they are picked without a branch before anything
// is summed.
template <class T, class Position>
AMG_HD inline bool d2_distribute(const Matrix& A, std::int64_t k, double a_ik, const Position& position,
                                 double* w, D2Entry* wanted) {
  const T* values = A.as<T>();
  double a_kk = 0;
  std::int64_t count = 0;
  for (std::int64_t f = A.offsets[k]; f < A.offsets[k + 1]; ++f) {
    const std::int32_t l = A.columns[f];
    a_kk = l == k ? values[f] : a_kk;
    wanted[count] = {values[f], position(l)};
    count += wanted[count].position >= 0 ? 1 : 0;
  }

  double b = 0;
  for (std::int64_t e = 0; e < count; ++e)
    if ((wanted[e].a < 0) != (a_kk < 0)) b += wanted[e].a;
  if (b == 0) return false;

  const double share = a_ik / b;
  for (std::int64_t e = 0; e < count; ++e)
    if ((wanted[e].a < 0) != (a_kk < 0)) w[wanted[e].position] += share * wanted[e].a;
  return true;
}

// The weights of the fine row i. position(j) is the place of j in row i of P for j ∈ Ĉ_i, `size` = |Ĉ_i| for
// j = i, and negative for all others. w has room for size + 1 numbers, the last of which becomes ã_ii;
// `wanted` for the longest row of A.
template <class T, class Position>
AMG_HD inline void d2_row(const Matrix& A, const std::uint8_t* strong, std::int64_t i,
                          const Position& position, std::int64_t size, double* w, D2Entry* wanted) {
  const T* values = A.as<T>();
  for (std::int64_t p = 0; p <= size; ++p) w[p] = 0;

  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
    const double a = values[e];
    const std::int64_t p = position(A.columns[e]);
    if (p >= 0)
      w[p] += a;
    else if (!strong[e] || !d2_distribute<T>(A, A.columns[e], a, position, w, wanted))
      w[size] += a;
  }

  const double scale = w[size] != 0 ? -1 / w[size] : 0;
  for (std::int64_t p = 0; p < size; ++p) w[p] *= scale;
}

}  // namespace amg
