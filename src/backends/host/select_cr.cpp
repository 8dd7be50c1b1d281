#include <functional>
#include <utility>

#include "backends/host/host_space.h"
#include "backends/host/pmis.h"
#include "core/arena.h"
#include "setup/classical/cr_rule.h"
#include "setup/classical/relaxation_row.h"

namespace amg {

// Compatible relaxation (Livne, "Coarsening by compatible relaxation", 2004; Brannick and Falgout,
// "Compatible relaxation and coarsening in algebraic multigrid", 2010): relaxation on the fine rows alone, on
// a vector that is zero at the coarse ones, shows where coarse points are wanting. All rows are fine at
// first; each round, those where the error is still large are candidates, and an independent set of them, the
// largest errors first, becomes coarse. It ends when no candidate is left: relaxation is then as fast on the
// fine rows as cr_bar asks, which is all that CR promises.
Array<std::int32_t> HostSpace::select_cr(const Matrix& A, std::span<const std::uint8_t> strong) {
  const Pattern S = host::strong_graph(*this, A, strong);
  const auto scaled = array<float>(A.entries);
  visit(A.dtype, [&]<class T>() {
    parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) { scale_entries<T>(A, i, scaled.data()); });
  });
  auto error = array<float>(A.rows), next = array<float>(A.rows);
  const auto weight = array<std::uint64_t>(A.rows);
  const auto state = array<std::uint8_t>(A.rows), chosen = array<std::uint8_t>(A.rows);
  const auto is_fine = [&](std::int64_t i) { return state[i] == fine_point; };
  parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) { state[i] = fine_point; });
  for (;;) {
    parallel_for_each(A.rows, setup_rows,
                      [&](std::int64_t i) { error[i] = next[i] = is_fine(i) ? cr_start(i) : 0; });
    for (int sweep = 0; sweep < cr_sweeps; ++sweep) {
      parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) {
        if (is_fine(i)) next[i] = relaxed(A, scaled.data(), i, error.data(), 1, 0, is_fine);
      });
      std::swap(error, next);
    }
    const std::int64_t slow = parallel_reduce(
        A.rows, setup_rows, std::int64_t{0},
        [&](std::int64_t begin, std::int64_t end) {
          std::int64_t count = 0;
          for (std::int64_t i = begin; i < end; ++i) {
            chosen[i] = is_slow(error[i]) ? candidate : fine_point;
            weight[i] = slow_weight(error[i], i);
            count += chosen[i] == candidate ? 1 : 0;
          }
          return count;
        },
        std::plus<>());
    if (slow == 0) return host::number_coarse(*this, state.span());
    host::select_independent(*this, S, weight.span(), chosen.span());
    parallel_for_each(A.rows, setup_rows, [&](std::int64_t i) {
      if (chosen[i] == coarse_point) state[i] = coarse_point;
    });
  }
}

}  // namespace amg
