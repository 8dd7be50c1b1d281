#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/find_entry.h"
#include "core/matrix.h"
#include "core/row_hash.h"
#include "setup/aggregation/matching_options.h"

namespace amg {

// No product is added to anything here, so there is nothing to contract into an fma: the host and a GPU pair
// alike.

// How strongly SIZE_2 wants to pair rows i and j: AmgX's weight_formula 0 or 1, the same seen from either end. What has
// the sign of the diagonal drives values apart, where pairs make them equal: by formula 0 it comes after all else.
AMG_HD inline double size_2_weight(std::int64_t formula, double a_ij, double a_ji, double a_ii, double a_jj) {
  if (formula == 1) return -0.5 * (a_ij / a_ii + a_ji / a_jj);
  const double weight = 0.5 * (std::abs(a_ij) + std::abs(a_ji)) / std::max(std::abs(a_ii), std::abs(a_jj));
  const bool repels = a_ii > 0 ? a_ij + a_ji > 0 : a_ij + a_ji < 0;
  return repels ? 0x1p-30 * weight : weight;
}

// 1 / (1 / x + 1 / y), where negative numbers count as 0.
AMG_HD inline double in_parallel(double x, double y) { return x > 0 && y > 0 ? x * y / (x + y) : 0.0; }

// The same for notay_weights: 1 / μ of the pair, by which Napov and Notay bound the rate ("An algebraic multigrid method
// with guaranteed convergence rate", SISC 34, 2012), given the sums of both rows.
AMG_HD inline double notay_weight(double a_ij, double a_ji, double a_ii, double a_jj, double sum_i,
                                  double sum_j) {
  const double joint = -0.5 * (a_ij + a_ji);
  if (!(joint > 0)) return 0;
  return 0.5 * (joint + in_parallel(sum_i, sum_j)) / in_parallel(a_ii, a_jj);
}

// A weight to 8 significant bits (bfloat16, of which an order-preserving pattern is returned); 0 for rows that are not
// to be paired. Where coefficients vary smoothly, every row would otherwise point one way along its grid line, and a
// round of matching would find one pair per line. The last bit says that the edge is to be scattered.
AMG_HD inline std::uint16_t size_2_rounded(double weight, bool scattered) {
  if (!(weight > 0.0)) return 0;
  const std::uint32_t bits = (std::bit_cast<std::uint32_t>(static_cast<float>(weight)) + 0x8000u) >> 16;
  return bits == 0 ? std::uint16_t{0} : static_cast<std::uint16_t>(2 * bits + (scattered ? 1 : 0));
}

AMG_HD inline bool size_2_is_scattered(std::uint16_t rounded) { return (rounded & 1) != 0; }

AMG_HD inline double size_2_value(std::uint16_t rounded) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(rounded / 2) << 16));
}

// Whether row i would rather be paired with j than with k, given both weights. Ties are broken so that on a
// uniform grid, where all weights are equal, one round pairs nearly everybody and all pairs line up: the
// nearer row in the numbering wins, and of i - d and i + d the one that makes intervals [0, d], [2d, 3d], …
// of a line of stride d. Scattered edges draw lots instead. Seen from both ends an edge ranks alike, so the
// best edge of all is chosen by both its rows and every round finds a pair.
AMG_HD inline bool size_2_prefers(std::int64_t i, std::uint16_t weight_j, std::int64_t j,
                                  std::uint16_t weight_k, std::int64_t k) {
  if (weight_j != weight_k) return weight_j > weight_k;
  const std::int64_t to_j = std::abs(j - i), to_k = std::abs(k - i);
  if (to_j != to_k) return to_j < to_k;
  if (size_2_is_scattered(weight_j)) return row_hash(std::min(i, j), 12) > row_hash(std::min(i, k), 12);
  return (j > i) == (i / to_j % 2 == 0);
}

// What pairing knows of a row: its diagonal, its sum, and the sum of its other entries' absolute values.
struct Size2Row {
  double diagonal, sum, others;
};

template <class T>
AMG_HD inline Size2Row size_2_row(const Matrix& A, std::int64_t i) {
  Size2Row row{};
  for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k) {
    const double a = static_cast<double>(A.as<T>()[k]);
    row.sum += a;
    if (A.columns[k] == i)
      row.diagonal = a;
    else
      row.others += std::abs(a);
  }
  return row;
}

// Whether Jacobi may leave what alternates along the strong edges of a row: D⁻¹ A has eigenvalues up to
// 1 + others / |diagonal|, and damping by 0.9 turns one of 2.2 into an error of the same size. Pairs that line up cannot
// represent it either (elasticity, taken as a scalar matrix: twice the iterations); scattered ones can.
AMG_HD inline bool size_2_overshoots(const Size2Row& row) {
  return row.others > 1.2 * std::abs(row.diagonal);
}

// The weight of entry k of row i; 0 on the diagonal, towards ghosts, whose rows are not ours to pair, and
// where only one end stores the edge: a row would wait for ever for one that does not know of it.
template <class T>
AMG_HD inline std::uint16_t size_2_entry_weight(const Matrix& A, const MatchingOptions& options,
                                                const Size2Row* rows, std::int64_t i, std::int64_t k) {
  const std::int64_t j = A.columns[k];
  if (j == i || j >= A.rows) return 0;
  const T* const stored = find_entry<T>(A, j, i);
  if (!stored) return 0;
  const double a_ij = static_cast<double>(A.as<T>()[k]), a_ji = static_cast<double>(*stored);
  const Size2Row &here = rows[i], &there = rows[j];
  const double a_ii = here.diagonal, a_jj = there.diagonal;
  return size_2_rounded(options.notay_weights ? notay_weight(a_ij, a_ji, a_ii, a_jj, here.sum, there.sum)
                                              : size_2_weight(options.weight_formula, a_ij, a_ji, a_ii, a_jj),
                        size_2_overshoots(here) || size_2_overshoots(there));
}

AMG_HD inline double size_2_largest(const Matrix& A, const std::uint16_t* weights, std::int64_t i) {
  std::uint16_t largest = 0;
  for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k)
    if (weights[k] > largest) largest = weights[k];
  return size_2_value(largest);
}

// Drops the edges of row i whose weight is below alpha times the geometric mean of the largest of both rows.
AMG_HD inline void size_2_filter(const Matrix& A, double alpha, const double* largest, std::int64_t i,
                                 std::uint16_t* weights) {
  for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k) {
    if (weights[k] == 0) continue;
    const double weight = size_2_value(weights[k]);
    if (weight * weight < alpha * alpha * largest[i] * largest[A.columns[k]]) weights[k] = 0;
  }
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
