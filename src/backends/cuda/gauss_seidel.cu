#include "backends/cuda/colored_rows.cuh"
#include "backends/cuda/cuda_space.h"
#include "backends/cuda/node_rows.cuh"

namespace amg {

namespace {

struct TakesAll {
  __device__ bool operator()(std::int32_t) const { return true; }
};

template <class T>
struct GaussSeidelStep {
  const T* inverse;
  double omega;
  const T* b;
  T* x;
  std::int64_t lanes;

  __device__ void operator()(std::int64_t i, std::int64_t lane, double sum) const {
    const std::int64_t at = i * lanes + lane;
    const double step = omega * static_cast<double>(inverse[i]) * (static_cast<double>(b[at]) - sum);
    x[at] = static_cast<T>(static_cast<double>(x[at]) + step);
  }
};

}  // namespace

// Traffic: A + x, gathered + 2 x + b + D⁻¹ + 4 bytes a row; one launch a color
void CudaSpace::gauss_seidel_sweep(const Operator& op, const Coloring& coloring, bool backwards,
                                   const BlockDiagonal& inverse, double omega, ConstVector b, Vector x) {
  const int colors = coloring.colors();
  visit(x.dtype, [&]<class T>() {
    for (int c = 0; inverse.block_dim > 1 && c < colors; ++c)
      cuda::for_node_steps<T>(*this, op.by_rows(), coloring.rows_of(backwards ? colors - 1 - c : c), inverse,
                              x.lanes, "gauss_seidel_sweep", cuda::Everywhere<T>{x.as<T>()},
                              cuda::EntriesOf<T>{b.as<T>()}, cuda::MoveBy<T>{omega, x.as<T>(), x.as<T>()});
    if (inverse.block_dim > 1) return;
    const GaussSeidelStep<T> step{static_cast<const T*>(inverse.values), omega, b.as<T>(), x.as<T>(),
                                  x.lanes};
    for (int c = 0; c < colors; ++c)
      cuda::for_listed_sums<T>(stream_, op.by_rows(), coloring.rows_of(backwards ? colors - 1 - c : c),
                               x.as<T>(), x.lanes, "gauss_seidel_sweep", TakesAll{}, step);
  });
}

}  // namespace amg
