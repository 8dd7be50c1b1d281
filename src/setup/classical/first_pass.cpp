#include "setup/classical/first_pass.h"

#include <algorithm>
#include <vector>

#include "setup/classical/pmis_rule.h"

namespace amg {

namespace {

// The undecided points by their weights: a ring for each weight, in the order of arrival, that starts and
// ends at an entry of its own after those of the points.
class Rings {
 public:
  Rings(std::int64_t points, std::int64_t weights)
      : points_(points), links_(static_cast<std::size_t>(points + weights)) {
    for (std::int64_t i = points; i < points + weights; ++i) links_[i] = {i, i};
  }

  void append(std::int64_t i, std::int64_t weight) {
    const std::int64_t end = points_ + weight, last = links_[end].before;
    links_[i] = {last, end};
    links_[last].after = links_[end].before = i;
  }

  void remove(std::int64_t i) {
    const auto [before, after] = links_[i];
    links_[before].after = after;
    links_[after].before = before;
  }

  // Not a point if there is none of this weight.
  std::int64_t first(std::int64_t weight) const { return links_[points_ + weight].after; }
  bool is_point(std::int64_t i) const { return i < points_; }

 private:
  struct Link {
    std::int64_t before, after;
  };
  std::int64_t points_;
  std::vector<Link> links_;
};

std::span<const std::int32_t> row(const Pattern& S, std::int64_t i) {
  return {S.columns.data() + S.offsets[i], S.columns.data() + S.offsets[i + 1]};
}

}  // namespace

// Ruge and Stüben, "Algebraic multigrid", 1987, §4.6: λ_i counts whom i influences, those that are fine
// already twice. The point of the largest λ becomes coarse, and those that depend on it fine. One point after
// the other, as every step changes the λ of the next: on a grid the order of arrival makes the fronts meet in
// step.
void first_pass(const Pattern& S, const Pattern& T, std::span<std::uint8_t> state) {
  std::vector<std::int64_t> lambda(state.size());
  std::int64_t largest = 0;
  for (std::int64_t i = 0; i < S.rows; ++i) {
    lambda[i] = std::ssize(row(T, i));
    largest = std::max(largest, lambda[i]);
  }
  Rings rings(S.rows, 2 * largest + 1);
  for (std::int64_t i = 0; i < S.rows; ++i) rings.append(i, lambda[i]);
  const auto change = [&](std::int64_t i, std::int64_t by) {
    if (state[i] != candidate) return;
    rings.remove(i);
    rings.append(i, lambda[i] += by);
    largest = std::max(largest, lambda[i]);
  };

  for (; largest > 0; --largest)
    for (std::int64_t i = rings.first(largest); rings.is_point(i); i = rings.first(largest)) {
      rings.remove(i);
      state[i] = coarse_point;
      for (const std::int32_t j : row(T, i)) {
        if (state[j] != candidate) continue;
        rings.remove(j);
        state[j] = fine_point;
        for (const std::int32_t k : row(S, j)) change(k, 1);
      }
      for (const std::int32_t j : row(S, i)) change(j, -1);
    }
}

}  // namespace amg
