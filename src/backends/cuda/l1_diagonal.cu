#include "backends/cuda/cuda_space.h"
#include "backends/cuda/node_rows.cuh"
#include "setup/l1_diagonal_row.h"

namespace amg {

namespace {

template <class T>
void invert_l1_diagonal_of(cudaStream_t stream, const Matrix& A, T* inverse) {
  cuda::for_each_row(stream, A.rows, A.entries, "invert_l1_diagonal",
                     [=] __device__(auto team, std::int64_t i) {
                       const T inverted = inverse_l1_diagonal<T>(team, A, i);
                       if (team.leads()) inverse[i] = inverted;
                     });
}

}  // namespace

// Traffic: A + D⁻¹
void CudaSpace::invert_l1_diagonal(const Matrix& A, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1)
      cuda::invert_blocks(*this, A, 1.0, 1, static_cast<T*>(inverse));
    else
      invert_l1_diagonal_of(stream_, A, static_cast<T*>(inverse));
  });
}

}  // namespace amg
