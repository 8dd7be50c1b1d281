#pragma once

#include <cmath>
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
//
// On coarse levels of three-dimensional problems numerators of both signs may nearly cancel, and ã_ii with them, as all
// sum to zero where the row does: weights of 1 and −1 become 100 and −99. So where Σ_j |w_ij| > 4, a part of those with
// the sign of a_ii is added to the diagonal instead: as much as leaves 4, or all.

// Calls visit(c) for the coarse number c of every coarse point that one strong step from row i leads to, or two by way of
// a fine one; for some more than once. For a fine row these are Ĉ_i. Row k of the pattern of D1 holds C_k.
template <class Team, class Visit>
AMG_HD inline void d2_points(Team team, const Matrix& A, const std::uint8_t* strong,
                             const std::int32_t* coarse, const std::int64_t* d1_offsets,
                             const std::int32_t* d1_columns, std::int64_t i, Visit&& visit) {
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const std::int32_t k = A.columns[e];
    if (!strong[e]) return;
    if (coarse[k] >= 0) return visit(coarse[k]);
    for (std::int64_t d = d1_offsets[k]; d < d1_offsets[k + 1]; ++d) visit(d1_columns[d]);
  });
}

// An entry a_kl with l ∈ Ĉ_i ∪ {i}.
struct D2Entry {
  double a;
  std::int64_t position;
};

// Adds the terms of the strong fine neighbour k to w; false if there is nobody to hand a_ik on to.
template <class T, class Team, class Position>
AMG_HD inline bool d2_distribute(Team team, const Matrix& A, std::int64_t k, double a_ik,
                                 const Position& position, double* w, D2Entry* wanted) {
  const T* values = A.as<T>();
  double a_kk = 0;
  const std::int64_t count = team.compact(
      A.offsets[k], A.offsets[k + 1],
      [&](std::int64_t f) {
        const std::int32_t l = A.columns[f];
        a_kk = l == k ? values[f] : a_kk;
        return D2Entry{values[f], position(l)};
      },
      [](const D2Entry& entry) { return entry.position >= 0; }, wanted);
  const bool negative = team.any(a_kk < 0);

  double b = 0;  // of terms of one sign
  team.for_each(0, count, [&](std::int64_t e) {
    if ((wanted[e].a < 0) != negative) b += wanted[e].a;
  });
  b = team.sum(b);
  if (b == 0) return false;

  const double share = a_ik / b;
  team.for_each(0, count, [&](std::int64_t e) {
    if ((wanted[e].a < 0) != negative) w[wanted[e].position] += share * wanted[e].a;
  });
  return true;
}

// Adds to w, which is zero, what makes the weights of the fine row i; returns the factor −1 / ã_ii that they still
// lack. position(j) is the place in w, one of `places`, of j for j ∈ Ĉ_i ∪ {i}, and negative for all others; `wanted`
// has room for the longest row of A.
template <class T, class Team, class Position>
AMG_HD inline double d2_row(Team team, const Matrix& A, const std::uint8_t* strong, std::int64_t i,
                            const Position& position, double* w, std::int64_t places, D2Entry* wanted) {
  const T* values = A.as<T>();
  const std::int64_t begin = A.offsets[i], end = A.offsets[i + 1];
  const std::int64_t own = position(static_cast<std::int32_t>(i));

  double a_ii = 0, weak = 0, undistributed = 0;
  team.one_by_one(
      begin, end,
      [&](std::int64_t e) {
        const std::int64_t p = position(A.columns[e]);
        if (p >= 0) {
          if (p == own) a_ii = values[e];
          w[p] += values[e];
          return false;
        }
        if (!strong[e]) weak += values[e];
        return strong[e] != 0;
      },
      [&](std::int64_t e) {
        const double a_ik = values[e];
        if (!d2_distribute<T>(team, A, A.columns[e], a_ik, position, w, wanted)) undistributed += a_ik;
      });
  double diagonal = w[own] + team.sum(weak) + undistributed;

  // As if a_ii were positive: the sums of the numerators of the usual sign, less than zero, and of the other.
  const double sign = team.any(a_ii < 0) ? -1 : 1;
  double usual = 0, contrary = 0;
  team.for_each(0, places, [&](std::int64_t p) {
    const double numerator = p == own ? 0 : sign * w[p];
    (numerator < 0 ? usual : contrary) += numerator;
  });
  usual = -team.sum(usual);
  contrary = team.sum(contrary);
  constexpr double most = 4;
  if (contrary > 0 && usual + contrary > most * std::abs(diagonal)) {
    const double wanted_part = (most * (sign * diagonal + contrary) - usual) / ((1 + most) * contrary);
    const double kept = wanted_part > 0 ? wanted_part : 0;
    diagonal += sign * (1 - kept) * contrary;
    team.for_each(0, places, [&](std::int64_t p) {
      if (p != own && sign * w[p] > 0) w[p] *= kept;
    });
  }
  return diagonal != 0 ? -1 / diagonal : 0;
}

}  // namespace amg
