#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/find_entry.h"
#include "core/matrix.h"

namespace amg {

// No product is added to anything here, so there is nothing to contract into an fma: the host and a GPU pair
// alike.

// How strongly SIZE_2 wants to pair rows i and j: AmgX's weight_formula 0 or 1, the same seen from either
// end; 0 where they are not to be paired. Only 8 significant bits are kept (bfloat16, of which an
// order-preserving pattern is returned): where coefficients vary smoothly, every row would otherwise point
// one way along its grid line, and a round of matching would find one pair per line.
AMG_HD inline std::uint16_t size_2_weight(std::int64_t formula, double a_ij, double a_ji, double a_ii,
                                          double a_jj) {
  const double weight =
      formula == 1 ? -0.5 * (a_ij / a_ii + a_ji / a_jj)
                   : 0.5 * (std::abs(a_ij) + std::abs(a_ji)) / std::max(std::abs(a_ii), std::abs(a_jj));
  if (!(weight > 0.0)) return 0;
  return static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(static_cast<float>(weight)) + 0x8000u) >>
                                    16);
}

// Whether row i would rather be paired with j than with k, given both weights. Ties are broken so that on a
// uniform grid, where all weights are equal, one round pairs nearly everybody and all pairs line up: the
// nearer row in the numbering wins, and of i - d and i + d the one that makes intervals [0, d], [2d, 3d], …
// of a line of stride d. Seen from both ends an edge ranks alike, so the best edge of all is chosen by both
// its rows and every round finds a pair.
AMG_HD inline bool size_2_prefers(std::int64_t i, std::uint16_t weight_j, std::int64_t j,
                                  std::uint16_t weight_k, std::int64_t k) {
  if (weight_j != weight_k) return weight_j > weight_k;
  const std::int64_t to_j = std::abs(j - i), to_k = std::abs(k - i);
  if (to_j != to_k) return to_j < to_k;
  return (j > i) == (i / to_j % 2 == 0);
}

// The weight of entry k of row i; 0 on the diagonal, towards ghosts, whose rows are not ours to pair, and
// where only one end stores the edge: a row would wait for ever for one that does not know of it.
template <class T>
AMG_HD inline std::uint16_t size_2_entry_weight(const Matrix& A, std::int64_t formula, const double* diagonal,
                                                std::int64_t i, std::int64_t k) {
  const std::int64_t j = A.columns[k];
  if (j == i || j >= A.rows) return 0;
  const T* const a_ji = find_entry<T>(A, j, i);
  if (!a_ji) return 0;
  return size_2_weight(formula, static_cast<double>(A.as<T>()[k]), static_cast<double>(*a_ji), diagonal[i],
                       diagonal[j]);
}

inline constexpr std::int32_t size_2_nobody = -1;

// The neighbour that i wants most of those that are assigned to an aggregate, or of those that are not:
// root[j] says.
AMG_HD inline std::int32_t size_2_most_wanted(const Matrix& A, const std::uint16_t* weights,
                                              const std::int32_t* root, std::int64_t i, bool assigned) {
  std::int32_t best = size_2_nobody;
  std::uint16_t best_weight = 0;
  for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k) {
    const std::int32_t j = A.columns[k];
    if (weights[k] == 0 || (root[j] != size_2_nobody) != assigned) continue;
    if (best != size_2_nobody && !size_2_prefers(i, weights[k], j, best_weight, best)) continue;
    best = j;
    best_weight = weights[k];
  }
  return best;
}

}  // namespace amg
