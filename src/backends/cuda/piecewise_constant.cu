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
  pattern->columns = array<std::int32_t>(rows);
  if (rows > 0) {
    const auto highest = array<std::int32_t>(1);
    cuda::with_storage(memory(), "number of aggregates", [&](void* storage, std::size_t& bytes) {
      return cub::DeviceReduce::Max(storage, bytes, aggregates.data(), highest.data(), rows, stream_);
    });
    pattern->cols = cuda::read_one(stream_, highest.data()) + 1;
    copy_bytes(std::as_bytes(aggregates), pattern->columns.data());
  }
  cuda::for_each(stream_, rows + 1, "count",
                 [offsets = pattern->offsets.data()] __device__(std::int64_t i) { offsets[i] = i; });
  CsrMatrix P = matrix(std::move(pattern), dtype);
  fill({P.values(), dtype, rows, 1}, 1.0);
  return P;
}

}  // namespace amg
