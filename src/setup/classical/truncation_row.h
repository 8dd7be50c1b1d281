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
template <class T>
AMG_HD inline Truncation truncation_of_row(const T* w, std::int64_t size, double factor,
                                           std::int64_t max_elements) {
  Truncation cut{0, -1};
  if (factor <= 1) {
    for (std::int64_t e = 0; e < size; ++e)
      if (factor * std::abs(w[e]) > cut.bar) cut.bar = factor * std::abs(w[e]);
  }
  if (max_elements <= 0 || max_elements >= size) return cut;

  T last = 0;
  for (std::int64_t kept = 0; kept < max_elements; ++kept) {
    T largest = -1;
    std::int64_t next = -1;
    for (std::int64_t e = 0; e < size; ++e) {
      const T a = std::abs(w[e]);
      const bool after = cut.last < 0 || a < last || (a == last && e > cut.last);
      if (after && a > largest) {
        largest = a;
        next = e;
      }
    }
    if (next < 0) break;  // NaN has no place in the order
    last = largest;
    cut.last = next;
  }
  return cut;
}

template <class T>
AMG_HD inline bool truncation_keeps(Truncation cut, const T* w, std::int64_t e) {
  return !(std::abs(w[e]) < cut.bar) && (cut.last < 0 || !truncation_before(w, cut.last, e));
}

// Writes the kept entries and their new weights to `columns_out` and `out`.
template <class T>
AMG_HD inline void truncate_row(Truncation cut, const std::int32_t* columns, const T* w, std::int64_t size,
                                std::int32_t* columns_out, T* out) {
  double dropped = 0, kept = 0;
  for (std::int64_t e = 0; e < size; ++e) {
    if (truncation_keeps(cut, w, e))
      kept += std::abs(w[e]);
    else
      dropped += w[e];
  }
  const double share = kept != 0 ? dropped / kept : 0;
  for (std::int64_t e = 0; e < size; ++e) {
    if (!truncation_keeps(cut, w, e)) continue;
    *columns_out++ = columns[e];
    *out++ = static_cast<T>(w[e] + share * std::abs(w[e]));
  }
}

}  // namespace amg
