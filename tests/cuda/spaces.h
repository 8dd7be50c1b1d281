// Tests that compare the GPU with the host: both spaces, and the way between them.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <ranges>
#include <span>
#include <vector>

#include "backends/cuda/check.h"
#include "backends/cuda/cuda_space.h"
#include "backends/host/host_space.h"

namespace amg {

template <class T>
Array<T> to_device(CudaSpace& device, std::span<const T> host) {
  auto out = device.array<T>(static_cast<std::int64_t>(host.size()));
  if (!host.empty()) device.upload(std::as_bytes(host), out.data());
  return out;
}

template <class T>
std::vector<T> to_host(CudaSpace& device, const T* data, std::int64_t size) {
  std::vector<T> out(static_cast<std::size_t>(size));
  if (size > 0) device.download(data, std::as_writable_bytes(std::span(out)));
  return out;
}

template <class T>
std::vector<T> to_host(CudaSpace& device, const Array<T>& array) {
  return to_host(device, static_cast<const T*>(array.data()), array.size());
}

inline std::shared_ptr<const Pattern> to_device(CudaSpace& device, const Pattern& host) {
  auto out = std::make_shared<Pattern>();
  out->rows = host.rows;
  out->cols = host.cols;
  out->offsets = to_device<std::int64_t>(device, host.offsets.span());
  out->columns = to_device<std::int32_t>(device, host.columns.span());
  return out;
}

inline CsrMatrix to_device(CudaSpace& device, const CsrMatrix& host) {
  CsrMatrix out = device.matrix(to_device(device, *host.pattern()), host.dtype());
  const auto bytes = static_cast<std::size_t>(host.entries()) * size_of(host.dtype());
  if (bytes > 0) device.upload({static_cast<const std::byte*>(host.values()), bytes}, out.values());
  return out;
}

// A stream that does not wait for the default one: work that goes astray is seen.
class Stream {
 public:
  Stream() { cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream"); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

struct Spaces {
  Workspace host_workspace{std::pmr::new_delete_resource()};
  HostSpace host{host_workspace};
  Stream stream;
  Workspace device_workspace{cuda::device_memory()};
  CudaSpace device{device_workspace, stream};
};

inline bool have_gpu() {
  int count = 0;
  const bool found = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  cudaGetLastError();
  return found;
}

// Skips its tests where there is no GPU.
class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!have_gpu()) GTEST_SKIP() << "no GPU";
    spaces_ = std::make_unique<Spaces>();
  }

  HostSpace& host() { return spaces_->host; }
  CudaSpace& device() { return spaces_->device; }

 private:
  std::unique_ptr<Spaces> spaces_;
};

// ---- expectations on patterns and values, to the bit

template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

inline void expect_same_pattern(CudaSpace& device, const Pattern& on_device, const Pattern& on_host) {
  ASSERT_EQ(on_device.rows, on_host.rows);
  ASSERT_EQ(on_device.cols, on_host.cols);
  ASSERT_EQ(on_device.entries(), on_host.entries());
  EXPECT_TRUE(same_bits<std::int64_t>(to_host(device, on_device.offsets), on_host.offsets.span()));
  EXPECT_TRUE(same_bits<std::int32_t>(to_host(device, on_device.columns), on_host.columns.span()));
}

}  // namespace amg
