#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/scaling_row.h"

namespace amg {

namespace {

template <class T>
void row_scales_of(cudaStream_t stream, const Matrix& A, RowScale kind, T* scale, T* inverse) {
  cuda::for_each_row(stream, A.rows, A.entries, "row_scales", [=] __device__(auto team, std::int64_t i) {
    const double of_row = row_scale<T>(team, A, kind, i);
    if (!team.leads()) return;
    scale[i] = static_cast<T>(of_row);
    inverse[i] = static_cast<T>(1 / of_row);
  });
}

template <class T>
void scale_matrix_of(cudaStream_t stream, const Matrix& A, const T* left, const T* right, T* values) {
  cuda::for_each_row(stream, A.rows, A.entries, "scale_matrix", [=] __device__(auto team, std::int64_t i) {
    scale_row<T>(team, A, left, right, values, i);
  });
}

}  // namespace

// Traffic: A + 2 vectors
void CudaSpace::row_scales(const Matrix& A, RowScale kind, void* scale, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    row_scales_of(stream_, A, kind, static_cast<T*>(scale), static_cast<T*>(inverse));
  });
}

// Traffic: A + its values + 2 vectors
void CudaSpace::scale_matrix(const Matrix& A, const void* left, const void* right, void* values) {
  visit(A.dtype, [&]<class T>() {
    scale_matrix_of(stream_, A, static_cast<const T*>(left), static_cast<const T*>(right),
                    static_cast<T*>(values));
  });
}

}  // namespace amg
