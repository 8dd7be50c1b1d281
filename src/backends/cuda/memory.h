#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <memory_resource>

namespace amg::cuda {

// Memory of the current device from a stream-ordered pool that keeps what is freed. Allocations and frees follow the
// stream of the calling thread's innermost StreamScope; outside of all, no work is in flight, and any stream will do.
std::pmr::memory_resource* device_memory();

// What outlives a space but not the call, such as an evicted hierarchy, wants a scope of its own around both: freed
// outside of it, its memory could be lent again while kernels still read it.
class StreamScope {
 public:
  explicit StreamScope(cudaStream_t stream);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  cudaStream_t outer_;
};

// Gives what the pool keeps back to the driver; for another try after an allocation has failed.
void trim_device_memory();

// A little page-locked memory that kernels write to and the host reads, lent from a list: locking pages is slow.
class PinnedMemory {
 public:
  static constexpr std::size_t bytes = 4096;

  PinnedMemory();
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_;
};

}  // namespace amg::cuda
