#pragma once

#include <cstdint>

#include "core/matrix.h"
#include "setup/aggregation/symmetric_strength_row.h"

namespace amg {

// Row i of the filtered matrix of Vaněk, Mandel, Brezina 1996 (eq. 7): without its negligible entries, which are added
// to the diagonal, so that the row sum stays. Returns the number of entries; `columns` and `values` may be null.
template <class T, class Team>
AMG_HD inline std::int64_t filtered_row(Team team, const Matrix& A, std::int64_t i,
                                        const std::uint8_t* coupling, std::int32_t* columns, T* values) {
  double dropped = 0;
  if (values) {
    team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
      if (coupling[e] == negligible && A.columns[e] != i) dropped += static_cast<double>(A.as<T>()[e]);
    });
    dropped = team.sum(dropped);
  }
  return team.select(
      A.offsets[i], A.offsets[i + 1],
      [&](std::int64_t e) { return coupling[e] != negligible || A.columns[e] == i; },
      [&](std::int64_t e, std::int64_t place) {
        if (columns) columns[place] = A.columns[e];
        if (!values) return;
        const double a = static_cast<double>(A.as<T>()[e]);
        values[place] = static_cast<T>(A.columns[e] == i ? a + dropped : a);
      });
}

}  // namespace amg
