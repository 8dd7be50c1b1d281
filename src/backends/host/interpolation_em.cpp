#include <algorithm>
#include <utility>
#include <vector>

#include "backends/host/host_space.h"
#include "backends/host/interpolation.h"
#include "backends/host/scratch_pool.h"
#include "core/arena.h"
#include "setup/classical/energy_row.h"
#include "setup/serial_team.h"

namespace amg {

void HostSpace::values_em(const Matrix& A, std::span<const std::uint8_t>,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  struct Scratch {
    std::vector<std::int32_t> position;  // of a coarse point in the current row of P, or -1
    std::vector<double> gradient;
  };
  const std::int64_t* offsets = P.pattern()->offsets.data();
  const std::int32_t* columns = P.pattern()->columns.data();
  const auto longest = static_cast<std::size_t>(host::longest_row(offsets, A.rows));
  host::ScratchPool scratches([&] {
    return Scratch{std::vector(static_cast<std::size_t>(P.cols()), -1), std::vector<double>(longest)};
  });
  visit(A.dtype, [&]<class T>() {
    const auto next_values = array<T>(P.entries());
    T *now = P.as<T>(), *next = next_values.data();
    parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        for (std::int64_t f = offsets[i]; f < offsets[i + 1]; ++f)
          now[f] = next[f] = first_weight<T>(offsets[i + 1] - offsets[i]);
    });
    for (int sweep = 0; sweep < energy_sweeps; ++sweep, std::swap(now, next)) {
      Matrix weights = P;
      weights.values = now;
      parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
        const auto scratch = scratches.lease();
        std::int32_t* position = scratch->position.data();
        double* gradient = scratch->gradient.data();
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t first = offsets[i], size = offsets[i + 1] - first;
          if (coarse[i] >= 0 || size == 0) continue;
          for (std::int64_t p = 0; p < size; ++p) position[columns[first + p]] = static_cast<std::int32_t>(p);
          std::fill_n(gradient, size, 0.0);
          energy_row(
              SerialTeam(), A, weights, coarse.data(), i, [&](std::int32_t c) { return position[c]; },
              gradient, next);
          for (std::int64_t p = 0; p < size; ++p) position[columns[first + p]] = -1;
        }
      });
    }
  });
}

}  // namespace amg
