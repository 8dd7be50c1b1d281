#pragma once

#include <thrust/iterator/counting_iterator.h>

#include <cub/device/device_select.cuh>

#include "backends/cuda/scan.h"

namespace amg::cuda {

// Some of the rows, in order; their number is known on the device only.
struct RowList {
  const std::int32_t* rows;
  const std::int32_t* count;
};

// Makes one list after another, each in the place of the one before.
class RowSelector {
 public:
  RowSelector(cudaStream_t stream, std::pmr::memory_resource* memory, std::int64_t rows)
      : stream_(stream), memory_(memory), rows_(memory, rows), count_(memory, 1) {}

  // The rows for which pred(row), a functor of the device, holds.
  template <class Predicate>
  RowList select(Predicate pred) {
    with_storage(memory_, "select rows", [&](void* storage, std::size_t& bytes) {
      return cub::DeviceSelect::If(storage, bytes, thrust::counting_iterator<std::int32_t>(0), rows_.data(),
                                   count_.data(), rows_.size(), pred, stream_);
    });
    return {rows_.data(), count_.data()};
  }

  // Length of the latest list; waits for the stream.
  std::int64_t count() const { return read_one(stream_, count_.data()); }

 private:
  cudaStream_t stream_;
  std::pmr::memory_resource* memory_;
  Array<std::int32_t> rows_;
  Array<std::int32_t> count_;
};

}  // namespace amg::cuda
