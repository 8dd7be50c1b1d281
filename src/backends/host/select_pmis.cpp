#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "backends/host/enumerate.h"
#include "backends/host/host_space.h"
#include "backends/host/pmis.h"
#include "backends/host/row_offsets.h"
#include "core/arena.h"

namespace amg {

namespace {

// Points look at each other's states, and mark them, while a round runs. No outcome depends on the order.
std::uint8_t look(std::uint8_t& state) { return std::atomic_ref(state).load(std::memory_order_relaxed); }
void mark(std::uint8_t& state, PmisState now) {
  std::atomic_ref(state).store(now, std::memory_order_relaxed);
}

}  // namespace

Array<std::uint64_t> host::pmis_weights(Space& space, const Pattern& S) {
  auto influenced = space.array<std::uint32_t>(S.rows);
  parallel_for_each(S.rows, setup_rows, [&](std::int64_t i) { influenced[i] = 0; });
  parallel_for_each(S.entries(), setup_rows, [&](std::int64_t e) {
    std::atomic_ref(influenced[S.columns[e]]).fetch_add(1, std::memory_order_relaxed);
  });
  auto weight = space.array<std::uint64_t>(S.rows);
  parallel_for_each(S.rows, setup_rows, [&](std::int64_t i) { weight[i] = pmis_weight(influenced[i], i); });
  return weight;
}

Pattern host::strong_graph(Space& space, const Matrix& A, std::span<const std::uint8_t> strong) {
  Pattern S;
  S.rows = S.cols = A.rows;
  S.offsets = space.array<std::int64_t>(A.rows + 1);
  parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) {
    S.offsets[i] =
        std::count(strong.begin() + A.offsets[i], strong.begin() + A.offsets[i + 1], std::uint8_t{1});
  });
  S.columns = space.array<std::int32_t>(host::lengths_to_offsets(S.offsets.data(), A.rows));
  parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) {
    std::int32_t* out = S.columns.data() + S.offsets[i];
    for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e)
      if (strong[e]) *out++ = A.columns[e];
  });
  return S;
}

// PMIS (De Sterck, Yang, Heys, "Reducing complexity in parallel algebraic multigrid preconditioners", 2006).
// Each round, the undecided points that are heavier than all their undecided neighbours in S ∪ Sᵀ become
// coarse; points that strongly depend on them become fine.
//
// Sᵀ is never formed: every edge of S ∪ Sᵀ lies in some row of S, and from there it marks the end that loses.
void host::select_independent(Space& space, const Pattern& S, std::span<const std::uint64_t> weight,
                              std::span<std::uint8_t> state) {
  const auto influences = [&](std::int64_t i) {
    return std::span(S.columns.data() + S.offsets[i], S.columns.data() + S.offsets[i + 1]);
  };
  auto active = space.array<std::int32_t>(S.rows);
  auto next = space.array<std::int32_t>(S.rows);
  std::int64_t count = host::enumerate(
      S.rows, [&](std::int64_t i) { return state[i] == candidate; },
      [&](std::int64_t i, std::int64_t rank) { active[rank] = static_cast<std::int32_t>(i); });
  while (count > 0) {
    parallel_for_each(count, setup_rows, [&](std::int64_t r) {
      const std::int32_t i = active[r];
      for (std::int32_t j : influences(i))
        if (look(state[j]) <= beaten) mark(state[pmis_beats(weight[i], i, weight[j], j) ? j : i], beaten);
    });
    parallel_for_each(count, setup_rows, [&](std::int64_t r) {
      std::uint8_t& s = state[active[r]];
      if (s == candidate) s = coarse_point;
    });
    parallel_for_each(count, setup_rows, [&](std::int64_t r) {
      const std::int32_t i = active[r];
      if (look(state[i]) == coarse_point) return;
      const bool covered =
          std::ranges::any_of(influences(i), [&](std::int32_t j) { return look(state[j]) == coarse_point; });
      mark(state[i], covered ? fine_point : candidate);
    });
    count = host::enumerate(
        count, [&](std::int64_t r) { return state[active[r]] == candidate; },
        [&](std::int64_t r, std::int64_t rank) { next[rank] = active[r]; });
    std::swap(active, next);
  }
}

Array<std::int32_t> host::number_coarse(Space& space, std::span<const std::uint8_t> state) {
  const std::int64_t n = std::ssize(state);
  auto coarse = space.array<std::int32_t>(n);
  parallel_for_each(n, setup_rows, [&](std::int64_t i) { coarse[i] = -1; });
  host::enumerate(
      n, [&](std::int64_t i) { return state[i] == coarse_point; },
      [&](std::int64_t i, std::int64_t rank) { coarse[i] = static_cast<std::int32_t>(rank); });
  return coarse;
}

// Points that influence nobody are fine from the start, where they are no candidates.
Array<std::int32_t> host::pmis(Space& space, const Pattern& S, Uninfluential uninfluential) {
  const auto weight = pmis_weights(space, S);
  auto state = space.array<std::uint8_t>(S.rows);
  parallel_for_each(S.rows, setup_rows,
                    [&](std::int64_t i) { state[i] = pmis_start(weight[i], uninfluential); });
  select_independent(space, S, weight.span(), state.span());
  return number_coarse(space, state.span());
}

Array<std::int32_t> HostSpace::select_pmis(const Matrix& A, std::span<const std::uint8_t> strong) {
  return host::pmis(*this, host::strong_graph(*this, A, strong), Uninfluential::fine);
}

}  // namespace amg
