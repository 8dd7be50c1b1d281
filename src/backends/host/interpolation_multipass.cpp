#include <atomic>
#include <functional>

#include "backends/host/host_space.h"
#include "backends/host/interpolation.h"
#include "core/arena.h"

namespace amg {

// Breadth first from the coarse points, against the arrows of S: a round looks at the rows that none before it has
// reached. Others may mark theirs meanwhile, which is no pass that this round asks for.
Passes HostSpace::passes(const Matrix& A, std::span<const std::uint8_t> strong,
                         std::span<const std::int32_t> coarse) {
  Passes passes{array<std::int32_t>(A.rows)};
  std::int32_t* const pass = passes.of_row.data();
  parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) pass[i] = coarse[i] >= 0 ? 0 : -1;
  });
  const auto look = [&](std::int64_t i) { return std::atomic_ref(pass[i]).load(std::memory_order_relaxed); };
  for (std::int32_t last = 0;; last = passes.last) {
    const auto reached = [&](std::int64_t i) {
      if (look(i) >= 0) return false;
      for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e)
        if (strong[e] && look(A.columns[e]) == last) return true;
      return false;
    };
    const std::int64_t count = parallel_reduce(
        A.rows, setup_rows, std::int64_t{0},
        [&](std::int64_t begin, std::int64_t end) {
          std::int64_t found = 0;
          for (std::int64_t i = begin; i < end; ++i) {
            if (!reached(i)) continue;
            std::atomic_ref(pass[i]).store(last + 1, std::memory_order_relaxed);
            ++found;
          }
          return found;
        },
        std::plus<>());
    if (count == 0) return passes;
    passes.last = last + 1;
  }
}

std::shared_ptr<const Pattern> HostSpace::pattern_step(const Matrix& A, std::span<const std::uint8_t> strong,
                                                       std::span<const std::int32_t> pass) {
  return host::direct_pattern(*this, NearerNeighbours{A, strong.data(), pass.data()}, A.rows);
}

void HostSpace::values_step(const Matrix& A, std::span<const std::uint8_t> strong,
                            std::span<const std::int32_t> pass, CsrMatrix& W) {
  host::direct_values(NearerNeighbours{A, strong.data(), pass.data()}, W);
}

}  // namespace amg
