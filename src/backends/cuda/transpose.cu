// Aᵀ of a pattern by a stable sort of the entries by column: what is in row order within a column stays so.

#include <bit>
#include <cstdint>
#include <cub/device/device_radix_sort.cuh>
#include <memory>
#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/row_team.cuh"
#include "backends/cuda/scan.h"

namespace amg {
namespace {

template <class Team>
__global__ void __launch_bounds__(Team::block)
    number_rows_kernel(std::int64_t rows, const std::int64_t* offsets, std::int32_t* row_of,
                       std::int64_t* number) {
  const std::int64_t i = Team::row_in_grid();
  if (i >= rows) return;
  for (std::int64_t k = offsets[i] + Team::rank(); k < offsets[i + 1]; k += Team::size) {
    row_of[k] = static_cast<std::int32_t>(i);
    number[k] = k;
  }
}

// The row of every entry, and its number.
void number_rows(cudaStream_t stream, const Pattern& A, std::int32_t* row_of, std::int64_t* number) {
  const auto launch = [&]<class Team>() {
    number_rows_kernel<Team><<<cuda::blocks_for(A.rows, Team::rows), Team::block, 0, stream>>>(
        A.rows, A.offsets.data(), row_of, number);
    cuda::check_launch("number rows");
  };
  if (A.entries() > 32 * A.rows)
    launch.template operator()<cuda::RowTeam<32>>();
  else
    launch.template operator()<cuda::RowTeam<8>>();
}

// Where in the sorted columns each of them begins.
void find_offsets(cudaStream_t stream, const std::int32_t* sorted, std::int64_t entries, std::int64_t cols,
                  std::int64_t* offsets) {
  cuda::for_each(stream, cols + 1, "find offsets", [=] __device__(std::int64_t column) {
    std::int64_t low = 0, high = entries;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (sorted[middle] < column)
        low = middle + 1;
      else
        high = middle;
    }
    offsets[column] = low;
  });
}

void take_rows(cudaStream_t stream, const std::int32_t* row_of, const Array<std::int64_t>& source,
               std::int32_t* out) {
  const std::int64_t* const from = source.data();
  cuda::for_each(stream, source.size(), "take rows",
                 [=] __device__(std::int64_t k) { out[k] = row_of[from[k]]; });
}

}  // namespace

// Traffic: a sweep of the sort reads and writes 12 bytes an entry and takes 8 bits of the column; 44 bytes an
// entry around it.
TransposedPattern CudaSpace::transpose(const Pattern& A) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.cols;
  pattern->cols = A.rows;
  pattern->offsets = array<std::int64_t>(A.cols + 1);
  pattern->columns = array<std::int32_t>(A.entries());
  auto source = array<std::int64_t>(A.entries());
  const auto sorted = array<std::int32_t>(A.entries());
  if (A.entries() > 0) {
    const auto row_of = array<std::int32_t>(A.entries());
    const auto number = array<std::int64_t>(A.entries());
    number_rows(stream_, A, row_of.data(), number.data());
    const int bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(A.cols - 1)));
    cuda::with_storage(memory(), "sort by column", [&](void* storage, std::size_t& bytes) {
      return cub::DeviceRadixSort::SortPairs(storage, bytes, A.columns.data(), sorted.data(), number.data(),
                                             source.data(), A.entries(), 0, bits, stream_);
    });
    take_rows(stream_, row_of.data(), source, pattern->columns.data());
  }
  find_offsets(stream_, sorted.data(), A.entries(), A.cols, pattern->offsets.data());
  pattern->block_dim = A.block_dim;
  if (A.nodes) pattern->nodes = transpose(*A.nodes).pattern;
  return {std::move(pattern), std::move(source)};
}

}  // namespace amg
