// Rows of C = A B that fit into hash tables in shared memory (Y. Nagasaka, A. Nukada, S. Matsuoka,
// "High-performance and memory-saving sparse general matrix-matrix multiplication for NVIDIA Pascal GPU",
// ICPP 2017). Without knowing how long its rows are, find_columns starts with a small table and leaves what
// overflows to the next larger.
#pragma once

#include <bit>
#include <cstdint>
#include <cuda/atomic>

#include "backends/cuda/bitonic_sort.cuh"
#include "backends/cuda/column_heap.cuh"
#include "backends/cuda/row_list.h"
#include "backends/cuda/row_products.cuh"

namespace amg::cuda {

inline constexpr std::int32_t no_column = -1;

// The slot where a search for a column begins: the leading bits of its multiple of 2³² / golden ratio, which
// spreads columns that follow each other.
template <int capacity>
__device__ int first_slot(std::int32_t column) {
  constexpr int shift = 33 - std::bit_width(static_cast<std::uint32_t>(capacity));
  return static_cast<int>((static_cast<std::uint32_t>(column) * 0x9E3779B1u) >> shift);
}

template <int capacity>
__device__ int next_slot(int slot) {
  return (slot + 1) & (capacity - 1);
}

// Fuller, and searches become long.
constexpr int most_columns(int capacity) { return capacity / 8 * 5; }

// The columns of one row, found in any order.
template <class Team, int capacity>
struct ColumnTable {
  // Of all threads that have seen room for another column, each may add one.
  static_assert(most_columns(capacity) + Team::size <= capacity);

  using Word = ::cuda::atomic_ref<std::int32_t, ::cuda::thread_scope_block>;

  StagedRows<Team::size> staged;
  std::int64_t place;
  std::int32_t slots[capacity];
  std::int32_t found[capacity];
  std::int32_t count;
  std::int32_t overflows;

  __device__ void clear(Team team) {
    for (int s = team.rank(); s < capacity; s += Team::size) slots[s] = no_column;
    if (team.rank() == 0) count = overflows = 0;
    team.sync();
  }

  // Other threads write meanwhile; only the exchange decides.
  __device__ void insert(std::int32_t column) {
    for (int s = first_slot<capacity>(column);; s = next_slot<capacity>(s)) {
      std::int32_t there = Word(slots[s]).load(::cuda::memory_order_relaxed);
      if (there == no_column) {
        if (Word(count).load(::cuda::memory_order_relaxed) >= most_columns(capacity)) {
          Word(overflows).store(1, ::cuda::memory_order_relaxed);
          return;
        }
        there = atomicCAS(slots + s, no_column, column);
        if (there == no_column) {
          found[atomicAdd(&count, 1)] = column;
          return;
        }
      }
      if (there == column) return;
    }
  }

  __device__ bool overflowed() { return Word(overflows).load(::cuda::memory_order_relaxed) != 0; }
};

template <class Team, int capacity>
__global__ void __launch_bounds__(Team::block)
    find_columns_kernel(Matrix A, Matrix B, RowList list, ColumnHeap heap, std::uint8_t* bins) {
  __shared__ ColumnTable<Team, capacity> tables[Team::rows];
  const Team team;
  auto& table = tables[team.row_in_block()];
  const std::int64_t count = *list.count;
  for (std::int64_t k = std::int64_t{blockIdx.x} * Team::rows; k < count;
       k += std::int64_t{gridDim.x} * Team::rows) {
    const std::int64_t at = k + team.row_in_block();
    const std::int64_t i = at < count ? list.rows[at] : -1;
    table.clear(team);
    for_each_column(
        team, table.staged, A, B, i, [&] { return table.overflowed(); },
        [&](std::int32_t column) { table.insert(column); });
    const bool overflows = table.overflowed();
    const int n = overflows ? 0 : table.count;
    bitonic_sort(team, table.found, n);
    const std::int64_t place = heap.reserve(team, n, &table.place);
    if (heap.holds(place, n))
      for (int c = team.rank(); c < n; c += Team::size) heap.columns[place + c] = table.found[c];
    if (i >= 0 && team.rank() == 0) {
      if (overflows)
        ++bins[i];
      else
        heap.keep(i, place, n);
    }
    team.sync();
  }
}

// The sums of one row, by column.
template <class Team, int capacity>
struct SumTable {
  WeightedRows<Team::size> staged;
  double sums[capacity];
  std::int32_t slots[capacity];

  // Columns are inserted once each, by threads side by side.
  __device__ int insert(std::int32_t column) {
    int s = first_slot<capacity>(column);
    while (atomicCAS(slots + s, no_column, column) != no_column) s = next_slot<capacity>(s);
    sums[s] = 0.0;
    return s;
  }

  __device__ int find(std::int32_t column) const {
    int s = first_slot<capacity>(column);
    while (slots[s] != column) s = next_slot<capacity>(s);
    return s;
  }
};

template <class T, class Team, int capacity>
__global__ void __launch_bounds__(Team::block)
    sum_products_kernel(Matrix A, Matrix B, RowList list, Matrix C, T* values) {
  __shared__ SumTable<Team, capacity> tables[Team::rows];
  constexpr int columns_of_thread = (most_columns(capacity) + Team::size - 1) / Team::size;
  const Team team;
  auto& table = tables[team.row_in_block()];
  const std::int64_t count = *list.count;
  for (std::int64_t k = std::int64_t{blockIdx.x} * Team::rows; k < count;
       k += std::int64_t{gridDim.x} * Team::rows) {
    const std::int64_t at = k + team.row_in_block();
    const std::int64_t i = at < count ? list.rows[at] : -1;
    const std::int64_t first = i < 0 ? 0 : C.offsets[i];
    const int n = i < 0 ? 0 : static_cast<int>(C.offsets[i + 1] - first);
    for (int s = team.rank(); s < capacity; s += Team::size) table.slots[s] = no_column;
    team.sync();
    int slots[columns_of_thread];
#pragma unroll
    for (int c = 0; c < columns_of_thread; ++c)
      if (const int e = c * Team::size + team.rank(); e < n) slots[c] = table.insert(C.columns[first + e]);
    team.sync();
    add_products<T>(
        team, table.staged, A, B, i, [&](std::int32_t column) { return table.find(column); }, table.sums);
#pragma unroll
    for (int c = 0; c < columns_of_thread; ++c)
      if (const int e = c * Team::size + team.rank(); e < n)
        values[first + e] = static_cast<T>(table.sums[slots[c]]);
    team.sync();
  }
}

}  // namespace amg::cuda
