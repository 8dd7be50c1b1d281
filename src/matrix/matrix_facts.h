#pragma once

#include <cstdint>
#include <span>

namespace amg {

// What the choice of a method asks of a square matrix in CSR; columns in any order.
struct MatrixFacts {
  bool one_sign = true;  // all diagonal entries have the same, and none is 0
  // Σ |a_ij| / |a_ii| over the off-diagonals of a row: 1 for a Laplacian, below 1 where the diagonal dominates.
  double mean_coupling = 0.0;
  double largest_coupling = 0.0;
  // Of Σ |a_ij| over the off-diagonals the part with the sign of the row's diagonal entry: 0 for an M-matrix and
  // for the negative of one. Within a node, as block_dim says, signs mean nothing.
  double same_sign = 0.0;
  // log10 of the largest |a_ij| off the diagonal of a row over the smallest that is not 0 to rounding, the mean of
  // all rows: anisotropy, convection, jumps. Only between entries of the same component.
  double unevenness = 0.0;
  bool symmetric = true;  // to rounding
};

// One pass over the matrix; rows i k + c are the component c of node i, for block_dim k. T is float or double. Throws Error for arrays that are no square CSR matrix.
template <class T>
MatrixFacts matrix_facts(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                         std::span<const T> values, std::int32_t block_dim = 1);

// What iterations without levels have to cross.
struct Distance {
  // From entry to entry, from a row at the edge, the farthest from the first, to the farthest from it; a lower
  // bound on the diameter, and mostly close (George, Liu, "An implementation of a pseudoperipheral node finder",
  // 1979, go on from there).
  std::int64_t steps = 0;
  double jumps = 0.0;  // |log10 (a_ii / a_jj)|, the mean over the off-diagonal a_ij of a component
};

// Goes at most `limit` steps far.
template <class T>
Distance distance_across(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                         std::span<const T> values, std::int32_t block_dim, std::int64_t limit);

}  // namespace amg
