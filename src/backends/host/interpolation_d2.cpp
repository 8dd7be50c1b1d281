#include <algorithm>
#include <vector>

#include "backends/host/host_space.h"
#include "backends/host/interpolation.h"
#include "backends/host/row_offsets.h"
#include "backends/host/scratch_pool.h"
#include "core/arena.h"
#include "setup/classical/d2_row.h"
#include "setup/serial_team.h"

namespace amg {

// One sweep over A: the length of a row is known only when its columns are, so each chunk keeps what it found
// until all lengths are there.
std::shared_ptr<const Pattern> HostSpace::pattern_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                                                     std::span<const std::int32_t> coarse) {
  using Marker = std::vector<std::int32_t>;  // the last row that met this coarse point
  const auto direct = pattern_d1(A, strong, coarse);
  const Pattern& d1 = *direct;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = d1.cols;
  pattern->offsets = array<std::int64_t>(A.rows + 1);
  std::int64_t* offsets = pattern->offsets.data();

  host::ScratchPool markers([&] { return Marker(static_cast<std::size_t>(pattern->cols), -1); });
  std::vector<std::vector<std::int32_t>> found(
      static_cast<std::size_t>((A.rows + setup_rows - 1) / setup_rows));
  parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
    const auto marker = markers.lease();
    std::int32_t* met = marker->data();
    auto& columns = found[begin / setup_rows];
    for (std::int64_t i = begin; i < end; ++i) {
      const auto add_new = [&](std::int32_t point) {
        if (met[point] == i) return;
        met[point] = static_cast<std::int32_t>(i);
        columns.push_back(point);
      };
      const auto first = static_cast<std::ptrdiff_t>(columns.size());
      if (const std::int32_t c = coarse[i]; c >= 0) {
        columns.push_back(c);
      } else {
        d2_points(SerialTeam(), A, strong.data(), coarse.data(), d1.offsets.data(), d1.columns.data(), i,
                  add_new);
        std::sort(columns.begin() + first, columns.end());
      }
      offsets[i] = static_cast<std::int64_t>(columns.size()) - first;
    }
  });

  pattern->columns = array<std::int32_t>(host::lengths_to_offsets(offsets, A.rows));
  parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t) {
    const auto& columns = found[begin / setup_rows];
    std::copy(columns.begin(), columns.end(), pattern->columns.data() + offsets[begin]);
  });
  return pattern;
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

  auto row_of = array<std::int32_t>(P.cols());
  parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      if (const std::int32_t c = coarse[i]; c >= 0) row_of[c] = static_cast<std::int32_t>(i);
  });

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
            d2_row<T>(SerialTeam(), A, strong.data(), i, position_of, w, scratch->wanted.data());
        for (std::int32_t p = 0; p < size; ++p) position[row_of[row[p]]] = -1;
        position[i] = -1;

        for (std::int32_t p = 0; p < size; ++p) out[p] = static_cast<T>(scale * w[p]);
      }
    });
  });
}

}  // namespace amg
