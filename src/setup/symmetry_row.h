#pragma once

#include "core/find_entry.h"

namespace amg {

// Whether a_ji is stored, and is a_ij, for all that row i stores. Where the rows of a stencil are whole, the n-th entry from
// the left of row i meets the n-th from the right of row j: it is looked for there first.
template <class T, class Team>
AMG_HD bool is_mirrored_row(Team team, const Matrix& A, std::int64_t i) {
  bool is_mirrored = true;
  team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
    const std::int64_t j = A.columns[e];
    std::int64_t place = A.offsets[j + 1] - 1 - (e - A.offsets[i]);
    if (place < A.offsets[j] || A.columns[place] != i) place = find_place(A, j, i);
    is_mirrored = is_mirrored && place >= 0 && A.as<T>()[place] == A.as<T>()[e];
  });
  return !team.any(!is_mirrored);
}

}  // namespace amg
