#include <algorithm>
#include <vector>

#include "backends/host/host_space.h"
#include "backends/host/interpolation.h"
#include "backends/host/scratch_pool.h"
#include "core/arena.h"
#include "setup/classical/d2_row.h"
#include "setup/serial_team.h"

namespace amg {

std::shared_ptr<const Pattern> HostSpace::pattern_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                                                     std::span<const std::int32_t> coarse) {
  const auto direct = pattern_d1(A, strong, coarse);
  return host::collect_pattern(*this, A.rows, direct->cols, [&](std::int64_t i, const auto& add) {
    if (coarse[i] >= 0) return add(coarse[i]);
    d2_points(SerialTeam(), A, strong.data(), coarse.data(), direct->offsets.data(), direct->columns.data(),
              i, add);
  });
}

void HostSpace::values_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  struct Scratch {
    std::vector<std::int32_t> position;  // of a point in the current row of P, or -1
    std::vector<double> weights;
    std::vector<D2Entry> wanted;
  };
  const std::int64_t* offsets = P.pattern()->offsets.data();
  const std::int32_t* columns = P.pattern()->columns.data();

  const auto row_of = host::rows_of_coarse(*this, coarse);
  const auto longest_in_A = static_cast<std::size_t>(host::longest_row(A.offsets, A.rows));
  const auto longest_in_P = static_cast<std::size_t>(host::longest_row(offsets, A.rows));
  host::ScratchPool scratches([&] {
    return Scratch{std::vector(static_cast<std::size_t>(A.cols), -1), std::vector<double>(longest_in_P + 1),
                   std::vector<D2Entry>(longest_in_A)};
  });
  visit(A.dtype, [&]<class T>() {
    parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
      const auto scratch = scratches.lease();
      std::int32_t* position = scratch->position.data();
      const auto position_of = [&](std::int32_t j) { return position[j]; };
      double* w = scratch->weights.data();
      for (std::int64_t i = begin; i < end; ++i) {
        T* out = P.as<T>() + offsets[i];
        if (coarse[i] >= 0) {
          *out = 1;
          continue;
        }
        const std::int32_t* row = columns + offsets[i];
        const auto size = static_cast<std::int32_t>(offsets[i + 1] - offsets[i]);

        for (std::int32_t p = 0; p < size; ++p) position[row_of[row[p]]] = p;
        position[i] = size;
        std::fill_n(w, size + 1, 0.0);
        const double scale =
            d2_row<T>(SerialTeam(), A, strong.data(), i, position_of, w, size + 1, scratch->wanted.data());
        for (std::int32_t p = 0; p < size; ++p) position[row_of[row[p]]] = -1;
        position[i] = -1;

        for (std::int32_t p = 0; p < size; ++p) out[p] = static_cast<T>(scale * w[p]);
      }
    });
  });
}

}  // namespace amg
