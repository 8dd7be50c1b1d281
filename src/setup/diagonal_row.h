#pragma once

#include <cstdint>

#include "core/matrix.h"

// Diagonal matrices that smoothers put in A's place, row by row.

namespace amg {

AMG_HD inline double magnitude(double a) { return a < 0 ? -a : a; }

// Rows of a block of HYBRID_GS: enough for Gauss-Seidel to matter, few enough for a GPU to run them one by one.
inline constexpr std::int64_t hybrid_block_rows = 128;

// |a_i1| + |a_i2| + …
template <class T, class Team>
AMG_HD inline double row_norm(Team team, const Matrix& A, std::int64_t i) {
  double sum = 0;
  team.for_each(A.offsets[i], A.offsets[i + 1],
                [&](std::int64_t e) { sum += magnitude(static_cast<double>(A.as<T>()[e])); });
  return team.sum(sum);
}

// The diagonal M of least |I − M A|_F (Bröker and Grote, "Sparse approximate inverse smoothers for geometric and
// algebraic multigrid", 2002): m_ii = a_ii / Σ_j a_ij².
template <class T, class Team>
AMG_HD inline double spai0(Team team, const Matrix& A, std::int64_t i) {
  double squares = 0, diagonal = 0;
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const auto a = static_cast<double>(A.as<T>()[e]);
    squares += a * a;
    if (A.columns[e] == i) diagonal = a;
  });
  squares = team.sum(squares);
  diagonal = team.sum(diagonal);
  return squares == 0 ? 0 : diagonal / squares;
}

// a_ii, raised by half of what couples row i to other blocks. With that, Gauss-Seidel inside blocks converges for every
// symmetric positive definite A and omega <= 1: M + Mᵀ − A is D + 2 D_l1 − A_off, where A_off couples blocks and
// 2 D_l1 holds its row sums (Baker, Falgout, Kolev, Yang 2011, section 5).
template <class T, class Team>
AMG_HD inline double inverse_hybrid_diagonal(Team team, const Matrix& A, std::int64_t i) {
  const std::int64_t begin = i / hybrid_block_rows * hybrid_block_rows, end = begin + hybrid_block_rows;
  double outside = 0, diagonal = 0;
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const auto a = static_cast<double>(A.as<T>()[e]);
    const std::int64_t j = A.columns[e];
    if (j == i) diagonal = a;
    if (j < begin || j >= end) outside += magnitude(a);
  });
  outside = team.sum(outside);
  diagonal = team.sum(diagonal);
  if (diagonal == 0) return 0;
  return 1 / (diagonal < 0 ? diagonal - outside / 2 : diagonal + outside / 2);
}

}  // namespace amg
