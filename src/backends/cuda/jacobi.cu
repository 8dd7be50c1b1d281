#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/node_rows.cuh"
#include "core/find_entry.h"

namespace amg {

namespace {

template <class T>
void invert_diagonal_of(cudaStream_t stream, const Matrix& A, T* inverse) {
  cuda::for_each(stream, A.rows, "invert_diagonal", [A, inverse] __device__(std::int64_t i) {
    const T* const a_ii = find_entry<T>(A, i, i);
    const T diagonal = a_ii ? *a_ii : T{0};
    inverse[i] = diagonal == 0 ? T{0} : 1 / diagonal;
  });
}

template <class T>
void scale_rows_by(cudaStream_t stream, const T* inverse, T omega, ConstVector b, Vector y) {
  const T* from = b.as<T>();
  T* to = y.as<T>();
  const std::int64_t lanes = b.lanes;
  cuda::for_each(stream, b.size(), "scale_rows", [=] __device__(std::int64_t at) {
    to[at] = omega * inverse[lanes == 1 ? at : at / lanes] * from[at];
  });
}

template <class T>
void scale_nodes(cudaStream_t stream, const BlockDiagonal& inverse, double omega, ConstVector b, Vector y) {
  const T* from = b.as<T>();
  T* to = y.as<T>();
  const std::int64_t lanes = b.lanes, k = inverse.block_dim;
  cuda::for_each(stream, b.size(), "scale_rows", [=] __device__(std::int64_t at) {
    const std::int64_t row = at / lanes, lane = at % lanes, i = row / k;
    to[at] = static_cast<T>(omega * block_row_times<T>(inverse, i, row % k, [&](std::int64_t d) {
                              return static_cast<double>(from[(i * k + d) * lanes + lane]);
                            }));
  });
}

}  // namespace

void CudaSpace::invert_diagonal(const Matrix& A, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1)
      cuda::invert_blocks(*this, A, 0.0, 1, static_cast<T*>(inverse));
    else
      invert_diagonal_of(stream_, A, static_cast<T*>(inverse));
  });
}

void CudaSpace::scale_rows(const BlockDiagonal& inverse, double omega, ConstVector b, Vector y) {
  visit(b.dtype, [&]<class T>() {
    if (inverse.block_dim > 1)
      scale_nodes<T>(stream_, inverse, omega, b, y);
    else
      scale_rows_by(stream_, static_cast<const T*>(inverse.values), static_cast<T>(omega), b, y);
  });
}

}  // namespace amg
