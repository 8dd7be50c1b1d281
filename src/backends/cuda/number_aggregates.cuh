#pragma once

#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include <cub/device/device_scan.cuh>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"

namespace amg::cuda {

struct IsSmallest {
  const std::int32_t* root;
  const std::int32_t* smallest;
  __device__ std::int32_t operator()(std::int32_t i) const {
    return root[i] >= 0 && smallest[root[i]] == i ? 1 : 0;
  }
};

// Numbers aggregates in the order of their smallest rows; root[i] names the aggregate of i by one of its rows, or is
// negative where i has none: −1 then.
inline Array<std::int32_t> number_aggregates(CudaSpace& space, const std::int32_t* root, std::int64_t n) {
  auto aggregates = space.array<std::int32_t>(n);
  const auto smallest_rows = space.array<std::int32_t>(n);
  const auto ranks = space.array<std::int32_t>(n);  // how many smallest rows come before
  std::int32_t* const smallest = smallest_rows.data();
  for_each(space.stream(), n, "number aggregates: rows",
           [=] __device__(std::int64_t i) { smallest[i] = static_cast<std::int32_t>(i); });
  for_each(space.stream(), n, "number aggregates: smallest rows", [=] __device__(std::int64_t i) {
    if (root[i] >= 0) atomicMin(smallest + root[i], static_cast<std::int32_t>(i));
  });
  const auto is_smallest =
      thrust::make_transform_iterator(thrust::counting_iterator<std::int32_t>(0), IsSmallest{root, smallest});
  with_storage(space.memory(), "number aggregates", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(storage, bytes, is_smallest, ranks.data(), n, space.stream());
  });
  for_each(space.stream(), n, "number aggregates: numbers",
           [root, smallest, rank = ranks.data(), aggregates = aggregates.data()] __device__(std::int64_t i) {
             aggregates[i] = root[i] < 0 ? -1 : rank[smallest[root[i]]];
           });
  return aggregates;
}

}  // namespace amg::cuda
