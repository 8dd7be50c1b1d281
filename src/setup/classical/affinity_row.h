#pragma once

#include <cstdint>

#include "core/matrix.h"
#include "core/row_hash.h"
#include "setup/classical/relaxation_row.h"
#include "setup/classical/strength_row.h"

namespace amg {

// AFFINITY (Livne and Brandt, "Lean algebraic multigrid", 2012, §3.3): relaxation of A x = 0 leaves of random
// test vectors what is smooth, so rows whose values in them are in proportion are strongly connected. With
// x_i the row's values in all vectors,
//   c_ij = <x_i, x_j>² / (|x_i|² |x_j|²),
// and the strength of a connection is the inverse of its algebraic distance 1 − c_ij: row i strongly depends
// on j when
//   min_{k≠i} (1 − c_ik) ≥ threshold · (1 − c_ij).

// Of Jacobi, in place of a sweep of Gauss-Seidel.
inline constexpr int sweeps_per_iteration = 2;

// Row i of test vector v, before relaxation.
AMG_HD inline float test_vector(std::int64_t i, std::int32_t v) {
  return static_cast<float>(random_number(i, static_cast<std::uint64_t>(v) + 13));
}

// Products of floats, exact in double: see relaxation_row.h.
AMG_HD inline double test_vector_product(const float* x, std::int32_t vectors, std::int64_t i,
                                         std::int64_t j) {
  double sum = 0;
  for (std::int32_t v = 0; v < vectors; ++v)
    sum += static_cast<double>(x[i * vectors + v]) * static_cast<double>(x[j * vectors + v]);
  return sum;
}

AMG_HD inline double algebraic_distance(const float* x, std::int32_t vectors, std::int64_t i,
                                        std::int64_t j) {
  const double norms = test_vector_product(x, vectors, i, i) * test_vector_product(x, vectors, j, j);
  if (!(norms > 0)) return 1;
  const double product = test_vector_product(x, vectors, i, j);
  const double c = product * product / norms;
  return c < 1 ? 1 - c : 0;
}

template <class T>
AMG_HD inline void strength_affinity_row(const Matrix& A, const float* x, std::int32_t vectors,
                                         std::int64_t i, double threshold, double max_row_sum,
                                         std::uint8_t* strong) {
  const T* values = A.as<T>();
  double diagonal = 0, nearest = 1;
  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
    const std::int32_t j = A.columns[e];
    if (j == i) {
      diagonal = values[e];
    } else if (values[e] != T{0}) {
      const double distance = algebraic_distance(x, vectors, i, j);
      if (distance < nearest) nearest = distance;
    }
  }
  const bool dominated = is_dominated<T>(A, i, diagonal, max_row_sum);
  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
    const std::int32_t j = A.columns[e];
    strong[e] = !dominated && j != i && values[e] != T{0} &&
                nearest >= threshold * algebraic_distance(x, vectors, i, j);
  }
}

}  // namespace amg
