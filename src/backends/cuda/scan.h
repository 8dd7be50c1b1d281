#pragma once

#include <cub/device/device_scan.cuh>

#include "backends/cuda/launch.h"
#include "core/buffer.h"

namespace amg::cuda {

// Runs a CUB device algorithm, which asks for its scratch first: f(storage, bytes).
template <class F>
void with_storage(std::pmr::memory_resource* memory, const char* name, F&& f) {
  std::size_t bytes = 0;
  check(f(nullptr, bytes), name);
  const Buffer storage(memory, bytes);
  check(f(storage.data(), bytes), name);
}

// Turns offsets[i] = length of row i, for i < rows, into where row i begins, and offsets[rows] into the total,
// which it returns: waits for the stream.
inline std::int64_t lengths_to_offsets(cudaStream_t stream, std::pmr::memory_resource* memory,
                                       std::int64_t* offsets, std::int64_t rows) {
  check(cudaMemsetAsync(offsets + rows, 0, sizeof(std::int64_t), stream), "clear");
  with_storage(memory, "scan", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(storage, bytes, offsets, offsets, rows + 1, stream);
  });
  return read_one(stream, offsets + rows);
}

}  // namespace amg::cuda
