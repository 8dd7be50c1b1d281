#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_select.cuh>
#include <cuda/atomic>
#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/coloring/color_row.h"

namespace amg {

namespace cuda {

using ColorRef = ::cuda::atomic_ref<std::int32_t, ::cuda::thread_scope_device>;

struct Waits {
  const std::int32_t* color;
  __device__ bool operator()(std::int32_t i) const { return color[i] == no_color; }
};

}  // namespace cuda

// In rounds; each reads the rows of the rows that are still without a color, and ends with a wait for their
// number.
Coloring CudaSpace::color_matrix(const Matrix& A, const Pattern* transposed, int distance) {
  const std::int64_t n = A.rows;
  const ColorGraph graph(A, transposed, distance);

  Coloring coloring{array<std::int32_t>(n), array<std::int32_t>(n), {0}};
  if (n == 0) return coloring;
  std::int32_t* const color = coloring.color.data();
  const auto priorities = array<std::uint64_t>(n);
  auto waiting = array<std::int32_t>(n), next = array<std::int32_t>(n);
  const auto left = array<std::int64_t>(1);
  cuda::for_each(
      stream_, n, "color_matrix: priorities",
      [graph, color, priority = priorities.data(), rows = waiting.data()] __device__(std::int64_t i) {
        color[i] = no_color;
        priority[i] = coloring_priority(graph, i);
        rows[i] = static_cast<std::int32_t>(i);
      });
  const std::int64_t row_length = A.entries / n + 1;
  for (std::int64_t count = n; count > 0;) {
    cuda::for_each_row(stream_, count, count * row_length, "color_matrix",
                       [graph, color, priority = priorities.data(), rows = waiting.data()] __device__(
                           auto team, std::int64_t r) {
                         const std::int32_t i = rows[r];
                         const auto look = [color](std::int32_t j) {
                           return cuda::ColorRef(color[j]).load(::cuda::memory_order_relaxed);
                         };
                         const std::int32_t found = color_row(team, graph, priority, look, i);
                         if (team.leads())
                           cuda::ColorRef(color[i]).store(found, ::cuda::memory_order_relaxed);
                       });
    cuda::with_storage(memory(), "select rows without a color", [&](void* storage, std::size_t& bytes) {
      return cub::DeviceSelect::If(storage, bytes, waiting.data(), next.data(), left.data(), count,
                                   cuda::Waits{color}, stream_);
    });
    count = cuda::read_one(stream_, left.data());
    std::swap(waiting, next);
  }

  // A stable sort: rows stay ascending within their color. Then every color begins where a row has another
  // one than the row before it.
  const auto sorted = array<std::int32_t>(n);
  cuda::for_each(stream_, n, "color_matrix: rows", [rows = waiting.data()] __device__(std::int64_t i) {
    rows[i] = static_cast<std::int32_t>(i);
  });
  cuda::with_storage(memory(), "sort rows by color", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(storage, bytes, color, sorted.data(), waiting.data(),
                                           coloring.rows.data(), n, 0, 32, stream_);
  });
  const std::int64_t colors = cuda::read_one(stream_, sorted.data() + n - 1) + std::int64_t{1};
  const auto starts = array<std::int64_t>(colors);
  cuda::for_each(stream_, n, "color_matrix: begin of colors",
                 [keys = sorted.data(), first = starts.data()] __device__(std::int64_t r) {
                   if (r == 0 || keys[r - 1] != keys[r]) first[keys[r]] = r;
                 });
  coloring.first.resize(static_cast<std::size_t>(colors));
  download(starts.data(), std::as_writable_bytes(std::span(coloring.first)));
  coloring.first.push_back(n);
  return coloring;
}

}  // namespace amg
