#include "backends/cuda/cuda_space.h"
#include "backends/cuda/node_rows.cuh"
#include "setup/diagonal_row.h"

namespace amg {

namespace {

template <class T>
void spai0_of(cudaStream_t stream, const Matrix& A, T* diagonal) {
  cuda::for_each_row(stream, A.rows, A.entries, "spai0_diagonal", [=] __device__(auto team, std::int64_t i) {
    const double of_row = spai0<T>(team, A, i);
    if (team.leads()) diagonal[i] = static_cast<T>(of_row);
  });
}

template <class T>
void spai0_blocks(CudaSpace& space, const Matrix& A, T* diagonal) {
  const std::int64_t k = A.block_dim;
  cuda::for_each_with_scratch(space, A.nodes(), 1, block_scratch(k), "spai0_diagonal",
                              [=] __device__(auto team, std::int64_t i, double* scratch) {
                                if (team.leads())
                                  spai0_block(A, i, epsilon(dtype_of<T>), scratch, diagonal + i * k * k);
                              });
}

template <class T>
void invert_hybrid_diagonal_of(cudaStream_t stream, const Matrix& A, T* inverse) {
  cuda::for_each_row(stream, A.rows, A.entries, "invert_hybrid_diagonal",
                     [=] __device__(auto team, std::int64_t i) {
                       const double of_row = inverse_hybrid_diagonal<T>(team, A, i);
                       if (team.leads()) inverse[i] = static_cast<T>(of_row);
                     });
}

template <class T>
void row_norms_of(cudaStream_t stream, const Matrix& A, bool inverted, T* norms) {
  cuda::for_each_row(stream, A.rows, A.entries, "row_norms", [=] __device__(auto team, std::int64_t i) {
    const double norm = row_norm<T>(team, A, i);
    if (team.leads()) norms[i] = static_cast<T>(inverted && norm != 0 ? 1 / norm : norm);
  });
}

template <class T>
void split(cudaStream_t stream, std::span<const std::int32_t> coarse, std::int64_t block, const T* all,
           T* at_coarse, T* at_fine) {
  const std::int32_t* number = coarse.data();
  cuda::for_each(stream, static_cast<std::int64_t>(coarse.size()) * block, "split_diagonal",
                 [=] __device__(std::int64_t i) {
                   const bool stays = number[i / block] >= 0;
                   at_coarse[i] = stays ? all[i] : T{0};
                   at_fine[i] = stays ? T{0} : all[i];
                 });
}

}  // namespace

// Traffic of each: A + a vector
void CudaSpace::spai0_diagonal(const Matrix& A, void* diagonal) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1)
      spai0_blocks(*this, A, static_cast<T*>(diagonal));
    else
      spai0_of(stream_, A, static_cast<T*>(diagonal));
  });
}

void CudaSpace::invert_hybrid_diagonal(const Matrix& A, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1)
      cuda::invert_blocks(*this, A, 0.5, hybrid_block_nodes(A.block_dim), static_cast<T*>(inverse));
    else
      invert_hybrid_diagonal_of(stream_, A, static_cast<T*>(inverse));
  });
}

void CudaSpace::row_norms(const Matrix& A, bool inverted, void* norms) {
  visit(A.dtype, [&]<class T>() { row_norms_of(stream_, A, inverted, static_cast<T*>(norms)); });
}

void CudaSpace::split_diagonal(std::span<const std::int32_t> coarse, DType dtype, std::int32_t block_dim,
                               const void* all, void* at_coarse, void* at_fine) {
  const std::int64_t block = std::int64_t{block_dim} * block_dim;
  visit(dtype, [&]<class T>() {
    split(stream_, coarse, block, static_cast<const T*>(all), static_cast<T*>(at_coarse),
          static_cast<T*>(at_fine));
  });
}

}  // namespace amg
