#include "backends/cuda/colored_rows.cuh"
#include "backends/cuda/cuda_space.h"
#include "backends/cuda/node_rows.cuh"
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

// ---- matrices of nodes

// Calls f(team, i, scratch), a __device__ lambda, for the nodes i of a list.
template <class F>
void for_listed_nodes(CudaSpace& space, const Matrix& A, std::span<const std::int32_t> list, const char* name,
                      F f) {
  const std::int32_t* const node = list.data();
  cuda::for_each_with_scratch(space, static_cast<std::int64_t>(list.size()), cuda::blocks_per_row(A),
                              factor_scratch(A.block_dim), name,
                              [=] __device__(auto team, std::int64_t n, double* scratch) {
                                f(team, static_cast<std::int64_t>(node[n]), scratch);
                              });
}

template <class T>
void factor_dilu_nodes(CudaSpace& space, const Matrix& A, const Coloring& coloring, T* inverse) {
  const std::int32_t* const color = coloring.color.data();
  for (int c = 0; c < coloring.colors(); ++c)
    for_listed_nodes(space, A, coloring.rows_of(c), "factor_dilu",
                     [=] __device__(auto team, std::int64_t i, double* scratch) {
                       dilu_block_row(team, A, color, i, epsilon(dtype_of<T>), scratch, inverse);
                     });
}

template <class T>
void factor_ilu_nodes(CudaSpace& space, const Matrix& A, const Coloring& coloring, const Matrix& F, T* values,
                      T* inverse) {
  const std::span<const std::int32_t> nodes = coloring.rows.span();
  const std::int32_t* const color = coloring.color.data();
  for_listed_nodes(space, F, nodes, "factor_ilu: start",
                   [=] __device__(auto team, std::int64_t i, double* scratch) {
                     ilu_start_block_row(team, A, F, i, epsilon(dtype_of<T>), scratch, values, inverse);
                   });
  for (std::int32_t c = 0; c + 1 < coloring.colors(); ++c)
    for_listed_nodes(space, F, nodes.subspan(static_cast<std::size_t>(coloring.first[c + 1])), "factor_ilu",
                     [=] __device__(auto team, std::int64_t i, double* scratch) {
                       ilu_eliminate_block_row(team, F, color, c, i, epsilon(dtype_of<T>), scratch, values,
                                               inverse);
                     });
}

template <class T>
struct FromBefore {
  TakesBefore takes;
  const T* x;
  __device__ const T* operator()(std::int64_t j) const {
    return takes(static_cast<std::int32_t>(j)) ? x : nullptr;
  }
};

template <class T>
struct FromBehind {
  TakesBehind takes;
  const T* x;
  __device__ const T* operator()(std::int64_t j) const {
    return takes(static_cast<std::int32_t>(j)) ? x : nullptr;
  }
};

struct Zero {
  __device__ double operator()(std::int64_t) const { return 0.0; }
};

template <class T>
struct Put {
  T* x;
  __device__ void operator()(std::int64_t at, double step) const { x[at] = static_cast<T>(step); }
};

template <class T>
void solve_block_factors(CudaSpace& space, const Matrix& F, const Coloring& coloring,
                         const BlockDiagonal& inverse, ConstVector b, Vector x) {
  const std::int32_t* const color = coloring.color.data();
  T* const now = x.as<T>();
  for (int c = 0; c < coloring.colors(); ++c)
    cuda::for_node_steps<T>(space, F, coloring.rows_of(c), inverse, x.lanes, "solve_factors: lower",
                            FromBefore<T>{{color, F.nodes(), c}, now}, cuda::EntriesOf<T>{b.as<T>()},
                            Put<T>{now});
  for (int c = coloring.colors() - 2; c >= 0; --c)
    cuda::for_node_steps<T>(space, F, coloring.rows_of(c), inverse, x.lanes, "solve_factors: upper",
                            FromBehind<T>{{color, F.nodes(), c}, now}, Zero{},
                            cuda::MoveBy<T>{1.0, now, now});
}

}  // namespace

// Traffic: A, and an entry of another row for each entry before the diagonal
void CudaSpace::factor_dilu(const Matrix& A, const Coloring& coloring, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1)
      factor_dilu_nodes(*this, A, coloring, static_cast<T*>(inverse));
    else
      factor_dilu_of(stream_, A, coloring, static_cast<T*>(inverse));
  });
}

void CudaSpace::factor_ilu(const Matrix& A, const Coloring& coloring, CsrMatrix& F, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    if (A.block_dim > 1)
      factor_ilu_nodes(*this, A, coloring, F.view(), F.as<T>(), static_cast<T*>(inverse));
    else
      factor_ilu_of(stream_, A, coloring, F.view(), F.as<T>(), static_cast<T*>(inverse));
  });
}

// Traffic: twice F with 4 bytes an entry for its color, + b + 3 x + E⁻¹ twice; two launches a color
void CudaSpace::solve_factors(const Operator& op, const Coloring& coloring, const BlockDiagonal& inverse,
                              ConstVector b, Vector x) {
  const Matrix& F = op.by_rows();
  const std::int32_t* const color = coloring.color.data();
  visit(x.dtype, [&]<class T>() {
    if (inverse.block_dim > 1) return solve_block_factors<T>(*this, F, coloring, inverse, b, x);
    const T* const inv = static_cast<const T*>(inverse.values);
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
