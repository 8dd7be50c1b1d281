#pragma once

#include <cstdint>

#include "core/find_entry.h"
#include "core/matrix.h"

namespace amg {

// Incomplete factors M = (E + L) E⁻¹ (E + U) in the order of the colors (Saad, Iterative Methods for Sparse
// Linear Systems, ch. 10.3): E diagonal, L and U strictly triangular, the transpose of the same kind. A pivot
// of 0 leaves its row out, as `inverse`, E⁻¹, is 0 there.

template <class T>
AMG_HD inline T invert_pivot(T pivot) {
  return pivot == 0 ? T{0} : 1 / pivot;
}

// The pivot that F stores, inverted.
template <class T>
AMG_HD inline T invert_stored_pivot(const Matrix& F, std::int64_t i) {
  const T* const pivot = find_entry<T>(F, i, i);
  return pivot ? invert_pivot(*pivot) : T{0};
}

// DILU: L and U are A's, and diag M = diag A:  e_i = a_ii − Σ_{k before i} a_ik e_k⁻¹ a_ki.
template <class T, class Team>
AMG_HD inline void dilu_row(Team team, const Matrix& A, const std::int32_t* color, std::int64_t i,
                            T* inverse) {
  double pivot = 0;
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const std::int64_t k = A.columns[e];
    if (k == i) {
      pivot += static_cast<double>(A.as<T>()[e]);
    } else if (k < A.rows && color[k] < color[i]) {
      const T* const a_ki = find_entry<T>(A, k, i);
      if (a_ki)
        pivot -=
            static_cast<double>(A.as<T>()[e]) * static_cast<double>(inverse[k]) * static_cast<double>(*a_ki);
    }
  });
  pivot = team.sum(pivot);
  if (team.leads()) inverse[i] = invert_pivot(static_cast<T>(pivot));
}

// The row i of A where F has entries; the rest of them begin as zeros.
template <class T, class Team>
AMG_HD inline void ilu_start_row(Team team, const Matrix& A, const Matrix& F, std::int64_t i, T* values,
                                 T* inverse) {
  team.for_each(F.offsets[i], F.offsets[i + 1], [&](std::int64_t e) {
    const T* const a = find_entry<T>(A, i, F.columns[e]);
    values[e] = a ? *a : T{0};
  });
  if (team.leads()) inverse[i] = invert_stored_pivot<T>(F, i);
}

// ILU: eliminates the unknowns of one color from row i behind it:
//   f_ij −= f_ik e_k⁻¹ f_kj  for every k of that color and every j behind it, where f_ij is stored.
// The row is done, and so is its pivot, once all colors before its own are eliminated.
template <class T, class Team>
AMG_HD inline void ilu_eliminate_row(Team team, const Matrix& F, const std::int32_t* color,
                                     std::int32_t eliminated, std::int64_t i, T* values, T* inverse) {
  team.one_by_one(
      F.offsets[i], F.offsets[i + 1],
      [&](std::int64_t e) { return F.columns[e] < F.rows && color[F.columns[e]] == eliminated; },
      [&](std::int64_t e) {
        const std::int64_t k = F.columns[e];
        const double factor = static_cast<double>(values[e]) * static_cast<double>(inverse[k]);
        // Every j comes once in row k: the members change different entries.
        team.for_each(F.offsets[k], F.offsets[k + 1], [&](std::int64_t next) {
          const std::int32_t j = F.columns[next];
          if (j >= F.rows || color[j] <= eliminated) return;
          const T* const f_ij = find_entry<T>(F, i, j);
          if (f_ij) values[f_ij - F.as<T>()] -= static_cast<T>(factor * static_cast<double>(values[next]));
        });
      });
  if (team.leads() && color[i] == eliminated + 1) inverse[i] = invert_stored_pivot<T>(F, i);
}

}  // namespace amg
