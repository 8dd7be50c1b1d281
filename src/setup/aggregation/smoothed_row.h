#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace amg {

// Row i of P = T − scale A T, where `row` holds A T's values before. The columns of a row of T are one stretch.
template <class T, class Team>
AMG_HD inline void smoothed_row(Team team, const Matrix& tentative, std::int64_t i, double scale,
                                const std::int32_t* columns, std::int64_t length, T* row) {
  const std::int64_t begin = tentative.offsets[i];
  const std::int64_t stored = tentative.offsets[i + 1] - begin;
  const std::int64_t first = stored > 0 ? tentative.columns[begin] : 0;
  team.for_each(0, length, [&](std::int64_t e) {
    const std::int64_t place = columns[e] - first;
    const double t =
        place >= 0 && place < stored ? static_cast<double>(tentative.as<T>()[begin + place]) : 0.0;
    row[e] = static_cast<T>(t - scale * static_cast<double>(row[e]));
  });
}

}  // namespace amg
