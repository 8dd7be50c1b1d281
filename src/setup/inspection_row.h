#pragma once

#include <cmath>

#include "core/inspection.h"
#include "core/matrix.h"

namespace amg {

// What a row has to say, joined bit by bit over all rows.
inline constexpr unsigned nonfinite_entry = 1, without_nonzeros = 2, nonzero_sum = 4;

// As method/null_space.h's vanishes() judges A 1: |Σ a_ij| against Σ |a_ij|.
template <class T, class Team>
AMG_HD unsigned inspect_row(Team team, const Matrix& A, std::int64_t i) {
  double sum = 0, size = 0;
  bool is_finite = true;
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const T a = A.as<T>()[e];
    is_finite = is_finite && a - a == 0;
    sum += static_cast<double>(a);
    size += static_cast<double>(a < 0 ? -a : a);
  });
  sum = team.sum(sum);
  size = team.sum(size);
  unsigned found = 0;
  if (team.any(!is_finite)) found |= nonfinite_entry;
  if (size == 0) found |= without_nonzeros;
  const bool overflows = size - size != 0;
  if (overflows || std::abs(sum) > 64 * epsilon(dtype_of<T>) * size) found |= nonzero_sum;
  return found;
}

// A matrix that is not finite is not called singular.
inline Inspection inspection_of(unsigned findings) {
  if (findings & nonfinite_entry) return {Reason::nonfinite_matrix, false};
  return {findings & without_nonzeros ? Reason::zero_row : Reason::none, (findings & nonzero_sum) == 0};
}

}  // namespace amg
