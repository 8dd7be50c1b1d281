#include <algorithm>
#include <stdexcept>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/reduce.cuh"
#include "core/row_hash.h"

namespace amg {

using cuda::block_threads;
using cuda::LaneTile;
using cuda::Reduction;
using cuda::Sums;

namespace {

// Blocks of a vector kernel: enough to fill any GPU; the number is part of the result's bits, so it is fixed.
constexpr std::int64_t most_blocks = 2048;

std::int64_t blocks_for_rows(const LaneTile& tile, std::int64_t rows) {
  return std::clamp<std::int64_t>((rows + tile.rows_per_block() - 1) / tile.rows_per_block(), 1, most_blocks);
}

struct DeviceTerm {
  const double* scalar;
  double factor;
  const void* v;

  __device__ double coefficient(std::int32_t lane) const { return scalar ? factor * scalar[lane] : factor; }
};

template <int terms>
struct Combination {
  DeviceTerm term[terms > 0 ? terms : 1];
};

// y = Σ c v, and the sums of w[k] y. A thread keeps its lane, and so its coefficients.
template <class T, int terms, int dots>
__global__ void __launch_bounds__(block_threads)
    combine_kernel(std::int64_t rows, LaneTile tile, T* y, Combination<terms> combination, const T* w0,
                   const T* w1, Sums sums, Reduction into) {
  const std::int32_t lane = tile.lane();
  double sum[dots > 0 ? dots : 1] = {};
  if (lane < tile.lanes) {
    T c[terms > 0 ? terms : 1];
    for (int k = 0; k < terms; ++k) c[k] = static_cast<T>(combination.term[k].coefficient(lane));
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * (block_threads / tile.tile);
    for (std::int64_t i =
             static_cast<std::int64_t>(blockIdx.x) * (block_threads / tile.tile) + tile.row_in_block();
         i < rows; i += stride) {
      const std::int64_t at = i * tile.lanes + lane;
      T value = 0;
      for (int k = 0; k < terms; ++k)
        if (c[k] != 0) value += c[k] * static_cast<const T*>(combination.term[k].v)[at];
      y[at] = value;
      // w may be y itself, which holds its new value only now
      if (dots > 0) sum[0] += static_cast<double>(w0 == y ? value : w0[at]) * static_cast<double>(value);
      if (dots > 1)
        sum[dots - 1] += static_cast<double>(w1 == y ? value : w1[at]) * static_cast<double>(value);
    }
  }
  if constexpr (dots > 0)
    cuda::reduce_grid<dots>(tile, sum, sums, into, cuda::Add{}, [](double total) { return total; });
}

// The sums of w[k] y.
template <class T, int dots>
__global__ void __launch_bounds__(block_threads)
    dot_kernel(std::int64_t rows, LaneTile tile, const T* y, const T* w0, const T* w1, Sums sums,
               Reduction into) {
  const std::int32_t lane = tile.lane();
  double sum[dots] = {};
  if (lane < tile.lanes) {
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * (block_threads / tile.tile);
    for (std::int64_t i =
             static_cast<std::int64_t>(blockIdx.x) * (block_threads / tile.tile) + tile.row_in_block();
         i < rows; i += stride) {
      const std::int64_t at = i * tile.lanes + lane;
      const double value = static_cast<double>(y[at]);
      sum[0] += static_cast<double>(w0[at]) * value;
      if (dots > 1) sum[dots - 1] += static_cast<double>(w1[at]) * value;
    }
  }
  cuda::reduce_grid<dots>(tile, sum, sums, into, cuda::Add{}, [](double total) { return total; });
}

template <class T, class Join, class Map, class Finish>
__global__ void __launch_bounds__(block_threads)
    norm_kernel(std::int64_t rows, LaneTile tile, const T* x, Sums sums, Reduction into, Join join, Map map,
                Finish finish) {
  const std::int32_t lane = tile.lane();
  double sum[1] = {};
  if (lane < tile.lanes) {
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * (block_threads / tile.tile);
    for (std::int64_t i =
             static_cast<std::int64_t>(blockIdx.x) * (block_threads / tile.tile) + tile.row_in_block();
         i < rows; i += stride)
      sum[0] = join(sum[0], map(static_cast<double>(x[i * tile.lanes + lane])));
  }
  cuda::reduce_grid<1>(tile, sum, sums, into, join, finish);
}

struct Square {
  __device__ double operator()(double x) const { return x * x; }
};
struct Absolute {
  __device__ double operator()(double x) const { return fabs(x); }
};
struct Root {
  __device__ double operator()(double x) const { return sqrt(x); }
};
struct Same {
  __device__ double operator()(double x) const { return x; }
};

}  // namespace

namespace {

// nvcc takes no device lambda inside the generic lambda of visit: this function stands between them.
template <class T>
void fill_with(cudaStream_t stream, T* data, std::int64_t size, T value) {
  cuda::for_each(stream, size, "fill", [=] __device__(std::int64_t i) { data[i] = value; });
}

}  // namespace

void CudaSpace::fill(Vector x, double value) {
  visit(x.dtype, [&]<class T>() { fill_with(stream_, x.as<T>(), x.size(), static_cast<T>(value)); });
}

namespace {

template <class T>
void fill_identity(cudaStream_t stream, T* data, std::int64_t size, std::int64_t lanes) {
  cuda::for_each(stream, size, "identity", [=] __device__(std::int64_t at) {
    data[at] = at / lanes % lanes == at % lanes ? T{1} : T{0};
  });
}

}  // namespace

void CudaSpace::identity(Vector x) {
  visit(x.dtype, [&]<class T>() { fill_identity(stream_, x.as<T>(), x.size(), x.lanes); });
}

namespace {

template <class T>
void fill_random(cudaStream_t stream, T* data, std::int64_t size, std::int64_t lanes, std::uint64_t seed) {
  cuda::for_each(stream, size, "random", [=] __device__(std::int64_t at) {
    data[at] = static_cast<T>(random_number(at / lanes, seed));
  });
}

}  // namespace

void CudaSpace::random(Vector x, std::uint64_t seed) {
  visit(x.dtype, [&]<class T>() { fill_random(stream_, x.as<T>(), x.size(), x.lanes, seed); });
}

namespace {

template <class From, class To>
void convert_values(cudaStream_t stream, Coefficient c, const From* from, To* to, std::int64_t size,
                    std::int64_t lanes) {
  cuda::for_each(stream, size, "convert", [=] __device__(std::int64_t at) {
    const double factor = c.of_lane(static_cast<std::int32_t>(at % lanes));
    to[at] = factor == 0.0 ? To{0} : static_cast<To>(factor * static_cast<double>(from[at]));
  });
}

}  // namespace

void CudaSpace::convert(Coefficient c, ConstVector x, Vector y) {
  visit(x.dtype, [&]<class From>() {
    visit(y.dtype,
          [&]<class To>() { convert_values(stream_, c, x.as<From>(), y.as<To>(), x.size(), x.lanes); });
  });
}

void CudaSpace::copy(ConstVector x, Vector y) {
  cuda::check(cudaMemcpyAsync(y.data, x.data, static_cast<std::size_t>(x.size()) * size_of(x.dtype),
                              cudaMemcpyDeviceToDevice, stream_),
              "copy");
}

void CudaSpace::combine(Vector y, std::initializer_list<Term> terms, Dots dots) {
  if (terms.size() > 4) throw std::logic_error("combine: at most four terms");
  if (y.rows == 0) return;
  const LaneTile tile = LaneTile::of(y.lanes);
  const std::int64_t blocks = blocks_for_rows(tile, y.rows);
  const dim3 grid(static_cast<unsigned>(blocks), tile.blocks_y());
  visit(y.dtype, [&]<class T>() {
    const cuda::DotOperands<T> with(dots);
    const auto launch = [&]<int term_count, int dot_count>() {
      Combination<term_count> combination{};
      int k = 0;
      for (const Term& term : terms) combination.term[k++] = {term.c.scalar.data, term.c.factor, term.v.data};
      const Reduction into =
          dot_count > 0 ? reduction(blocks, std::int64_t{dot_count} * y.lanes) : Reduction{};
      combine_kernel<T, term_count, dot_count><<<grid, block_threads, 0, stream_>>>(
          y.rows, tile, y.as<T>(), combination, with.w[0], with.w[1], with.sums, into);
      cuda::check_launch("combine");
    };
    const auto with_dots = [&]<int term_count>() {
      if (with.count == 0) return launch.template operator()<term_count, 0>();
      if (with.count == 1) return launch.template operator()<term_count, 1>();
      launch.template operator()<term_count, 2>();
    };
    switch (terms.size()) {
      case 1:
        return with_dots.template operator()<1>();
      case 2:
        return with_dots.template operator()<2>();
      case 3:
        return with_dots.template operator()<3>();
      default:
        return with_dots.template operator()<4>();
    }
  });
}

void CudaSpace::dot(ConstVector y, Dots dots) {
  const LaneTile tile = LaneTile::of(y.lanes);
  const std::int64_t blocks = blocks_for_rows(tile, y.rows);
  const dim3 grid(static_cast<unsigned>(blocks), tile.blocks_y());
  const Reduction into = reduction(blocks, static_cast<std::int64_t>(dots.size()) * y.lanes);
  visit(y.dtype, [&]<class T>() {
    const cuda::DotOperands<T> with(dots);
    if (with.count == 1)
      dot_kernel<T, 1><<<grid, block_threads, 0, stream_>>>(y.rows, tile, y.as<T>(), with.w[0], with.w[1],
                                                            with.sums, into);
    else if (with.count == 2)
      dot_kernel<T, 2><<<grid, block_threads, 0, stream_>>>(y.rows, tile, y.as<T>(), with.w[0], with.w[1],
                                                            with.sums, into);
    cuda::check_launch("dot");
  });
}

void CudaSpace::norm(ConstVector x, Norm kind, Scalar out) {
  const LaneTile tile = LaneTile::of(x.lanes);
  const std::int64_t blocks = blocks_for_rows(tile, x.rows);
  const dim3 grid(static_cast<unsigned>(blocks), tile.blocks_y());
  const Reduction into = reduction(blocks, x.lanes);
  visit(x.dtype, [&]<class T>() {
    const auto launch = [&](auto join, auto map, auto finish) {
      norm_kernel<<<grid, block_threads, 0, stream_>>>(x.rows, tile, x.as<T>(), Sums{{out.data}}, into, join,
                                                       map, finish);
      cuda::check_launch("norm");
    };
    if (kind == Norm::L2)
      launch(cuda::Add{}, Square{}, Root{});
    else if (kind == Norm::L1)
      launch(cuda::Add{}, Absolute{}, Same{});
    else
      launch(cuda::Max{}, Absolute{}, Same{});
  });
}

namespace {

constexpr int longest_program = 32;  // 3 of the 4 KiB that a kernel's arguments may take

struct Program {
  ScalarAssignment step[longest_program];
  int length;
};

__global__ void compute_kernel(const double* active, std::int32_t lanes, Program program) {
  for (std::int32_t l = static_cast<std::int32_t>(threadIdx.x); l < lanes; l += block_threads)
    for (int k = 0; k < program.length; ++k) {
      const ScalarAssignment& step = program.step[k];
      step.out.data[l] = active[l] == 0.0 ? 0.0 : step.value.of_lane(l);
    }
}

}  // namespace

void CudaSpace::compute(Scalar active, std::span<const ScalarAssignment> assignments) {
  while (!assignments.empty()) {
    const std::size_t length = std::min<std::size_t>(assignments.size(), longest_program);
    Program program{};
    std::ranges::copy(assignments.first(length), program.step);
    program.length = static_cast<int>(length);
    compute_kernel<<<1, block_threads, 0, stream_>>>(active.data, active.lanes, program);
    cuda::check_launch("compute");
    assignments = assignments.subspan(length);
  }
}

}  // namespace amg
