#include <atomic>
#include <span>
#include <utility>

#include "backends/host/enumerate.h"
#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/coloring/color_row.h"
#include "setup/serial_team.h"

namespace amg {

// In rounds; each reads the rows of the rows that are still without a color.
Coloring HostSpace::color_matrix(const Matrix& A, const Pattern* transposed, int distance) {
  const std::int64_t n = A.rows;
  const ColorGraph graph(A, transposed, distance);
  Coloring coloring{array<std::int32_t>(n), array<std::int32_t>(n), {0}};
  std::int32_t* const color = coloring.color.data();
  auto priority = array<std::uint64_t>(n);
  auto waiting = array<std::int32_t>(n), next = array<std::int32_t>(n);
  parallel_for_each(n, setup_rows, [&](std::int64_t i) {
    color[i] = no_color;
    priority[i] = coloring_priority(graph, i);
    waiting[i] = static_cast<std::int32_t>(i);
  });
  for (std::int64_t count = n; count > 0;) {
    parallel_for_each(count, setup_rows, [&](std::int64_t r) {
      const std::int32_t i = waiting[r];
      const auto look = [&](std::int32_t j) {
        return std::atomic_ref(color[j]).load(std::memory_order_relaxed);
      };
      const std::int32_t found = color_row(SerialTeam(), graph, priority.data(), look, i);
      std::atomic_ref(color[i]).store(found, std::memory_order_relaxed);
    });
    count = host::enumerate(
        count, [&](std::int64_t r) { return color[waiting[r]] == no_color; },
        [&](std::int64_t r, std::int64_t rank) { next[rank] = waiting[r]; });
    std::swap(waiting, next);
  }

  for (std::int32_t c = 0; coloring.first.back() < n; ++c) {
    const std::int64_t begin = coloring.first.back();
    coloring.first.push_back(begin + host::enumerate(
                                         n, [&](std::int64_t i) { return color[i] == c; },
                                         [&](std::int64_t i, std::int64_t rank) {
                                           coloring.rows[begin + rank] = static_cast<std::int32_t>(i);
                                         }));
  }
  return coloring;
}

}  // namespace amg
