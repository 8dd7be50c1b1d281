#include "matrix/matrix_facts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "amg/error.h"
#include "core/row_hash.h"

namespace amg {

namespace {

void check(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
           std::size_t value_count, std::int32_t block_dim) {
  if (block_dim < 1) throw Error("matrix facts: block_dim must be positive");
  if (offsets.empty() || offsets.front() != 0 || offsets.back() > std::ssize(columns))
    throw Error("matrix facts: offsets must go from 0 to at most the number of entries");
  const std::int64_t n = std::ssize(offsets) - 1;
  if (!std::ranges::is_sorted(offsets)) throw Error("matrix facts: offsets must not fall");
  for (const std::int32_t j : columns.first(offsets.back()))
    if (j < 0 || j >= n) throw Error("matrix facts: a column is out of range");
  if (static_cast<std::int64_t>(value_count) < offsets.back())
    throw Error("matrix facts: fewer values than entries");
}

struct Reach {
  std::int64_t steps;
  std::int32_t last;  // a row that is so far
};

Reach reach(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns, std::int32_t start,
            std::int64_t limit) {
  std::vector<char> seen(offsets.size() - 1);
  std::vector<std::int32_t> front{start}, next;
  seen[start] = 1;
  for (std::int64_t steps = 0;; ++steps) {
    next.clear();
    for (const std::int32_t i : front)
      for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k)
        if (const std::int32_t j = columns[k]; !seen[j]) {
          seen[j] = 1;
          next.push_back(j);
        }
    if (next.empty() || steps == limit) return {steps, front.front()};
    std::swap(front, next);
  }
}

}  // namespace

template <class T>
MatrixFacts matrix_facts(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                         std::span<const T> values, std::int32_t block_dim) {
  check(offsets, columns, values.size(), block_dim);
  const std::int64_t n = std::ssize(offsets) - 1;
  // uᵀ A v = vᵀ A u for random u and v, which only a symmetric A does, without a transpose: the difference is the
  // sum of a_ij (u_i v_j - v_i u_j). Its terms are independent and of mean 0, so for any other A it is about the
  // root of the sum of their squares.
  struct Random {
    double u, v;
  };
  std::vector<Random> random(n);
  for (std::int64_t i = 0; i < n; ++i) random[i] = {random_number(i, 0), random_number(i, 1)};

  MatrixFacts facts;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double coupling_sum = 0.0, between = 0.0, same_sign = 0.0, difference = 0.0, squares = 0.0;
  double ratios = 1.0, decades = 0.0;
  const auto same_component = [&](std::int64_t apart) { return block_dim == 1 || apart % block_dim == 0; };
  std::int64_t positive_diagonals = 0, negative_diagonals = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    double diagonal = 0.0, row = 0.0, row_between = 0.0, row_positive = 0.0, row_difference = 0.0;
    double row_largest = 0.0, row_smallest = infinity;
    const Random here = random[i];
    const std::int64_t node = i - i % block_dim;
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k) {
      const double a = static_cast<double>(values[k]);
      if (columns[k] == i) {
        diagonal += a;
        continue;
      }
      const double magnitude = std::abs(a);
      row += magnitude;
      if (columns[k] < node || columns[k] >= node + block_dim) {
        row_between += magnitude;
        row_positive += std::max(a, 0.0);
      }
      if (magnitude > 0 && same_component(columns[k] - i)) {
        row_largest = std::max(row_largest, magnitude);
        row_smallest = std::min(row_smallest, magnitude);
      }
      const Random there = random[columns[k]];
      const double term = a * (here.u * there.v - here.v * there.u);
      row_difference += term;
      squares += term * term;
    }
    // Finite elements leave entries that are zero but for rounding.
    constexpr double rounding = 8.0 * std::numeric_limits<T>::epsilon();
    if (row_smallest <= rounding * row_largest) {
      row_smallest = row_largest;
      for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k)
        if (const double magnitude = std::abs(static_cast<double>(values[k]));
            columns[k] != i && same_component(columns[k] - i) && magnitude > rounding * row_largest)
          row_smallest = std::min(row_smallest, magnitude);
    }
    positive_diagonals += diagonal > 0 ? 1 : 0;
    negative_diagonals += diagonal < 0 ? 1 : 0;
    const double coupling = diagonal != 0 ? row / std::abs(diagonal) : infinity;
    coupling_sum += coupling;
    facts.largest_coupling = std::max(facts.largest_coupling, coupling);
    if (row_largest > row_smallest) ratios *= row_largest / row_smallest;
    if (ratios > 1e200) decades += std::log10(std::exchange(ratios, 1.0));  // one logarithm for many rows
    between += row_between;
    same_sign += diagonal > 0 ? row_positive : row_between - row_positive;
    difference += row_difference;
  }
  facts.mean_coupling = coupling_sum / static_cast<double>(n);
  facts.one_sign = positive_diagonals == n || negative_diagonals == n;
  if (between > 0) facts.same_sign = same_sign / between;
  facts.unevenness = (decades + std::log10(ratios)) / static_cast<double>(n);
  // Sums of symmetric matrices round to a few eps, of values that were rounded before they were assembled too.
  facts.symmetric = std::abs(difference) <= 64.0 * std::numeric_limits<T>::epsilon() * std::sqrt(squares);
  return facts;
}

template MatrixFacts matrix_facts(std::span<const std::int64_t>, std::span<const std::int32_t>,
                                  std::span<const float>, std::int32_t);
template MatrixFacts matrix_facts(std::span<const std::int64_t>, std::span<const std::int32_t>,
                                  std::span<const double>, std::int32_t);

template <class T>
Distance distance_across(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                         std::span<const T> values, std::int32_t block_dim, std::int64_t limit) {
  check(offsets, columns, values.size(), block_dim);
  const std::int64_t n = std::ssize(offsets) - 1;
  if (n == 0) return {};
  const Reach once = reach(offsets, columns, 0, limit);
  const Reach twice = reach(offsets, columns, once.last, limit);

  std::vector<double> decades(n);
  for (std::int64_t i = 0; i < n; ++i) {
    double diagonal = 0.0;
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k)
      if (columns[k] == i) diagonal += static_cast<double>(values[k]);
    decades[i] = std::log10(std::abs(diagonal));
  }
  const auto same_component = [&](std::int64_t apart) { return block_dim == 1 || apart % block_dim == 0; };
  double jumps = 0.0;
  std::int64_t links = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k)
      if (columns[k] != i && same_component(columns[k] - i)) {
        jumps += std::abs(decades[i] - decades[columns[k]]);
        ++links;
      }
  return {std::max(once.steps, twice.steps), links > 0 ? jumps / static_cast<double>(links) : 0.0};
}

template Distance distance_across(std::span<const std::int64_t>, std::span<const std::int32_t>,
                                  std::span<const float>, std::int32_t, std::int64_t);
template Distance distance_across(std::span<const std::int64_t>, std::span<const std::int32_t>,
                                  std::span<const double>, std::int32_t, std::int64_t);

}  // namespace amg
