#include <cstdint>
#include <cub/device/device_reduce.cuh>
#include <memory>
#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"

namespace amg {

CsrMatrix CudaSpace::piecewise_constant(std::span<const std::int32_t> aggregates, DType dtype) {
  const auto rows = static_cast<std::int64_t>(aggregates.size());
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = rows;
  pattern->offsets = array<std::int64_t>(rows + 1);
  std::int64_t* const offsets = pattern->offsets.data();
  const std::int32_t* const aggregate = aggregates.data();
  if (rows > 0) {
    const auto highest = array<std::int32_t>(1);
    cuda::with_storage(memory(), "number of aggregates", [&](void* storage, std::size_t& bytes) {
      return cub::DeviceReduce::Max(storage, bytes, aggregate, highest.data(), rows, stream_);
    });
    pattern->cols = cuda::read_one(stream_, highest.data()) + 1;
  }
  cuda::for_each(stream_, rows, "piecewise_constant: lengths",
                 [=] __device__(std::int64_t i) { offsets[i] = aggregate[i] >= 0 ? 1 : 0; });
  pattern->columns = array<std::int32_t>(cuda::lengths_to_offsets(stream_, memory(), offsets, rows));
  std::int32_t* const columns = pattern->columns.data();
  cuda::for_each(stream_, rows, "piecewise_constant: columns", [=] __device__(std::int64_t i) {
    if (aggregate[i] >= 0) columns[offsets[i]] = aggregate[i];
  });
  CsrMatrix P = matrix(std::move(pattern), dtype);
  fill({P.values(), dtype, P.entries(), 1}, 1.0);
  return P;
}

}  // namespace amg
