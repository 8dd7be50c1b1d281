#include <cub/device/device_reduce.cuh>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/classical/d1_row.h"

namespace amg {

namespace cuda {

// Coarse points are numbered in the order of their rows.
std::int64_t number_of_coarse(CudaSpace& space, std::span<const std::int32_t> coarse) {
  if (coarse.empty()) return 0;
  const auto last = space.scratch<std::int32_t>(1);
  with_storage(space.memory(), "number of coarse points", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceReduce::Max(storage, bytes, coarse.data(), last.data(),
                                  static_cast<std::int64_t>(coarse.size()), space.stream());
  });
  return std::int64_t{read_one(space.stream(), last.data())} + 1;
}

// Traffic: A and 1 byte an entry for the masks, `coarse` gathered where strong; P's values out.
template <class T>
void fill_d1(cudaStream_t stream, const Matrix& A, const std::uint8_t* strong, const std::int32_t* coarse,
             const std::int64_t* offsets, T* values) {
  for_each_row(stream, A.rows, A.entries, "values_d1", [=] __device__(auto team, std::int64_t i) {
    T* w = values + offsets[i];
    if (coarse[i] < 0)
      d1_row(team, A, strong, coarse, i, w);
    else if (team.leads())
      *w = 1;
  });
}

}  // namespace cuda

// Traffic, twice: A's columns where strong, 1 byte an entry for the masks, `coarse` gathered.
std::shared_ptr<const Pattern> CudaSpace::pattern_d1(const Matrix& A,
                                                     std::span<const std::uint8_t> strong_entries,
                                                     std::span<const std::int32_t> coarse_points) {
  const std::uint8_t* strong = strong_entries.data();
  const std::int32_t* coarse = coarse_points.data();
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = cuda::number_of_coarse(*this, coarse_points);
  pattern->offsets = array<std::int64_t>(A.rows + 1);
  std::int64_t* offsets = pattern->offsets.data();
  cuda::for_each_row(stream_, A.rows, A.entries, "pattern_d1: lengths",
                     [=] __device__(auto team, std::int64_t i) {
                       std::int64_t length = 1;
                       if (coarse[i] < 0)
                         length = team.select(
                             A.offsets[i], A.offsets[i + 1],
                             [&](std::int64_t e) { return d1_interpolates(A, strong, coarse, e); },
                             [](std::int64_t, std::int64_t) {});
                       if (team.leads()) offsets[i] = length;
                     });

  pattern->columns = array<std::int32_t>(cuda::lengths_to_offsets(stream_, memory(), offsets, A.rows));
  std::int32_t* columns = pattern->columns.data();
  cuda::for_each_row(stream_, A.rows, A.entries, "pattern_d1: columns",
                     [=] __device__(auto team, std::int64_t i) {
                       std::int32_t* out = columns + offsets[i];
                       if (coarse[i] >= 0) {
                         if (team.leads()) *out = coarse[i];
                         return;
                       }
                       team.select(
                           A.offsets[i], A.offsets[i + 1],
                           [&](std::int64_t e) { return d1_interpolates(A, strong, coarse, e); },
                           [&](std::int64_t e, std::int64_t place) { out[place] = coarse[A.columns[e]]; });
                     });
  return pattern;
}

void CudaSpace::values_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  visit(A.dtype, [&]<class T>() {
    cuda::fill_d1(stream_, A, strong.data(), coarse.data(), P.pattern()->offsets.data(), P.as<T>());
  });
}

}  // namespace amg
