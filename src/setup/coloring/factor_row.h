#pragma once

#include <cstdint>

#include "core/find_entry.h"
#include "core/matrix.h"
#include "setup/block_row.h"

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

// ---- the same for matrices of nodes: entries are blocks, and `inverse` holds the inverses of pivot blocks

// Room for the row functions below.
AMG_HD inline std::int64_t factor_scratch(std::int64_t k) { return block_scratch(k) + k * k; }

template <class T, class Team>
AMG_HD inline void dilu_block_row(Team team, const Matrix& A, const std::int32_t* color, std::int64_t i,
                                  double roundoff, double* m, T* inverse) {
  const BlockRow<T> row(A, i);
  const std::int64_t k = row.k, width = block_scratch_width(k);
  diagonal_block<T>(team, A, i, {}, m);
  for (std::int64_t e = row.begin; e < row.end; ++e) {
    const std::int64_t j = row.columns[e];
    if (j >= A.nodes() || color[j] >= color[i]) continue;
    const std::int64_t back = find_place(A.by_nodes(), j, i);
    if (back < 0) continue;
    const BlockRow<T> other(A, j);
    const T* const pivot = inverse + j * k * k;
    team.for_each(0, k, [&](std::int64_t c) {
      for (std::int64_t q = 0; q < k; ++q) {
        double factor = 0;  // (a_ij e_j⁻¹)_cq
        for (std::int64_t p = 0; p < k; ++p)
          factor += static_cast<double>(row.value(c, e)[p]) * static_cast<double>(pivot[p * k + q]);
        for (std::int64_t d = 0; d < k; ++d)
          m[c * width + d] -= factor * static_cast<double>(other.value(q, back)[d]);
      }
    });
  }
  if (team.leads()) invert_block(k, roundoff, m, inverse + i * k * k);
}

// e_i⁻¹ from the pivot block that F stores.
template <class T, class Team>
AMG_HD inline void invert_pivot_block(Team team, const Matrix& F, std::int64_t i, double roundoff, double* m,
                                      T* inverse) {
  const std::int64_t k = F.block_dim;
  diagonal_block<T>(team, F, i, {}, m);
  if (team.leads()) invert_block(k, roundoff, m, inverse + i * k * k);
}

template <class T, class Team>
AMG_HD inline void ilu_start_block_row(Team team, const Matrix& A, const Matrix& F, std::int64_t i,
                                       double roundoff, double* m, T* values, T* inverse) {
  const BlockRow<T> from(A, i), to(F, i);
  const std::int64_t k = to.k;
  team.for_each(to.begin, to.end, [&](std::int64_t e) {
    const std::int64_t place = find_place(A.by_nodes(), i, to.columns[e]);
    for (std::int64_t c = 0; c < k; ++c)
      for (std::int64_t d = 0; d < k; ++d)
        values[to.value(c, e) + d - F.as<T>()] = place < 0 ? T{0} : from.value(c, place)[d];
  });
  invert_pivot_block(team, F, i, roundoff, m, inverse);
}

template <class T, class Team>
AMG_HD inline void ilu_eliminate_block_row(Team team, const Matrix& F, const std::int32_t* color,
                                           std::int32_t eliminated, std::int64_t i, double roundoff,
                                           double* m, T* values, T* inverse) {
  const BlockRow<T> row(F, i);
  const std::int64_t k = row.k;
  double* const factor = m + block_scratch(k);  // f_ij e_j⁻¹
  for (std::int64_t e = row.begin; e < row.end; ++e) {
    const std::int64_t j = row.columns[e];
    if (j >= F.nodes() || color[j] != eliminated) continue;
    const T* const pivot = inverse + j * k * k;
    team.for_each(0, k * k, [&](std::int64_t at) {
      factor[at] = 0;
      for (std::int64_t p = 0; p < k; ++p)
        factor[at] +=
            static_cast<double>(row.value(at / k, e)[p]) * static_cast<double>(pivot[p * k + at % k]);
    });
    const BlockRow<T> other(F, j);
    // Every column comes once in row j: the members change different blocks.
    team.for_each(other.begin, other.end, [&](std::int64_t next) {
      const std::int32_t column = other.columns[next];
      if (column >= F.nodes() || color[column] <= eliminated) return;
      const std::int64_t place = find_place(F.by_nodes(), i, column);
      if (place < 0) return;
      for (std::int64_t c = 0; c < k; ++c)
        for (std::int64_t d = 0; d < k; ++d) {
          double sum = 0;
          for (std::int64_t q = 0; q < k; ++q)
            sum += factor[c * k + q] * static_cast<double>(other.value(q, next)[d]);
          values[row.value(c, place) + d - F.as<T>()] -= static_cast<T>(sum);
        }
    });
  }
  if (color[i] == eliminated + 1) invert_pivot_block(team, F, i, roundoff, m, inverse);
}

}  // namespace amg
