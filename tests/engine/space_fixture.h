// Tests that run in every execution space and precision: data are written and checked on the host, in double,
// and travel through Space.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <memory_resource>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#ifdef AMG_WITH_CUDA
#include "backends/cuda/cuda_space.h"
#endif
#include "backends/host/host_space.h"
#include "core/arena.h"
#include "problems.h"

namespace amg {

using problems::Lanes;
using problems::Sparse;

// An execution space that this build has.
struct Place {
  std::string name;
  std::pmr::memory_resource* memory;
  std::unique_ptr<Space> (*make)(Workspace&);
};

inline const std::vector<Place>& places() {
  static const std::vector<Place> all = [] {
    std::vector<Place> found = {
        {"Host", std::pmr::new_delete_resource(),
         [](Workspace& workspace) -> std::unique_ptr<Space> {
           return std::make_unique<HostSpace>(workspace);
         }},
    };
#ifdef AMG_WITH_CUDA
    int devices = 0;
    if (cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0)
      found.push_back({"Cuda", cuda::device_memory(), [](Workspace& workspace) -> std::unique_ptr<Space> {
                         return std::make_unique<CudaSpace>(workspace, cudaStreamPerThread);
                       }});
#endif
    return found;
  }();
  return all;
}

struct Setting {
  Place place;
  DType dtype;

  std::string name() const { return place.name + (dtype == DType::f32 ? "Float" : "Double"); }
};

inline void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name(); }

inline std::vector<Setting> every_setting() {
  std::vector<Setting> all;
  for (const Place& place : places())
    for (const DType dtype : {DType::f32, DType::f64}) all.push_back({place, dtype});
  return all;
}

// A vector that owns its memory.
class OwnedVector {
 public:
  OwnedVector(Space& space, std::int64_t rows, std::int32_t lanes, DType dtype)
      : buffer_(space.memory(), static_cast<std::size_t>(rows * lanes) * size_of(dtype)),
        view_{buffer_.data(), dtype, rows, lanes} {}

  operator Vector() const { return view_; }
  operator ConstVector() const { return view_; }

 private:
  Buffer buffer_;
  Vector view_;
};

// A space with its data transfers.
class Site {
 public:
  explicit Site(const Setting& setting)
      : dtype(setting.dtype), workspace_(setting.place.memory), space_(setting.place.make(workspace_)) {}

  Space& space() { return *space_; }

  OwnedVector vector(std::int64_t rows, std::int64_t lanes) {
    return {*space_, rows, static_cast<std::int32_t>(lanes), dtype};
  }

  OwnedVector upload(const Lanes& v) {
    OwnedVector out = vector(v.rows(), v.cols());
    send(std::span(v.data(), static_cast<std::size_t>(v.size())), static_cast<Vector>(out).data);
    return out;
  }

  Lanes download(ConstVector v) {
    Lanes out(v.rows, v.lanes);
    const std::vector<double> values = fetch(v.data, v.size());
    std::ranges::copy(values, out.data());
    return out;
  }

  CsrMatrix upload(const Sparse& A) {
    const auto entries = static_cast<std::size_t>(A.nonZeros());
    auto pattern = std::make_shared<Pattern>();
    pattern->rows = A.rows();
    pattern->cols = A.cols();
    pattern->offsets = space_->array<std::int64_t>(A.rows() + 1);
    pattern->columns = space_->array<std::int32_t>(A.nonZeros());
    const std::vector<std::int64_t> offsets(A.outerIndexPtr(), A.outerIndexPtr() + A.rows() + 1);
    space_->upload(std::as_bytes(std::span(offsets)), pattern->offsets.data());
    space_->upload(std::as_bytes(std::span(A.innerIndexPtr(), entries)), pattern->columns.data());
    CsrMatrix out = space_->matrix(std::move(pattern), dtype);
    send({A.valuePtr(), entries}, out.values());
    return out;
  }

  Sparse download(const Matrix& A) {
    std::vector<std::int64_t> offsets(static_cast<std::size_t>(A.rows) + 1);
    std::vector<std::int32_t> columns(static_cast<std::size_t>(A.entries));
    space_->download(A.offsets, std::as_writable_bytes(std::span(offsets)));
    space_->download(A.columns, std::as_writable_bytes(std::span(columns)));
    const std::vector<double> values = fetch(A.values, A.entries);
    Sparse out(static_cast<int>(A.rows), static_cast<int>(A.cols));
    out.resizeNonZeros(A.entries);
    std::ranges::transform(offsets, out.outerIndexPtr(),
                           [](std::int64_t k) { return static_cast<std::int32_t>(k); });
    std::ranges::copy(columns, out.innerIndexPtr());
    std::ranges::copy(values, out.valuePtr());
    return out;
  }

  // What the engine sees of data that are given in double.
  template <class Data>
  Data rounded(const Data& data) const {
    return dtype == DType::f32 ? Data(data.template cast<float>().template cast<double>()) : data;
  }

  const DType dtype;

 private:
  void send(std::span<const double> values, void* to) {
    visit(dtype, [&]<class T>() {
      std::vector<T> converted(values.size());
      std::ranges::transform(values, converted.begin(), [](double v) { return static_cast<T>(v); });
      space_->upload(std::as_bytes(std::span(converted)), to);
    });
  }

  std::vector<double> fetch(const void* from, std::int64_t size) {
    return visit(dtype, [&]<class T>() {
      std::vector<T> values(static_cast<std::size_t>(size));
      space_->download(from, std::as_writable_bytes(std::span(values)));
      return std::vector<double>(values.begin(), values.end());
    });
  }

  Workspace workspace_;
  std::unique_ptr<Space> space_;
};

class SpaceTest : public testing::TestWithParam<Setting> {
 protected:
  ~SpaceTest() override { Arena::instance().resize(threads_); }

  Site site{GetParam()};
  Space& space = site.space();
  const double eps = epsilon(GetParam().dtype);

 private:
  int threads_ = Arena::instance().threads();
};

#define AMG_IN_EVERY_SPACE(suite)                                       \
  INSTANTIATE_TEST_SUITE_P(, suite, testing::ValuesIn(every_setting()), \
                           [](const auto& setting) { return setting.param.name(); })

// Same bits, NaN included; -0 differs from 0.
inline bool same_bits(std::span<const double> a, std::span<const double> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

inline bool same_bits(const Lanes& a, const Lanes& b) {
  const auto values = [](const Lanes& v) { return std::span(v.data(), static_cast<std::size_t>(v.size())); };
  return a.rows() == b.rows() && a.cols() == b.cols() && same_bits(values(a), values(b));
}

inline bool same_pattern(const Sparse& A, const Sparse& B) {
  return A.rows() == B.rows() && A.cols() == B.cols() && A.nonZeros() == B.nonZeros() &&
         std::equal(A.outerIndexPtr(), A.outerIndexPtr() + A.rows() + 1, B.outerIndexPtr()) &&
         std::equal(A.innerIndexPtr(), A.innerIndexPtr() + A.nonZeros(), B.innerIndexPtr());
}

inline bool same_bits(const Sparse& A, const Sparse& B) {
  const auto values = [](const Sparse& M) {
    return std::span(M.valuePtr(), static_cast<std::size_t>(M.nonZeros()));
  };
  return same_pattern(A, B) && same_bits(values(A), values(B));
}

}  // namespace amg
