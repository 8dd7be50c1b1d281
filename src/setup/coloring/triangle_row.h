#pragma once

#include <cstdint>

#include "core/matrix.h"
#include "setup/coloring/coloring.h"

namespace amg {

// Which entries of a row lie in a triangle of the matrix in the order of its colors, the diagonal among them.
struct TriangleRule {
  const std::int32_t* color;
  std::int64_t rows;
  Triangle which;

  AMG_HD bool keeps(std::int64_t i, std::int64_t j) const {
    if (i == j) return true;
    return j < rows && (which == Triangle::lower ? color[j] < color[i] : color[j] > color[i]);
  }
};

template <class Team>
AMG_HD inline std::int64_t triangle_size(Team team, const Matrix& A, const TriangleRule& rule,
                                         std::int64_t i) {
  return team.select(
      A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { return rule.keeps(i, A.columns[e]); },
      [](std::int64_t, std::int64_t) {});
}

template <class T, class Team>
AMG_HD inline void triangle_row(Team team, const Matrix& A, const TriangleRule& rule, std::int64_t i,
                                std::int32_t* columns, T* values) {
  team.select(
      A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { return rule.keeps(i, A.columns[e]); },
      [&](std::int64_t e, std::int64_t place) {
        columns[place] = A.columns[e];
        values[place] = A.as<T>()[e];
      });
}

}  // namespace amg
