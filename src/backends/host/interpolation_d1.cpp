#include "backends/host/host_space.h"
#include "backends/host/interpolation.h"
#include "backends/host/row_offsets.h"
#include "core/arena.h"
#include "setup/classical/d1_row.h"
#include "setup/serial_team.h"

namespace amg {

std::shared_ptr<const Pattern> HostSpace::pattern_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                                                     std::span<const std::int32_t> coarse) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = host::number_of_coarse(coarse);
  pattern->offsets = array<std::int64_t>(A.rows + 1);
  std::int64_t* offsets = pattern->offsets.data();
  parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::int64_t length = 1;
      if (coarse[i] < 0) {
        length = 0;
        for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e)
          length += d1_interpolates(A, strong.data(), coarse.data(), e) ? 1 : 0;
      }
      offsets[i] = length;
    }
  });
  pattern->columns = array<std::int32_t>(host::lengths_to_offsets(offsets, A.rows));
  parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::int32_t* out = pattern->columns.data() + offsets[i];
      if (const std::int32_t c = coarse[i]; c >= 0) {
        *out = c;
        continue;
      }
      for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e)
        if (d1_interpolates(A, strong.data(), coarse.data(), e)) *out++ = coarse[A.columns[e]];
    }
  });
  return pattern;
}

void HostSpace::values_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  const std::int64_t* offsets = P.pattern()->offsets.data();
  visit(A.dtype, [&]<class T>() {
    parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        T* w = P.as<T>() + offsets[i];
        if (coarse[i] >= 0)
          *w = 1;
        else
          d1_row(SerialTeam(), A, strong.data(), coarse.data(), i, w);
      }
    });
  });
}

}  // namespace amg
