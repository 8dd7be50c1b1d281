#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cuda/check.h"

namespace amg::cuda {

inline constexpr int block_threads = 256;

inline unsigned blocks_for(std::int64_t threads, int per_block = block_threads) {
  return static_cast<unsigned>((threads + per_block - 1) / per_block);
}

template <class F>
__global__ void __launch_bounds__(block_threads) for_each_kernel(std::int64_t n, F f) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
  if (i < n) f(i);
}

// Calls f(i), a __device__ lambda, for i of [0, n), one thread each.
template <class F>
void for_each(cudaStream_t stream, std::int64_t n, const char* name, F f) {
  if (n == 0) return;
  for_each_kernel<<<blocks_for(n), block_threads, 0, stream>>>(n, f);
  check_launch(name);
}

// One value from the device; waits for the stream.
template <class T>
T read_one(cudaStream_t stream, const T* from) {
  T value;
  check(cudaMemcpyAsync(&value, from, sizeof(T), cudaMemcpyDeviceToHost, stream), "copy to host");
  check(cudaStreamSynchronize(stream), "wait for the stream");
  return value;
}

}  // namespace amg::cuda
