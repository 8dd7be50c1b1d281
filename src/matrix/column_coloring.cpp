#include "matrix/column_coloring.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "amg/error.h"

namespace amg {

namespace {

struct ByColumn {
  std::vector<std::int64_t> offsets;
  std::vector<std::int32_t> rows;
};

std::int64_t checked_longest_row(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                                 std::int32_t column_count) {
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != std::ssize(columns))
    throw Error("column colouring: offsets must go from 0 to the number of columns");
  std::int64_t longest = column_count > 0 ? 1 : 0;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (offsets[i + 1] < offsets[i]) throw Error("column colouring: offsets must not fall");
    longest = std::max(longest, offsets[i + 1] - offsets[i]);
  }
  for (const std::int32_t j : columns)
    if (j < 0 || j >= column_count) throw Error("column colouring: a column is out of range");
  return longest;
}

ByColumn transposed(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                    std::int32_t column_count) {
  ByColumn result{std::vector<std::int64_t>(column_count + 1), std::vector<std::int32_t>(columns.size())};
  for (const std::int32_t j : columns) ++result.offsets[j + 1];
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  std::vector<std::int64_t> next(result.offsets.begin(), result.offsets.end() - 1);
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k)
      result.rows[next[columns[k]]++] = static_cast<std::int32_t>(i);
  return result;
}

// Each column takes the first colour that none of its rows has used. A row's used colours are a bit set, so a
// column looks at its rows, not at their columns: O(entries · ⌈colours / 64⌉) in all.
ColumnColoring first_fit(const ByColumn& matrix, std::size_t row_count, std::span<const std::int32_t> order) {
  constexpr int bits = 64;
  ColumnColoring result{std::vector<std::int32_t>(order.size()), 0};
  std::vector<std::vector<std::uint64_t>> used;  // used[w][i]: colours 64 w … 64 w + 63 of row i
  for (const std::int32_t j : order) {
    const auto rows =
        std::span(matrix.rows).subspan(matrix.offsets[j], matrix.offsets[j + 1] - matrix.offsets[j]);
    for (std::size_t w = 0;; ++w) {
      if (w == used.size()) used.emplace_back(row_count, 0);
      std::uint64_t taken = 0;
      for (const std::int32_t i : rows) taken |= used[w][i];
      if (~taken == 0) continue;
      const int bit = std::countr_one(taken);
      for (const std::int32_t i : rows) used[w][i] |= std::uint64_t{1} << bit;
      result.colors[j] = static_cast<std::int32_t>(w * bits) + bit;
      break;
    }
    result.count = std::max(result.count, result.colors[j] + 1);
  }
  return result;
}

// The columns class by class, the last colour first.
std::vector<std::int32_t> by_class(const ColumnColoring& coloring) {
  std::vector<std::int32_t> next(coloring.count + 1);
  for (const std::int32_t color : coloring.colors) ++next[coloring.count - color];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<std::int32_t> order(coloring.colors.size());
  for (std::size_t j = 0; j < order.size(); ++j)
    order[next[coloring.count - 1 - coloring.colors[j]]++] = static_cast<std::int32_t>(j);
  return order;
}

// Whether no row has two columns that are equal modulo `period`. On a grid, a
// period that fails does so in the first rows.
bool separates(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
               std::int32_t period) {
  std::vector<std::int64_t> seen_in(period, -1);
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k) {
      std::int64_t& last = seen_in[columns[k] % period];
      if (last == static_cast<std::int64_t>(i)) return false;
      last = static_cast<std::int64_t>(i);
    }
  return true;
}

ColumnColoring cyclic(std::int32_t column_count, std::int32_t period) {
  ColumnColoring result{std::vector<std::int32_t>(column_count), std::min(period, column_count)};
  for (std::int32_t j = 0; j < column_count; ++j) result.colors[j] = j % period;
  return result;
}

}  // namespace

ColumnColoring color_columns(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                             std::int32_t column_count) {
  const std::int64_t lower_bound = checked_longest_row(offsets, columns, column_count);
  const ByColumn matrix = transposed(offsets, columns, column_count);
  std::vector<std::int32_t> order(column_count);
  std::iota(order.begin(), order.end(), 0);
  ColumnColoring best = first_fit(matrix, offsets.size() - 1, order);
  // On a grid, colours j mod p are often fewer: a perfect code of the stencil is such a lattice.
  for (auto period = static_cast<std::int32_t>(lower_bound); period < best.count; ++period)
    if (separates(offsets, columns, period)) return cyclic(column_count, period);
  // First fit over the classes of a colouring never needs more colours than it, and often fewer (Culberson,
  // "Iterated greedy graph coloring and the difficulty landscape", 1992).
  constexpr int passes = 8;
  for (int pass = 0; pass < passes && best.count > lower_bound; ++pass)
    best = first_fit(matrix, offsets.size() - 1, by_class(best));
  return best;
}

}  // namespace amg
