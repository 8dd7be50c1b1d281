#include "backends/cuda/colored_rows.cuh"
#include "backends/cuda/cuda_space.h"

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
                                   const void* inverse, double omega, ConstVector b, Vector x) {
  const int colors = coloring.colors();
  visit(x.dtype, [&]<class T>() {
    const GaussSeidelStep<T> step{static_cast<const T*>(inverse), omega, b.as<T>(), x.as<T>(), x.lanes};
    for (int c = 0; c < colors; ++c)
      cuda::for_listed_sums<T>(stream_, op.by_rows(), coloring.rows_of(backwards ? colors - 1 - c : c),
                               x.as<T>(), x.lanes, "gauss_seidel_sweep", TakesAll{}, step);
  });
}

}  // namespace amg
