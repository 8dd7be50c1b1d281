#pragma once

#include <cmath>
#include <cstdint>

#include "core/matrix.h"
#include "setup/row_scale.h"

namespace amg {

template <class T, class Team>
AMG_HD inline double row_scale(Team team, const Matrix& A, RowScale kind, std::int64_t i) {
  double squares = 0;
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const auto a = static_cast<double>(A.as<T>()[e]);
    if (kind != RowScale::root_of_diagonal || A.columns[e] == i) squares += a * a;
  });
  squares = team.sum(squares);
  return squares == 0 ? 1 : std::sqrt(std::sqrt(squares));
}

// Row i of diag(left) A diag(right).
template <class T, class Team>
AMG_HD inline void scale_row(Team team, const Matrix& A, const T* left, const T* right, T* values,
                             std::int64_t i) {
  team.for_each(A.offsets[i], A.offsets[i + 1],
                [&](std::int64_t e) { values[e] = left[i] * A.as<T>()[e] * right[A.columns[e]]; });
}

}  // namespace amg
