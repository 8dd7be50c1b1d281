#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/dtype.h"

namespace amg {

// How strongly SIZE_2 wants to pair rows i and j: AmgX's weight_formula 0 or 1, the same seen from either end; 0 where
// they are not to be paired. Only 8 significant bits are kept (bfloat16, of which an order-preserving pattern is
// returned): where coefficients vary smoothly, every row would otherwise point one way along its grid line, and a round
// of matching would find one pair per line.
AMG_HD inline std::uint16_t size_2_weight(std::int64_t formula, double a_ij, double a_ji, double a_ii,
                                          double a_jj) {
  const double weight =
      formula == 1 ? -0.5 * (a_ij / a_ii + a_ji / a_jj)
                   : 0.5 * (std::abs(a_ij) + std::abs(a_ji)) / std::max(std::abs(a_ii), std::abs(a_jj));
  if (!(weight > 0.0)) return 0;
  return static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(static_cast<float>(weight)) + 0x8000u) >>
                                    16);
}

// Whether row i would rather be paired with j than with k, given both weights. Ties are broken so that on a uniform
// grid, where all weights are equal, one round pairs nearly everybody and all pairs line up: the nearer row in the
// numbering wins, and of i - d and i + d the one that makes intervals [0, d], [2d, 3d], … of a line of stride d. Seen
// from both ends an edge ranks alike, so the best edge of all is chosen by both its rows and every round finds a pair.
AMG_HD inline bool size_2_prefers(std::int64_t i, std::uint16_t weight_j, std::int64_t j,
                                  std::uint16_t weight_k, std::int64_t k) {
  if (weight_j != weight_k) return weight_j > weight_k;
  const std::int64_t to_j = std::abs(j - i), to_k = std::abs(k - i);
  if (to_j != to_k) return to_j < to_k;
  return (j > i) == (i / to_j % 2 == 0);
}

}  // namespace amg
