#include "backends/cuda/cuda_space.h"
#include "backends/cuda/node_rows.cuh"
#include "backends/cuda/row_sums.cuh"

namespace amg {

using cuda::Reduction;
using cuda::RowDots;
using cuda::RowShape;

namespace {

template <class T>
struct Store {
  T* y;
  std::int64_t lanes;

  __device__ double operator()(std::int64_t i, std::int32_t lane, double sum) const {
    return static_cast<double>(y[i * lanes + lane] = static_cast<T>(sum));
  }
};

template <class T>
struct AddTo {
  T* y;
  std::int64_t lanes;

  __device__ double operator()(std::int64_t i, std::int32_t lane, double sum) const {
    return static_cast<double>(y[i * lanes + lane] += static_cast<T>(sum));
  }
};

template <class T>
struct SubtractFrom {
  const T* b;
  T* r;
  std::int64_t lanes;

  __device__ double operator()(std::int64_t i, std::int32_t lane, double sum) const {
    const std::int64_t at = i * lanes + lane;
    return static_cast<double>(r[at] = static_cast<T>(static_cast<double>(b[at]) - sum));
  }
};

}  // namespace

// Launches row sums with what the dots need; y is the vector that finish writes.
template <class T, class Finish>
void CudaSpace::row_sums(const Matrix& A, ConstVector x, Vector y, Dots dots, const char* name,
                         Finish finish) {
  const cuda::DotOperands<T> with(dots);
  const RowShape shape = RowShape::of(A, x.lanes);
  const Reduction into =
      with.count > 0 ? reduction(shape.blocks, std::int64_t{with.count} * x.lanes) : Reduction{};
  const auto launch = [&]<int count>() {
    cuda::launch_row_sums<T, count>(stream_, shape, A, x.as<T>(),
                                    {with.w[0], with.w[1], y.as<T>(), with.sums, into}, name, finish);
  };
  if (with.count == 0) return launch.template operator()<0>();
  if (with.count == 1) return launch.template operator()<1>();
  launch.template operator()<2>();
}

// Traffic as on the host.
void CudaSpace::multiply(const Operator& A, ConstVector x, Vector y, Dots dots) {
  visit(y.dtype, [&]<class T>() {
    row_sums<T>(A.by_rows(), x, y, dots, "multiply", Store<T>{y.as<T>(), y.lanes});
  });
}

void CudaSpace::multiply_add(const Operator& A, ConstVector x, Vector y) {
  visit(y.dtype, [&]<class T>() {
    row_sums<T>(A.by_rows(), x, y, {}, "multiply_add", AddTo<T>{y.as<T>(), y.lanes});
  });
}

void CudaSpace::residual(const Operator& A, ConstVector b, ConstVector x, Vector r, Dots dots) {
  visit(r.dtype, [&]<class T>() {
    row_sums<T>(A.by_rows(), x, r, dots, "residual", SubtractFrom<T>{b.as<T>(), r.as<T>(), r.lanes});
  });
}

namespace {

template <class T>
struct JacobiStep {
  const T* inverse;
  double omega;
  const T* b;
  const T* x;
  T* y;
  std::int64_t lanes;

  __device__ double operator()(std::int64_t i, std::int32_t lane, double sum) const {
    const std::int64_t at = i * lanes + lane;
    const double step = omega * static_cast<double>(inverse[i]) * (static_cast<double>(b[at]) - sum);
    return static_cast<double>(y[at] = static_cast<T>(static_cast<double>(x[at]) + step));
  }
};

}  // namespace

void CudaSpace::jacobi_sweep(const Operator& A, const BlockDiagonal& inverse, double omega, ConstVector b,
                             ConstVector x, Vector y) {
  visit(b.dtype, [&]<class T>() {
    if (inverse.block_dim > 1)
      return cuda::for_node_steps<T>(*this, A.by_rows(), {}, inverse, y.lanes, "jacobi_sweep",
                                     cuda::Everywhere<T>{x.as<T>()}, cuda::EntriesOf<T>{b.as<T>()},
                                     cuda::MoveBy<T>{omega, x.as<T>(), y.as<T>()});
    row_sums<T>(A.by_rows(), x, y, {}, "jacobi_sweep",
                JacobiStep<T>{static_cast<const T*>(inverse.values), omega, b.as<T>(), x.as<T>(), y.as<T>(),
                              y.lanes});
  });
}

namespace {

// One thread a row: runs once where a claim of convergence is refuted.
template <class T>
__global__ void __launch_bounds__(cuda::block_threads)
    residual_scale_kernel(Matrix A, cuda::LaneTile tile, const T* b, const T* x, cuda::Sums sums,
                          Reduction into) {
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * (cuda::block_threads / tile.tile) + tile.row_in_block();
  const std::int32_t lane = tile.lane();
  double square[1] = {};
  if (row < A.rows && lane < tile.lanes) {
    double size = fabs(static_cast<double>(b[row * tile.lanes + lane]));
    for (std::int64_t k = A.offsets[row]; k < A.offsets[row + 1]; ++k)
      size += fabs(static_cast<double>(A.as<T>()[k]) *
                   static_cast<double>(x[static_cast<std::int64_t>(A.columns[k]) * tile.lanes + lane]));
    square[0] = size * size;
  }
  cuda::reduce_grid<1>(tile, square, sums, into, cuda::Add{}, [](double total) { return sqrt(total); });
}

}  // namespace

void CudaSpace::residual_scale(const Operator& op, ConstVector b, ConstVector x, Scalar out) {
  const Matrix& A = op.by_rows();
  const cuda::LaneTile tile = cuda::LaneTile::of(x.lanes);
  const unsigned blocks = cuda::blocks_for(A.rows, static_cast<int>(tile.rows_per_block()));
  const Reduction into = reduction(blocks, x.lanes);
  visit(x.dtype, [&]<class T>() {
    residual_scale_kernel<<<dim3(blocks, tile.blocks_y()), cuda::block_threads, 0, stream_>>>(
        A, tile, b.as<T>(), x.as<T>(), cuda::Sums{{out.data}}, into);
    cuda::check_launch("residual_scale");
  });
}

}  // namespace amg
