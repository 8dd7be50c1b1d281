#pragma once

#include <cstdint>
#include <cuda/atomic>

namespace amg::cuda {

// Numbers that threads look at while others write them: no outcome may depend on the order. Words, as the hardware has
// no atomic bytes.
struct Relaxed {
  std::int32_t* data;

  using Ref = ::cuda::atomic_ref<std::int32_t, ::cuda::thread_scope_device>;
  __device__ std::int32_t look(std::int64_t i) const { return Ref(data[i]).load(::cuda::memory_order_relaxed); }
  __device__ void mark(std::int64_t i, std::int32_t now) const {
    Ref(data[i]).store(now, ::cuda::memory_order_relaxed);
  }
};

}  // namespace amg::cuda
