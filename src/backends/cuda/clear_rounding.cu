#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/rounding_row.h"

namespace amg {
namespace {

template <class T>
void clear_rows(cudaStream_t stream, const Matrix& A, const Matrix& R, const Matrix& C, T* values) {
  cuda::for_each_row(stream, C.rows, C.entries, "clear rounding", [=] __device__(auto team, std::int64_t i) {
    clear_if_rounding(team, A, R, C, i, values);
  });
}

}  // namespace

// Traffic: C's offsets; of short rows also what they are made of
void CudaSpace::clear_rounding(const Matrix& A, const Matrix& R, CsrMatrix& C) {
  visit(A.dtype, [&]<class T>() { clear_rows<T>(stream_, A, R, C, C.as<T>()); });
}

}  // namespace amg
