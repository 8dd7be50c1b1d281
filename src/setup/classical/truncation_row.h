#pragma once

#include <cmath>
#include <cstdint>

#include "core/dtype.h"

namespace amg {

// interp_truncation_factor and interp_max_elements: a row of P keeps the weights with |w| ≥ factor · max |w|,
// all of them if factor > 1, and of these the max_elements largest, all of them if max_elements ≤ 0. What the
// dropped weights sum to is handed to the kept ones in proportion to |w|, so that the row sum stays. Weights
// of one sign are thus rescaled by the quotient of the sums, as is usual; for weights of both signs that
// quotient has no bound.
struct Truncation {
  double bar;         // keeps nothing smaller,
  std::int64_t last;  // and nothing after this entry, where it is not negative
};

// Whether entry e goes before entry f: the larger first; on a tie the one of the smaller column.
template <class T>
AMG_HD inline bool truncation_before(const T* w, std::int64_t e, std::int64_t f) {
  const T a = std::abs(w[e]), b = std::abs(w[f]);
  return a != b ? a > b : e < f;
}

// Selects entry after entry: max_elements is small, and a GPU thread has no room to sort a row.
template <class T, class Team>
AMG_HD inline Truncation truncation_of_row(Team team, const T* w, std::int64_t size, double factor,
                                           std::int64_t max_elements) {
  Truncation cut{0, -1};
  if (factor <= 1) {
    double bar = 0;
    team.for_each(0, size, [&](std::int64_t e) {
      if (factor * std::abs(w[e]) > bar) bar = factor * std::abs(w[e]);
    });
    cut.bar = team.max(bar);
  }
  if (max_elements <= 0 || max_elements >= size) return cut;

  double last = 0;
  for (std::int64_t kept = 0; kept < max_elements; ++kept) {
    double largest = -1;
    std::int64_t next = size;
    team.for_each(0, size, [&](std::int64_t e) {
      const double a = std::abs(w[e]);
      const bool after = cut.last < 0 || a < last || (a == last && e > cut.last);
      if (after && a > largest) {
        largest = a;
        next = e;
      }
    });
    const double largest_of_all = team.max(largest);
    next = team.min(largest == largest_of_all ? next : size);
    if (next == size) break;  // NaN has no place in the order
    last = largest_of_all;
    cut.last = next;
  }
  return cut;
}

template <class T>
AMG_HD inline bool truncation_keeps(Truncation cut, const T* w, std::int64_t e) {
  return !(std::abs(w[e]) < cut.bar) && (cut.last < 0 || !truncation_before(w, cut.last, e));
}

// How many entries the cut leaves.
template <class T, class Team>
AMG_HD inline std::int64_t truncated_size(Team team, Truncation cut, const T* w, std::int64_t size) {
  return team.select(
      0, size, [&](std::int64_t e) { return truncation_keeps(cut, w, e); },
      [](std::int64_t, std::int64_t) {});
}

// Writes the kept entries and their new weights to `columns_out` and `out`.
template <class T, class Team>
AMG_HD inline void truncate_row(Team team, Truncation cut, const std::int32_t* columns, const T* w,
                                std::int64_t size, std::int32_t* columns_out, T* out) {
  double dropped = 0, kept = 0;
  team.for_each(0, size, [&](std::int64_t e) {
    if (truncation_keeps(cut, w, e))
      kept += std::abs(w[e]);
    else
      dropped += w[e];
  });
  dropped = team.sum(dropped);
  kept = team.sum(kept);
  const double share = kept != 0 ? dropped / kept : 0;
  team.select(
      0, size, [&](std::int64_t e) { return truncation_keeps(cut, w, e); },
      [&](std::int64_t e, std::int64_t place) {
        columns_out[place] = columns[e];
        out[place] = static_cast<T>(w[e] + share * std::abs(w[e]));
      });
}

}  // namespace amg
