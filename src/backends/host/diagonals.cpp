#include "backends/host/host_space.h"
#include "backends/host/node_rows.h"
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
    if (A.block_dim > 1)
      return host::for_nodes(A, [&](std::int64_t i, double* scratch) {
        T* const out = static_cast<T*>(diagonal) + i * A.block_dim * A.block_dim;
        spai0_block(A, i, epsilon(A.dtype), scratch, out);
      });
    each_row<T>(A, diagonal, [&](std::int64_t i) { return spai0<T>(SerialTeam(), A, i); });
  });
}

void HostSpace::invert_hybrid_diagonal(const Matrix& A, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1)
      return host::invert_blocks<T>(A, 0.5, hybrid_block_nodes(A.block_dim), static_cast<T*>(inverse));
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

void HostSpace::split_diagonal(std::span<const std::int32_t> coarse, DType dtype, std::int32_t block_dim,
                               const void* all, void* at_coarse, void* at_fine) {
  const std::int64_t size = std::int64_t{block_dim} * block_dim;
  visit(dtype, [&]<class T>() {
    const T* from = static_cast<const T*>(all);
    parallel_for(static_cast<std::int64_t>(coarse.size()), block_rows,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin * size; i < end * size; ++i) {
                     const bool stays = coarse[static_cast<std::size_t>(i / size)] >= 0;
                     static_cast<T*>(at_coarse)[i] = stays ? from[i] : T{0};
                     static_cast<T*>(at_fine)[i] = stays ? T{0} : from[i];
                   }
                 });
  });
}

}  // namespace amg
