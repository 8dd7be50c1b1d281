#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/diagonal_row.h"
#include "setup/serial_team.h"

namespace amg {

namespace {

// out[i] = of(i). Traffic: A + out
template <class T, class F>
void each_row(const Matrix& A, void* out, F of) {
  parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) static_cast<T*>(out)[i] = static_cast<T>(of(i));
  });
}

}  // namespace

void HostSpace::spai0_diagonal(const Matrix& A, void* diagonal) {
  visit(A.dtype, [&]<class T>() {
    each_row<T>(A, diagonal, [&](std::int64_t i) { return spai0<T>(SerialTeam(), A, i); });
  });
}

void HostSpace::invert_hybrid_diagonal(const Matrix& A, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    each_row<T>(A, inverse, [&](std::int64_t i) { return inverse_hybrid_diagonal<T>(SerialTeam(), A, i); });
  });
}

void HostSpace::row_norms(const Matrix& A, bool inverted, void* norms) {
  visit(A.dtype, [&]<class T>() {
    each_row<T>(A, norms, [&](std::int64_t i) {
      const double norm = row_norm<T>(SerialTeam(), A, i);
      return inverted && norm != 0 ? 1 / norm : norm;
    });
  });
}

void HostSpace::split_diagonal(std::span<const std::int32_t> coarse, DType dtype, const void* all,
                               void* at_coarse, void* at_fine) {
  visit(dtype, [&]<class T>() {
    const T* from = static_cast<const T*>(all);
    parallel_for(static_cast<std::int64_t>(coarse.size()), block_rows,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     const bool stays = coarse[static_cast<std::size_t>(i)] >= 0;
                     static_cast<T*>(at_coarse)[i] = stays ? from[i] : T{0};
                     static_cast<T*>(at_fine)[i] = stays ? T{0} : from[i];
                   }
                 });
  });
}

}  // namespace amg
