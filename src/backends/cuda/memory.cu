#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "backends/cuda/check.h"
#include "backends/cuda/memory.h"

namespace amg::cuda {

namespace {

thread_local cudaStream_t current_stream = nullptr;

// The default pool of the current device, told not to hand freed memory back at every synchronisation.
cudaMemPool_t pool() {
  int device = 0;
  check(cudaGetDevice(&device), "current device");
  cudaMemPool_t pool = nullptr;
  check(cudaDeviceGetDefaultMemPool(&pool, device), "memory pool");
  static std::once_flag keeps_memory[64];
  std::call_once(keeps_memory[device % 64], [&] {
    std::uint64_t all = UINT64_MAX;
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all), "memory pool");
  });
  return pool;
}

class DeviceMemory final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t) override {
    void* data = nullptr;
    check(cudaMallocFromPoolAsync(&data, bytes, pool(), current_stream), "allocate");
    return data;
  }
  // Never throws: at process exit the driver may be gone, and the memory with it.
  void do_deallocate(void* data, std::size_t, std::size_t) override { cudaFreeAsync(data, current_stream); }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

std::mutex pinned_mutex;
std::vector<void*> pinned_free;  // never released: the driver may go first

}  // namespace

std::pmr::memory_resource* device_memory() {
  static DeviceMemory memory;
  return &memory;
}

StreamScope::StreamScope(cudaStream_t stream) : outer_(std::exchange(current_stream, stream)) {}
StreamScope::~StreamScope() { current_stream = outer_; }

void trim_device_memory() { check(cudaMemPoolTrimTo(pool(), 0), "trim the memory pool"); }

PinnedMemory::PinnedMemory() {
  const std::scoped_lock lock(pinned_mutex);
  if (pinned_free.empty()) {
    check(cudaHostAlloc(&data_, bytes, cudaHostAllocMapped | cudaHostAllocPortable), "page-locked memory");
  } else {
    data_ = pinned_free.back();
    pinned_free.pop_back();
  }
}

PinnedMemory::~PinnedMemory() {
  const std::scoped_lock lock(pinned_mutex);
  pinned_free.push_back(data_);
}

}  // namespace amg::cuda
