// How near the kernels of a solve come to the memory's bandwidth, on the CPU and on a GPU where there is one.
//
//     amg_roofline [points] [float32|float64]
//
// Of the seven-point Laplacian on points³ unknowns: bytes that a kernel cannot avoid (A, x, b and y once each) over its
// time, over the bandwidth of a copy measured in the same run; and of a V cycle with aggressive coarsening, where its
// time goes, level by level. Prints JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/host/host_space.h"
#include "core/scalar_set.h"
#include "setup/hierarchy.h"
#ifdef AMG_WITH_CUDA
#include "backends/cuda/cuda_space.h"
#endif

namespace {

using namespace amg;

CsrMatrix laplacian(Space& space, std::int64_t n, DType dtype) {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<double> values;
  const auto add = [&](std::int64_t z, std::int64_t y, std::int64_t x, double a) {
    if (std::min({x, y, z}) < 0 || std::max({x, y, z}) >= n) return;
    columns.push_back(static_cast<std::int32_t>((z * n + y) * n + x));
    values.push_back(a);
  };
  for (std::int64_t z = 0; z < n; ++z)
    for (std::int64_t y = 0; y < n; ++y)
      for (std::int64_t x = 0; x < n; ++x) {
        add(z - 1, y, x, -1);
        add(z, y - 1, x, -1);
        add(z, y, x - 1, -1);
        add(z, y, x, 6);
        add(z, y, x + 1, -1);
        add(z, y + 1, x, -1);
        add(z + 1, y, x, -1);
        offsets.push_back(static_cast<std::int64_t>(columns.size()));
      }
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = pattern->cols = n * n * n;
  pattern->offsets = space.array<std::int64_t>(pattern->rows + 1);
  pattern->columns = space.array<std::int32_t>(std::ssize(columns));
  space.upload(std::as_bytes(std::span(offsets)), pattern->offsets.data());
  space.upload(std::as_bytes(std::span(columns)), pattern->columns.data());
  CsrMatrix A = space.matrix(std::move(pattern), dtype);
  visit(dtype, [&]<class T>() {
    const std::vector<T> stored(values.begin(), values.end());
    space.upload(std::as_bytes(std::span(stored)), A.values());
  });
  return A;
}

double bytes_of(const Matrix& A) {
  return static_cast<double>(A.entries) * static_cast<double>(size_of(A.dtype) + sizeof(std::int32_t)) +
         static_cast<double>(A.rows + 1) * sizeof(std::int64_t);
}

// A vector of ones.
class Ones {
 public:
  Ones(Space& space, std::int64_t rows, DType dtype) : v_(space.vector(rows, 1, dtype)) {
    space.fill(v_, 1.0);
  }

  operator Vector() const { return v_; }
  operator ConstVector() const { return v_; }

 private:
  WorkVector v_;
};

class Roofline {
 public:
  Roofline(Space& space, std::int64_t points, DType dtype)
      : space_(space), dtype_(dtype), scalars_(space, 1), A_(laplacian(space, points, dtype)) {}

  void run(const char* place) {
    const std::int64_t n = A_.rows();
    const double vector = static_cast<double>(n) * static_cast<double>(size_of(dtype_));
    const Ones b(space_, n, dtype_), x(space_, n, dtype_), y(space_, n, dtype_);
    const Operator A{A_, {}, Mode::plain};
    const Buffer inverse(space_.memory(), static_cast<std::size_t>(n) * size_of(dtype_));
    space_.invert_diagonal(A_, inverse.data());

    const double copy = 2 * vector / seconds([&] { space_.copy(x, y); });
    std::printf("{\"space\": \"%s\", \"rows\": %lld, \"copy_gb_per_s\": %.1f,\n \"share_of_copy\": {", place,
                static_cast<long long>(n), copy / 1e9);
    const auto report = [&](const char* name, double bytes, const std::function<void()>& kernel,
                            const char* end) {
      std::printf("\"%s\": %.3f%s", name, bytes / seconds(kernel) / copy, end);
    };
    report("multiply", bytes_of(A_) + 2 * vector, [&] { space_.multiply(A, x, y); }, ", ");
    report("residual", bytes_of(A_) + 3 * vector, [&] { space_.residual(A, b, x, y); }, ", ");
    report(
        "jacobi_sweep", bytes_of(A_) + 4 * vector,
        [&] { space_.jacobi_sweep(A, inverse.data(), 0.8, b, x, y); }, "},\n");
    report_cycle();
  }

