// Rows of C = A B that are too long for a hash table in shared memory. A block keeps a bit for every column
// in global memory; what a row needs of it stays in cache.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cub/block/block_scan.cuh>

#include "backends/cuda/column_heap.cuh"
#include "backends/cuda/row_list.h"
#include "backends/cuda/row_products.cuh"

namespace amg::cuda {

using LongRowTeam = RowTeam<512>;

inline std::int64_t words_of(std::int64_t columns) { return (columns + 31) / 32; }

// Blocks, each with so many bytes of scratch: enough to fill a GPU, at most a gibibyte.
inline std::int64_t long_row_blocks(std::int64_t bytes) {
  return std::clamp<std::int64_t>((std::int64_t{1} << 30) / std::max<std::int64_t>(bytes, 1), 1, 512);
}

// bits[block][word] is zero before and after.
static __global__ void __launch_bounds__(LongRowTeam::block)
    find_long_rows_kernel(Matrix A, Matrix B, RowList list, ColumnHeap heap, std::uint32_t* bits,
                          std::int64_t words) {
  using Scan = cub::BlockScan<int, LongRowTeam::size>;
  __shared__ typename Scan::TempStorage scan;
  __shared__ StagedRows<LongRowTeam::size> staged;
  __shared__ std::int64_t shared_place;
  const LongRowTeam team;
  bits += blockIdx.x * words;
  for (std::int64_t k = blockIdx.x; k < *list.count; k += gridDim.x) {
    const std::int64_t i = list.rows[k];
    for_each_column(
        team, staged, A, B, i, [] { return false; },
        [&](std::int32_t column) {
          const std::uint32_t bit = 1u << (column & 31);
          std::uint32_t* const word = bits + (column >> 5);
          if (!(*static_cast<volatile std::uint32_t*>(word) & bit)) atomicOr(word, bit);
        });

    int size = 0, before, n;
    for (std::int64_t w = team.rank(); w < words; w += LongRowTeam::size) size += __popc(bits[w]);
    Scan(scan).ExclusiveSum(size, before, n);
    const std::int64_t place = heap.reserve(team, n, &shared_place);
    std::int64_t next = place;
    for (std::int64_t w = team.rank(); w - team.rank() < words; w += LongRowTeam::size) {
      std::uint32_t word = w < words ? bits[w] : 0;
      if (word) bits[w] = 0;
      int total;
      Scan(scan).ExclusiveSum(__popc(word), before, total);
      if (heap.holds(place, n))
        for (std::int64_t at = next + before; word; word &= word - 1)
          heap.columns[at++] = static_cast<std::int32_t>(32 * w) + __ffs(static_cast<int>(word)) - 1;
      next += total;
      team.sync();  // the scan's memory is used again
    }
    if (team.rank() == 0) heap.keep(i, place, n);
  }
}

// The columns of a word that a row has, and how many of its columns precede them.
struct alignas(8) RankedWord {
  std::uint32_t bits;
  std::int32_t rank;
};

// words[block][word] needs no clearing: only words of the row's own columns are looked at.
// sums[block][longest]
template <class T>
__global__ void __launch_bounds__(LongRowTeam::block)
    sum_long_rows_kernel(Matrix A, Matrix B, RowList list, Matrix C, T* values, RankedWord* words,
                         std::int64_t words_per_block, double* sums, std::int64_t longest) {
  __shared__ WeightedRows<LongRowTeam::size> staged;
  const LongRowTeam team;
  words += blockIdx.x * words_per_block;
  sums += blockIdx.x * longest;
  for (std::int64_t k = blockIdx.x; k < *list.count; k += gridDim.x) {
    const std::int64_t i = list.rows[k];
    const std::int64_t first = C.offsets[i];
    const int n = static_cast<int>(C.offsets[i + 1] - first);
    const std::int32_t* const columns = C.columns + first;
    for (int c = team.rank(); c < n; c += LongRowTeam::size) {
      sums[c] = 0.0;
      const std::int32_t word = columns[c] >> 5;
      if (c > 0 && columns[c - 1] >> 5 == word) continue;
      std::uint32_t bits = 0;
      for (int d = c; d < n && columns[d] >> 5 == word; ++d) bits |= 1u << (columns[d] & 31);
      words[word] = {bits, c};
    }
    team.sync();
    add_products<T>(
        team, staged, A, B, i,
        [&](std::int32_t column) {
          const RankedWord word = words[column >> 5];
          return word.rank + __popc(word.bits & ((1u << (column & 31)) - 1));
        },
        sums);
    for (int c = team.rank(); c < n; c += LongRowTeam::size) values[first + c] = static_cast<T>(sums[c]);
    team.sync();
  }
}

}  // namespace amg::cuda
