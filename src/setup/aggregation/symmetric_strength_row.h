#pragma once

#include <cmath>
#include <cstdint>

#include "core/find_entry.h"
#include "core/matrix.h"

namespace amg {

// What an entry is for smoothed aggregation.
enum Coupling : std::uint8_t {
  negligible,  // left out of the matrix that smooths the prolongation
  weak,        // counts there, but does not aggregate
  strong,
};

// The strength of Vaněk, Mandel, Brezina 1996 (eq. 4): i and j are strongly connected when
//   max(|a_ij|, |a_ji|) > threshold √|a_ii a_jj|
// Entries that one end alone stores are not strong, so that the graph is symmetric whatever A is. What is weak, but not
// beside the smaller of both diagonals, holds a row at the foot of a jump of coefficients to what is above: left out of
// the smoothing, it would cost most of the convergence. No product is added to anything, so there is nothing to contract
// into an fma: all spaces decide alike.
template <class T, class Team>
AMG_HD inline void symmetric_strength_row(Team team, const Matrix& A, std::int64_t i, double threshold,
                                          const double* diagonal, std::uint8_t* coupling) {
  const double a_ii = std::abs(diagonal[i]);
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const std::int64_t j = A.columns[e];
    coupling[e] = negligible;
    if (j == i || j >= A.rows) return;
    const T* const a_ji = find_entry<T>(A, j, i);
    const double there = std::abs(static_cast<double>(A.as<T>()[e]));
    const double back = a_ji ? std::abs(static_cast<double>(*a_ji)) : 0.0;
    const double a = there > back ? there : back, a_jj = std::abs(diagonal[j]);
    if (a > threshold * (a_ii < a_jj ? a_ii : a_jj)) coupling[e] = weak;
    if (a_ji && a * a > threshold * threshold * a_ii * a_jj) coupling[e] = strong;
  });
}

}  // namespace amg
