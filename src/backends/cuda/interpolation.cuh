#pragma once

#include <cstdint>
#include <cub/device/device_reduce.cuh>
#include <memory>
#include <span>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/classical/direct_row.h"

namespace amg::cuda {

// Coarse points are numbered in the order of their rows. Waits for the stream.
inline std::int64_t number_of_coarse(CudaSpace& space, std::span<const std::int32_t> coarse) {
  if (coarse.empty()) return 0;
  const auto last = space.array<std::int32_t>(1);
  with_storage(space.memory(), "number of coarse points", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceReduce::Max(storage, bytes, coarse.data(), last.data(),
                                  static_cast<std::int64_t>(coarse.size()), space.stream());
  });
  return std::int64_t{read_one(space.stream(), last.data())} + 1;
}

// The row of every one of the `count` coarse points.
inline Array<std::int32_t> rows_of_coarse(CudaSpace& space, std::span<const std::int32_t> coarse,
                                          std::int64_t count) {
  auto rows = space.array<std::int32_t>(count);
  for_each(space.stream(), static_cast<std::int64_t>(coarse.size()), "rows of coarse points",
           [numbers = coarse.data(), row_of = rows.data()] __device__(std::int64_t i) {
             if (numbers[i] >= 0) row_of[numbers[i]] = static_cast<std::int32_t>(i);
           });
  return rows;
}

// The pattern of direct interpolation from what `from` says. Traffic, twice: A's columns where strong, 1 byte an entry
// for the masks, what `from` knows of the rows gathered.
template <class From>
std::shared_ptr<const Pattern> direct_pattern(CudaSpace& space, const char* name, From from,
                                              std::int64_t cols) {
  const Matrix A = from.A;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = cols;
  pattern->offsets = space.array<std::int64_t>(A.rows + 1);
  std::int64_t* const offsets = pattern->offsets.data();
  for_each_row(space.stream(), A.rows, A.entries, name, [=] __device__(auto team, std::int64_t i) {
    std::int64_t length = 1;
    if (!from.keeps(i))
      length = team.select(
          A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { return from.takes(i, e); },
          [](std::int64_t, std::int64_t) {});
    if (team.leads()) offsets[i] = length;
  });
  pattern->columns =
      space.array<std::int32_t>(lengths_to_offsets(space.stream(), space.memory(), offsets, A.rows));
  std::int32_t* const columns = pattern->columns.data();
  for_each_row(space.stream(), A.rows, A.entries, name, [=] __device__(auto team, std::int64_t i) {
    std::int32_t* const out = columns + offsets[i];
    if (from.keeps(i)) {
      if (team.leads()) *out = from.column(i);
      return;
    }
    team.select(
        A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) { return from.takes(i, e); },
        [&](std::int64_t e, std::int64_t place) { out[place] = from.column(A.columns[e]); });
  });
  return pattern;
}

// Traffic: A and 1 byte an entry for the masks, what `from` knows gathered where strong; P's values out.
template <class T, class From>
void direct_values(cudaStream_t stream, const char* name, From from, const std::int64_t* offsets, T* values) {
  for_each_row(stream, from.A.rows, from.A.entries, name, [=] __device__(auto team, std::int64_t i) {
    T* const w = values + offsets[i];
    if (!from.keeps(i))
      direct_row(team, from, i, w);
    else if (team.leads())
      *w = 1;
  });
}

}  // namespace amg::cuda
