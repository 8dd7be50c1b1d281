#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace amg {

// The l1 diagonal |a_i1| + |a_i2| + … with the sign of a_ii (Baker, Falgout, Kolev, Yang, "Multigrid
// smoothers for ultraparallel computing", 2011), inverted; 0 where it or a_ii is 0 or a_ii absent.
template <class T, class Team>
AMG_HD inline T inverse_l1_diagonal(Team team, const Matrix& A, std::int64_t i) {
  double size = 0, diagonal = 0;
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const auto a = static_cast<double>(A.as<T>()[e]);
    size += a < 0 ? -a : a;
    if (A.columns[e] == i) diagonal = a;
  });
  size = team.sum(size);
  diagonal = team.sum(diagonal);
  if (diagonal == 0) return T{0};
  return static_cast<T>(1 / (diagonal < 0 ? -size : size));
}

}  // namespace amg
