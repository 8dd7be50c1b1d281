#pragma once

#include <cmath>
#include <cstdint>

#include "core/matrix.h"

namespace amg {

// The near null space B on one aggregate as T R, T's columns orthonormal: Gram-Schmidt, done twice, which is enough
// (Giraud, Langou, Rozložník 2005). A vector that depends on those before it, as a rotation does of nodes in a line,
// gets a column of zeros: its coarse unknown is coupled to nothing, and stays 0.
//
// Row r of the aggregate's `nodes` has its B.lanes values in T one after the other.
template <class T, class Team>
AMG_HD inline void tentative_block(Team team, const std::int32_t* nodes, std::int64_t count,
                                   std::int32_t block_dim, ConstVector B, const std::int64_t* offsets,
                                   T* values, T* R) {
  constexpr double dependent =
      sizeof(T) == 4 ? 1e-4 : 1e-10;  // well above what rounding leaves of such a vector
  const std::int64_t rows = count * block_dim;
  const std::int32_t m = B.lanes;
  const T* const vectors = static_cast<const T*>(B.data);
  const auto row = [&](std::int64_t r) {
    return static_cast<std::int64_t>(nodes[r / block_dim]) * block_dim + r % block_dim;
  };
  const auto dot = [&](std::int32_t a, std::int32_t b) {
    double sum = 0;
    team.for_each(0, rows, [&](std::int64_t r) {
      const T* const t = values + offsets[row(r)];
      sum += static_cast<double>(t[a]) * static_cast<double>(t[b]);
    });
    return team.sum(sum);
  };

  for (std::int32_t j = 0; j < m; ++j) {
    team.for_each(0, rows, [&](std::int64_t r) { values[offsets[row(r)] + j] = vectors[row(r) * m + j]; });
    const double before = std::sqrt(dot(j, j));
    for (std::int32_t l = 0; l < m; ++l)
      if (team.leads()) R[l * m + j] = 0;
    for (int pass = 0; pass < 2; ++pass)
      for (std::int32_t l = 0; l < j; ++l) {
        const double r_lj = dot(l, j);
        team.for_each(0, rows, [&](std::int64_t r) {
          T* const t = values + offsets[row(r)];
          t[j] = static_cast<T>(static_cast<double>(t[j]) - r_lj * static_cast<double>(t[l]));
        });
        if (team.leads()) R[l * m + j] += static_cast<T>(r_lj);
      }
    const double norm = std::sqrt(dot(j, j));
    const bool independent = norm > dependent * before;
    const double scale = independent ? 1 / norm : 0;
    team.for_each(0, rows, [&](std::int64_t r) {
      T& t = values[offsets[row(r)] + j];
      t = static_cast<T>(scale * static_cast<double>(t));
    });
    if (team.leads() && independent) R[j * m + j] = static_cast<T>(norm);
  }
}

}  // namespace amg
