#pragma once

#include <cmath>
#include <cstdint>

#include "core/matrix.h"

namespace amg {

// EM, energy-minimising interpolation (Wan, Chan, Smith 2000; Mandel, Brezina, Vaněk 1999), by the projected
// descent of Olson, Schroder, Tuminaro 2011: of all P with a given pattern that are 1 on the coarse rows, and
// whose fine rows have given sums, the one of least energy Σ_j <p_j, A p_j>. Its gradient is 2 A P; a sweep is
//   w_ij ← w_ij − (g_ij + o_i / n_i) / d_i,   d_i = ±Σ_{k fine} |a_ik|,
// where g is A P on the pattern, n_i the size of the pattern's row i, and o_i what A P's row sums to outside of
// it. The ℓ1 diagonal d of the fine rows' block is at least that block if A is symmetric positive definite:
// every sweep lessens the energy, at the rate of relaxation on the fine rows, which CR sees to.
//
// What o_i adds makes the row sums s follow the same relaxation, s_i ← s_i − (A s)_i / d_i. They start at 1
// and stay there where A annihilates constants; next to a Dirichlet boundary they become what A makes of a 1
// on the coarse rows. (With sums of 1 there too, every level would push the boundary outwards, and iterations
// would grow with the grid.)

// More than four save no iterations: 4, 10 and 20 take 16 each on 256² Poisson, and 85, 86 and 86 on plane
// stress. Even, so that the weights end where they started.
inline constexpr int energy_sweeps = 4;

// Every weight of a row of this size before the first sweep.
template <class T>
AMG_HD inline T first_weight(std::int64_t size) {
  return static_cast<T>(1.0 / static_cast<double>(size));
}

// Writes the weights of fine row i after a sweep to `out`. position(c) is the place of coarse point c of row
// i of P in `g`, which is zero there, and negative for all others. A fine row without weights is taken to
// follow row i.
template <class T, class Team, class Position>
AMG_HD inline void energy_row(Team team, const Matrix& A, const Matrix& P, const std::int32_t* coarse,
                              std::int64_t i, const Position& position, double* g, T* out) {
  const T *values = A.as<T>(), *weights = P.as<T>();
  double diagonal = 0, norm = 0;
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const std::int32_t k = A.columns[e];
    if (coarse[k] >= 0) return;
    if (k == i) diagonal = values[e];
    norm += std::abs(static_cast<double>(values[e]));
  });
  diagonal = team.sum(diagonal);
  norm = team.sum(norm);
  const double scale = diagonal == 0 ? 0 : 1 / (diagonal < 0 ? -norm : norm);

  double outside = 0;
  team.one_by_one(
      A.offsets[i], A.offsets[i + 1], [](std::int64_t) { return true; },
      [&](std::int64_t e) {
        const std::int64_t k = A.columns[e];
        const std::int64_t row = P.offsets[k] < P.offsets[k + 1] ? k : i;
        team.for_each(P.offsets[row], P.offsets[row + 1], [&](std::int64_t f) {
          const double product = static_cast<double>(values[e]) * static_cast<double>(weights[f]);
          const std::int64_t p = position(P.columns[f]);
          (p >= 0 ? g[p] : outside) += product;
        });
      });

  const std::int64_t begin = P.offsets[i], end = P.offsets[i + 1];
  const double handed_on = team.sum(outside) / static_cast<double>(end - begin);
  team.for_each(begin, end, [&](std::int64_t f) {
    out[f] = static_cast<T>(weights[f] - scale * (g[position(P.columns[f])] + handed_on));
  });
}

}  // namespace amg
