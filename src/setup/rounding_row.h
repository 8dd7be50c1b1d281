#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace amg {

// Whether row i of C = R A P is nothing but rounding of the terms it is made of, R |A| 1 where P interpolates constants:
// that of a component's last coarse point where the component's rows of A sum to zero. Divided by, noise becomes the
// largest part of a correction. Longer rows couple to others, and don't vanish.
template <class T, class Team>
AMG_HD bool is_rounding(Team team, const Matrix& A, const Matrix& R, const Matrix& C, std::int64_t i) {
  constexpr std::int64_t longest = 4;
  const std::int64_t begin = C.offsets[i], end = C.offsets[i + 1];
  if (end - begin > (C.block_dim > longest ? C.block_dim : longest)) return false;
  double size = 0, terms = 0;
  team.for_each(begin, end, [&](std::int64_t e) {
    const auto c = static_cast<double>(C.as<T>()[e]);
    size += c < 0 ? -c : c;
  });
  team.for_each(R.offsets[i], R.offsets[i + 1], [&](std::int64_t e) {
    const std::int64_t k = R.columns[e];
    double row = 0;
    for (std::int64_t f = A.offsets[k]; f < A.offsets[k + 1]; ++f) {
      const auto a = static_cast<double>(A.as<T>()[f]);
      row += a < 0 ? -a : a;
    }
    const auto r = static_cast<double>(R.as<T>()[e]);
    terms += (r < 0 ? -r : r) * row;
  });
  return team.sum(size) <= 32 * epsilon(dtype_of<T>) * team.sum(terms);
}

// Makes it a row of zeros.
template <class T, class Team>
AMG_HD void clear_if_rounding(Team team, const Matrix& A, const Matrix& R, const Matrix& C, std::int64_t i,
                              T* values) {
  if (!is_rounding<T>(team, A, R, C, i)) return;
  team.for_each(C.offsets[i], C.offsets[i + 1], [&](std::int64_t e) { values[e] = 0; });
}

}  // namespace amg
