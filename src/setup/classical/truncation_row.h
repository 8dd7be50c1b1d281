#pragma once

#include <cmath>
#include <cstdint>

#include "core/matrix.h"

namespace amg {

// interp_truncation_factor and interp_max_elements: a row of P keeps the weights with |w| ≥ factor · max |w|,
// all of them if factor > 1, and of these the max_elements largest, all of them if max_elements ≤ 0. What the
// dropped weights sum to is handed to the kept ones in proportion to |w|, so that the row sum stays. Weights
// of one sign are thus rescaled by the quotient of the sums, as is usual; for weights of both signs that
// quotient has no bound.
//
// The components of a node keep the same coarse nodes, so that blocks stay full on the next level: |w| is then the
// norm of the diagonal block of their weights. Each has its own row sum.

// The weights of one row of P, or of the k rows of a node, one after the other.
template <class T>
struct NodeWeights {
  AMG_HD NodeWeights(const Matrix& P, std::int64_t node)
      : k(P.block_dim),
        begin(P.offsets[node * k]),
        size(P.offsets[node * k + 1] - begin),
        w(P.as<T>() + begin) {}

  AMG_HD T norm(std::int64_t e) const {
    T largest = std::abs(w[e]);
    for (std::int64_t c = 1; c < k; ++c)
      if (const T a = std::abs(w[c * size + e]); a > largest) largest = a;
    return largest;
  }

  std::int64_t k, begin, size;
  const T* w;
};

struct Truncation {
  double bar;         // keeps nothing smaller,
  std::int64_t last;  // and nothing after this entry, where it is not negative
};

// Whether entry e goes before entry f: the larger first; on a tie the one of the smaller column.
template <class T>
AMG_HD inline bool truncation_before(const NodeWeights<T>& w, std::int64_t e, std::int64_t f) {
  const T a = w.norm(e), b = w.norm(f);
  return a != b ? a > b : e < f;
}

// Selects entry after entry: max_elements is small, and a GPU thread has no room to sort a row.
template <class T, class Team>
AMG_HD inline Truncation truncation_of_row(Team team, const NodeWeights<T>& w, double factor,
                                           std::int64_t max_elements) {
  const std::int64_t size = w.size;
  Truncation cut{0, -1};
  if (factor <= 1) {
    double bar = 0;
    team.for_each(0, size, [&](std::int64_t e) {
      const double a = factor * w.norm(e);
      if (a > bar) bar = a;
    });
    cut.bar = team.max(bar);
  }
  if (max_elements <= 0 || max_elements >= size) return cut;

  double last = 0;
  for (std::int64_t kept = 0; kept < max_elements; ++kept) {
    double largest = -1;
    std::int64_t next = size;
    team.for_each(0, size, [&](std::int64_t e) {
      const double a = w.norm(e);
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
AMG_HD inline bool truncation_keeps(Truncation cut, const NodeWeights<T>& w, std::int64_t e) {
  return !(w.norm(e) < cut.bar) && (cut.last < 0 || !truncation_before(w, cut.last, e));
}

// How many coarse nodes the cut leaves.
template <class T, class Team>
AMG_HD inline std::int64_t truncated_size(Team team, Truncation cut, const NodeWeights<T>& w) {
  return team.select(
      0, w.size, [&](std::int64_t e) { return truncation_keeps(cut, w, e); },
      [](std::int64_t, std::int64_t) {});
}

// Writes the kept entries and their new weights from place `begin` of `columns` and `out` on, `length` of them in each
// row of the node.
template <class T, class Team>
AMG_HD inline void truncate_row(Team team, Truncation cut, const Matrix& P, const NodeWeights<T>& w,
                                std::int64_t begin, std::int64_t length, std::int32_t* columns, T* out) {
  for (std::int64_t c = 0; c < w.k; ++c) {
    const T* const of_component = w.w + c * w.size;
    double dropped = 0, kept = 0;
    team.for_each(0, w.size, [&](std::int64_t e) {
      if (truncation_keeps(cut, w, e))
        kept += std::abs(of_component[e]);
      else
        dropped += of_component[e];
    });
    dropped = team.sum(dropped);
    kept = team.sum(kept);
    const double share = kept != 0 ? dropped / kept : 0;
    team.select(
        0, w.size, [&](std::int64_t e) { return truncation_keeps(cut, w, e); },
        [&](std::int64_t e, std::int64_t place) {
          const std::int64_t at = begin + c * length + place;
          columns[at] = P.columns[w.begin + c * w.size + e];
          out[at] = static_cast<T>(of_component[e] + share * std::abs(of_component[e]));
        });
  }
}

}  // namespace amg