 private:
  // Of one call, from as many in a row as take long enough to be measured; the best of three. The space may return
  // before its work is done: reading a scalar waits for it.
  double seconds(const std::function<void()>& work) {
    using Clock = std::chrono::steady_clock;
    constexpr double long_enough = 0.1;
    const auto time = [&](int calls) {
      space_.clear(scalars_[0]);
      space_.read(scalars_.all());
      const auto start = Clock::now();
      for (int k = 0; k < calls; ++k) work();
      space_.read(scalars_.all());
      return std::chrono::duration<double>(Clock::now() - start).count();
    };
    int calls = 1;
    while (time(calls) < long_enough) calls *= 2;
    return std::min({time(calls), time(calls), time(calls)}) / calls;
  }

  // What a V(1, 1) cycle does on a level: two sweeps, of which the first starts from 0, a residual, and the way down
  // and up again.
  void report_cycle() {
    const Config config = Config::parse(
        "solver(o)=AMG, o:selector=PMIS, o:interpolator=D2, o:aggressive_levels=1, "
        "o:strength_threshold=0.25, "
        "o:smoother(s)=BLOCK_JACOBI, s:relaxation_factor=0.8, o:min_coarse_rows=32, "
        "o:coarse_solver=NOSOLVER");
    Hierarchy hierarchy(config.outer().scope);
    hierarchy.setup(space_, A_);
    std::vector<double> times;
    double all = 0;
    for (std::size_t l = 0; l < hierarchy.size(); ++l) {
      const Operator A = l == 0 ? Operator{A_, {}, Mode::plain} : hierarchy.matrix(l, {A_, {}, Mode::plain});
      const std::int64_t rows = A.matrix.rows;
      const Ones b(space_, rows, dtype_), x(space_, rows, dtype_), r(space_, rows, dtype_);
      const Level& level = hierarchy[l];
      double time = seconds([&] { level.smoother->apply(space_, A, b, {}, x, 1); }) +
                    seconds([&] { level.smoother->apply(space_, A, b, b, x, 1); });
      if (!hierarchy.is_coarsest(l)) {
        const Ones coarse(space_, level.R.rows(), dtype_);
        time += seconds([&] { space_.residual(A, b, x, r); });
        time += seconds([&] { space_.multiply({level.R, {}, Mode::plain}, r, coarse); });
        time += seconds([&] { space_.multiply_add({level.P, {}, Mode::plain}, coarse, x); });
      }
      times.push_back(time);
      all += time;
    }
    std::printf(" \"cycle_ms\": %.3f, \"share_of_cycle\": [", 1e3 * all);
    for (std::size_t l = 0; l < times.size(); ++l)
      std::printf("%s{\"rows\": %lld, \"share\": %.3f}", l > 0 ? ", " : "",
                  static_cast<long long>(l == 0 ? A_.rows() : hierarchy[l].A.rows()), times[l] / all);
    std::printf("]}\n");
  }

  Space& space_;
  DType dtype_;
  ScalarSet<1> scalars_;
  CsrMatrix A_;
};

void run(const Device& device, const char* place, std::int64_t points, DType dtype) {
  Workspace workspace(device.memory());
  const std::unique_ptr<Space> space = device.space(workspace);
  Roofline(*space, points, dtype).run(place);
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t points = argc > 1 ? std::atoll(argv[1]) : 100;
  const DType dtype = argc > 2 && std::string(argv[2]) == "float32" ? DType::f32 : DType::f64;
  run(HostDevice(), "host", points, dtype);
#ifdef AMG_WITH_CUDA
  int devices = 0;
  if (cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0)
    run(CudaDevice(cudaStreamPerThread), "cuda", points, dtype);
#endif
  return 0;
}
