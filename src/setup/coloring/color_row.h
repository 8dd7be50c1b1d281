#pragma once

#include <cstdint>

#include "core/matrix.h"
#include "core/row_hash.h"

namespace amg {

// Greedy coloring in parallel (Jones and Plassmann, "A parallel graph coloring heuristic", 1993): a row takes
// the smallest color that none of its neighbours has, once those that go before it have theirs. Rows with
// many neighbours go first (Welsh and Powell, 1967), a hash of the row number breaks ties.
//
// A row sees the colors of exactly the neighbours that go before it, whoever runs when: those behind it wait.
// So the colors are those of one thread that takes row by row in this order.

inline constexpr std::int32_t no_color = -1;

// Rows are neighbours where either of a_ij and a_ji is stored; at distance 2, so are neighbours of
// neighbours. A symmetric pattern needs no transpose.
struct ColorGraph {
  ColorGraph(const Matrix& A, const Pattern* transposed, int distance_)
      : rows(A.rows), distance(distance_), offsets(A.offsets), columns(A.columns) {
    if (!transposed) return;
    transposed_offsets = transposed->offsets.data();
    transposed_columns = transposed->columns.data();
  }

  std::int64_t rows;
  int distance;
  const std::int64_t* offsets;
  const std::int32_t* columns;
  const std::int64_t* transposed_offsets = nullptr;
  const std::int32_t* transposed_columns = nullptr;

  AMG_HD std::int64_t degree(std::int64_t i) const {
    const std::int64_t stored = offsets[i + 1] - offsets[i];
    return transposed_offsets ? stored + transposed_offsets[i + 1] - transposed_offsets[i] : stored;
  }
};

AMG_HD inline std::uint64_t coloring_priority(const ColorGraph& graph, std::int64_t i) {
  return (static_cast<std::uint64_t>(graph.degree(i)) << 32) | (row_hash(i, 11) >> 32);
}

// Calls f(j) for every neighbour j of i at distance 1, i among them where the diagonal is stored; some come
// twice. Columns beyond the rows are other ranks' unknowns.
template <class F>
AMG_HD inline void for_each_adjacent(const ColorGraph& graph, std::int64_t i, F&& f) {
  for (std::int64_t e = graph.offsets[i]; e < graph.offsets[i + 1]; ++e)
    if (graph.columns[e] < graph.rows) f(graph.columns[e]);
  if (!graph.transposed_offsets) return;
  for (std::int64_t e = graph.transposed_offsets[i]; e < graph.transposed_offsets[i + 1]; ++e)
    f(graph.transposed_columns[e]);
}

// The color of row i, given look(j), the color of j at present; no_color while it has to wait.
template <class Team, class Look>
AMG_HD inline std::int32_t color_row(Team team, const ColorGraph& graph, const std::uint64_t* priority,
                                     Look&& look, std::int64_t i) {
  constexpr std::int32_t window = 64;
  for (std::int32_t base = 0;; base += window) {
    bool waits = false;
    std::uint64_t taken = 0;
    const auto see = [&](std::int32_t j) {
      if (j == i) return;
      const std::int32_t color = look(j);
      if (color == no_color)
        waits = waits || priority[j] > priority[i] || (priority[j] == priority[i] && j < i);
      else if (color >= base && color < base + window)
        taken |= std::uint64_t{1} << (color - base);
    };
    const auto see_around = [&](const std::int64_t* offsets, const std::int32_t* columns) {
      team.for_each(offsets[i], offsets[i + 1], [&](std::int64_t e) {
        const std::int32_t j = columns[e];
        if (j >= graph.rows) return;
        see(j);
        if (graph.distance > 1) for_each_adjacent(graph, j, see);
      });
    };
    see_around(graph.offsets, graph.columns);
    if (graph.transposed_offsets) see_around(graph.transposed_offsets, graph.transposed_columns);
    if (team.any(waits)) return no_color;
    taken = team.bits(taken);
    for (std::int32_t bit = 0; bit < window; ++bit)
      if (!(taken >> bit & 1)) return base + bit;
  }
}

}  // namespace amg
