#include "backends/host/host_space.h"
#include "backends/host/row_offsets.h"
#include "core/arena.h"
#include "setup/aggregation/filtered_row.h"
#include "setup/serial_team.h"

namespace amg {

CsrMatrix HostSpace::filtered(const Matrix& A, std::span<const std::uint8_t> coupling) {
  return visit(A.dtype, [&]<class T>() {
    const auto for_rows = [&](const auto& f) { parallel_for_each(A.rows, setup_rows, f); };
    auto pattern = std::make_shared<Pattern>();
    pattern->rows = A.rows;
    pattern->cols = A.cols;
    pattern->offsets = array<std::int64_t>(A.rows + 1);
    std::int64_t* const offsets = pattern->offsets.data();
    for_rows([&](std::int64_t i) {
      offsets[i] = filtered_row<T>(SerialTeam(), A, i, coupling.data(), nullptr, nullptr);
    });
    pattern->columns = array<std::int32_t>(host::lengths_to_offsets(offsets, A.rows));
    std::int32_t* const columns = pattern->columns.data();
    CsrMatrix F = matrix(std::move(pattern), A.dtype);
    for_rows([&](std::int64_t i) {
      filtered_row<T>(SerialTeam(), A, i, coupling.data(), columns + offsets[i], F.as<T>() + offsets[i]);
    });
    return F;
  });
}

}  // namespace amg
