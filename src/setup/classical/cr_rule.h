#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/dtype.h"
#include "core/row_hash.h"

namespace amg {

// What CR asks of relaxation on the fine rows: that cr_sweeps of them leave at most cr_bar of a vector of at
// most 1. Two sweeps of Jacobi do about what one of Gauss-Seidel does, of which Brannick and Falgout ask a
// factor of 0.7.
inline constexpr int cr_sweeps = 10;
inline constexpr float cr_bar = 0.16807F;  // 0.7⁵

// A positive vector, in which relaxation of an M-matrix keeps the largest error for longest; not quite
// constant, for the other matrices.
AMG_HD inline float cr_start(std::int64_t row) {
  return static_cast<float>(1 - 0.125 * (1 + random_number(row, 11)));
}

// A NaN is slow: it becomes coarse, and the setup comes to an end.
AMG_HD inline bool is_slow(float error) { return !(std::abs(error) <= cr_bar); }

// The weight of a slow point among others, as pmis_weight's: the larger its error, the heavier.
AMG_HD inline std::uint64_t slow_weight(float error, std::int64_t row) {
  return (std::uint64_t{std::bit_cast<std::uint32_t>(std::abs(error))} << 32) | (row_hash(row, 7) >> 32);
}

}  // namespace amg
