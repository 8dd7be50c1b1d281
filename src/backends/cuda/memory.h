#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <memory_resource>

namespace amg::cuda {

// Memory of the current device from a stream-ordered pool that keeps what is freed. Allocations and frees follow
// the stream set for the calling thread; outside a call no work is in flight, and any stream will do.
std::pmr::memory_resource* device_memory();

// Sets that stream; returns the one before.
cudaStream_t follow_stream(cudaStream_t stream);

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
