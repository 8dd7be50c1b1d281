#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"

namespace amg {

namespace {

template <class T>
void outer_of(cudaStream_t stream, const InputMatrix& A, const T* u, const T* v, std::int64_t lanes, T* out) {
  const bool csr = A.format == InputMatrix::Format::csr;
  cuda::for_each(stream, A.stored, "outer", [=] __device__(std::int64_t k) {
    std::int64_t i = 0;
    if (csr) {  // the last row that begins at or before k; A.rows for padding
      std::int64_t high = A.rows;
      while (i < high) {
        const std::int64_t middle = (i + high) / 2;
        if (A.row_index[middle + 1] <= k)
          i = middle + 1;
        else
          high = middle;
      }
    } else {
      i = A.row_index[k];
    }
    const std::int64_t j = A.col_index[k];
    double sum = 0.0;
    if (A.contains(i, j))
      for (std::int64_t l = 0; l < lanes; ++l)
        sum += static_cast<double>(u[i * lanes + l]) * static_cast<double>(v[j * lanes + l]);
    out[k] = static_cast<T>(sum);
  });
}

}  // namespace

void CudaSpace::outer(const InputMatrix& A, ConstVector u, ConstVector v, void* out) {
  visit(u.dtype,
        [&]<class T>() { outer_of(stream_, A, u.as<T>(), v.as<T>(), u.lanes, static_cast<T*>(out)); });
}

}  // namespace amg
