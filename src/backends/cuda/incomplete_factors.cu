#include "backends/cuda/colored_rows.cuh"
#include "backends/cuda/cuda_space.h"
#include "setup/coloring/factor_row.h"

namespace amg {

namespace {

template <class T>
void factor_dilu_of(cudaStream_t stream, const Matrix& A, const Coloring& coloring, T* inverse) {
  const std::int32_t* const color = coloring.color.data();
  for (int c = 0; c < coloring.colors(); ++c)
    cuda::for_listed_rows(
        stream, A, coloring.rows_of(c), "factor_dilu",
        [=] __device__(auto team, std::int64_t i) { dilu_row(team, A, color, i, inverse); });
}

template <class T>
void factor_ilu_of(cudaStream_t stream, const Matrix& A, const Coloring& coloring, const Matrix& F, T* values,
                   T* inverse) {
  const std::span<const std::int32_t> rows = coloring.rows.span();
  const std::int32_t* const color = coloring.color.data();
  cuda::for_listed_rows(stream, F, rows, "factor_ilu: start", [=] __device__(auto team, std::int64_t i) {
    ilu_start_row(team, A, F, i, values, inverse);
  });
  for (std::int32_t c = 0; c + 1 < coloring.colors(); ++c)
    cuda::for_listed_rows(stream, F, rows.subspan(static_cast<std::size_t>(coloring.first[c + 1])),
                          "factor_ilu", [=] __device__(auto team, std::int64_t i) {
                            ilu_eliminate_row(team, F, color, c, i, values, inverse);
                          });
}

struct TakesBefore {
  const std::int32_t* color;
  std::int64_t rows;
  std::int32_t own;
  __device__ bool operator()(std::int32_t j) const { return j < rows && color[j] < own; }
};

struct TakesBehind {
  const std::int32_t* color;
  std::int64_t rows;
  std::int32_t own;
  __device__ bool operator()(std::int32_t j) const { return j < rows && color[j] > own; }
};

// x_i = e_i⁻¹ (b_i − sum)
template <class T>
struct LowerStep {
  const T* inverse;
  const T* b;
  T* x;
  std::int64_t lanes;

  __device__ void operator()(std::int64_t i, std::int64_t lane, double sum) const {
    const std::int64_t at = i * lanes + lane;
    x[at] = static_cast<T>(static_cast<double>(inverse[i]) * (static_cast<double>(b[at]) - sum));
  }
};

// x_i −= e_i⁻¹ sum
template <class T>
struct UpperStep {
  const T* inverse;
  T* x;
  std::int64_t lanes;

  __device__ void operator()(std::int64_t i, std::int64_t lane, double sum) const {
    const std::int64_t at = i * lanes + lane;
    x[at] = static_cast<T>(static_cast<double>(x[at]) - static_cast<double>(inverse[i]) * sum);
  }
};

}  // namespace

// Traffic: A, and an entry of another row for each entry before the diagonal
void CudaSpace::factor_dilu(const Matrix& A, const Coloring& coloring, void* inverse) {
  visit(A.dtype, [&]<class T>() { factor_dilu_of(stream_, A, coloring, static_cast<T*>(inverse)); });
}

void CudaSpace::factor_ilu(const Matrix& A, const Coloring& coloring, CsrMatrix& F, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    factor_ilu_of(stream_, A, coloring, F.view(), F.as<T>(), static_cast<T*>(inverse));
  });
}

// Traffic: twice F with 4 bytes an entry for its color, + b + 3 x + E⁻¹ twice; two launches a color
void CudaSpace::solve_factors(const Operator& op, const Coloring& coloring, const void* inverse,
                              ConstVector b, Vector x) {
  const Matrix& F = op.by_rows();
  const std::int32_t* const color = coloring.color.data();
  visit(x.dtype, [&]<class T>() {
    const T* const inv = static_cast<const T*>(inverse);
    for (int c = 0; c < coloring.colors(); ++c)
      cuda::for_listed_sums<T>(stream_, F, coloring.rows_of(c), x.as<T>(), x.lanes, "solve_factors: lower",
                               TakesBefore{color, F.rows, c},
                               LowerStep<T>{inv, b.as<T>(), x.as<T>(), x.lanes});
    for (int c = coloring.colors() - 2; c >= 0; --c)
      cuda::for_listed_sums<T>(stream_, F, coloring.rows_of(c), x.as<T>(), x.lanes, "solve_factors: upper",
                               TakesBehind{color, F.rows, c}, UpperStep<T>{inv, x.as<T>(), x.lanes});
  });
}

}  // namespace amg
