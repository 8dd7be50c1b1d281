#pragma once

#include <cmath>
#include <cstdint>

#include "core/matrix.h"

namespace amg {

// Relaxation of A x = 0 whose outcome decides on a splitting or a strength, so that every space must find the
// same bits. Entries, scaled by the largest of their row, and vectors are stored as float: their products are
// exact in double, and an fma rounds no differently. Sums run in column order, by one thread a row.

// scaled[e] = a_ij / max_k |a_ik|
template <class T>
AMG_HD inline void scale_entries(const Matrix& A, std::int64_t i, float* scaled) {
  double largest = 0;
  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
    const double a = std::abs(static_cast<double>(A.as<T>()[e]));
    if (a > largest) largest = a;
  }
  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e)
    scaled[e] = largest > 0 ? static_cast<float>(A.as<T>()[e] / largest) : 0.0F;
}

// One sweep of Jacobi for row i of lane `lane` of x, which has `lanes`: x_i − Σ_j a_ij x_j / d_i, where
//   d_i = ±Σ_j |a_ij|,   j in the rows that relax,
// has the sign of a_ii (ℓ1 Jacobi: Baker, Falgout, Kolev, Yang, "Multigrid smoothers for ultraparallel
// computing", 2011; it converges for every symmetric positive definite A). x is zero where relaxes(j) does
// not hold. A row without a diagonal stays as it is.
template <class Relaxes>
AMG_HD inline float relaxed(const Matrix& A, const float* scaled, std::int64_t i, const float* x,
                            std::int32_t lanes, std::int32_t lane, Relaxes&& relaxes) {
  double diagonal = 0, norm = 0, residual = 0;
  for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
    const std::int64_t j = A.columns[e];
    if (!relaxes(j)) continue;
    const double a = scaled[e];
    if (j == i) diagonal = a;
    norm += std::abs(a);
    residual += a * x[j * lanes + lane];
  }
  const float x_i = x[i * lanes + lane];
  if (diagonal == 0) return x_i;
  return static_cast<float>(x_i - residual / (diagonal < 0 ? -norm : norm));
}

}  // namespace amg
