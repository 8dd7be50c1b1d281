#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cub/device/device_radix_sort.cuh>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/scan.h"
#include "backends/cuda/warp_team.cuh"

namespace amg::cuda {

// The logarithms of the sizes that hash tables have. Up to most_shared_bits they lie in shared memory, where many fit
// on a multiprocessor if none is larger than its row wants; the others in global memory.
inline constexpr int least_table_bits = 5;
inline constexpr int most_shared_bits = 11;
inline constexpr int no_table = 33;

// Half of the slots stay empty.
__device__ inline std::uint8_t table_bits(std::int64_t keys) {
  if (keys <= 0) return no_table;
  int bits = least_table_bits;
  while (std::int64_t{1} << bits < 2 * keys) ++bits;
  return static_cast<std::uint8_t>(bits);
}

// Rows that need a hash table each, in groups by its size.
struct TableRows {
  Array<std::int32_t> rows;
  Array<std::uint8_t> bits;                        // of the table of rows[r], ascending
  std::array<std::int64_t, no_table + 1> first{};  // first[b]: the first of b bits or more

  std::int64_t with(int b) const { return first[b + 1] - first[b]; }
};

// keys(i), a __device__ lambda, bounds the keys of row i of [0, n); 0 for a row that needs no table. Waits for the
// stream. Traffic: 5 bytes a row, four times.
template <class Keys>
TableRows group_by_table(CudaSpace& space, std::int64_t n, Keys keys) {
  TableRows groups{space.array<std::int32_t>(n), space.array<std::uint8_t>(n)};
  if (n == 0) return groups;
  const auto all_rows = space.array<std::int32_t>(n);
  const auto all_bits = space.array<std::uint8_t>(n);
  for_each(space.stream(), n, "sizes of tables",
           [keys, rows = all_rows.data(), bits = all_bits.data()] __device__(std::int64_t i) {
             rows[i] = static_cast<std::int32_t>(i);
             bits[i] = table_bits(keys(i));
           });
  with_storage(space.memory(), "group rows by table", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(storage, bytes, all_bits.data(), groups.bits.data(),
                                           all_rows.data(), groups.rows.data(), n, 0, 6, space.stream());
  });
  const auto first = space.array<std::int64_t>(std::ssize(groups.first));
  for_each(space.stream(), first.size(), "first rows of groups",
           [n, bits = groups.bits.data(), first = first.data()] __device__(std::int64_t b) {
             std::int64_t low = 0, high = n;
             while (low < high) {
               const std::int64_t middle = (low + high) / 2;
               if (bits[middle] < b)
                 low = middle + 1;
               else
                 high = middle;
             }
             first[b] = low;
           });
  space.download(first.data(), std::as_writable_bytes(std::span(groups.first)));
  return groups;
}

template <int width, class F>
__global__ void __launch_bounds__(block_threads)
    shared_table_kernel(const std::int32_t* rows, std::int64_t count, int bits, std::size_t table_bytes,
                        F f) {
  extern __shared__ __align__(16) std::byte tables[];
  const unsigned team_in_block = threadIdx.x / width;
  const std::int64_t r = static_cast<std::int64_t>(blockIdx.x) * (blockDim.x / width) + team_in_block;
  if (r < count) f(WarpTeam<width>(), std::int64_t{rows[r]}, tables + team_in_block * table_bytes, bits);
}

template <class F>
__global__ void __launch_bounds__(32)
    global_table_kernel(const std::int32_t* rows, const std::uint8_t* bits, std::int64_t count,
                        std::byte* tables, std::size_t table_bytes, F f) {
  for (std::int64_t r = blockIdx.x; r < count; r += gridDim.x)
    f(WarpTeam<32>(), std::int64_t{rows[r]}, tables + blockIdx.x * table_bytes, int{bits[r]});
}

template <int width, std::size_t bytes_per_slot, class F>
void launch_shared_tables(cudaStream_t stream, const TableRows& groups, int bits, const char* name, F f) {
  constexpr std::size_t block_bytes = 48 << 10;  // a kernel has to ask for more
  static_assert((bytes_per_slot << most_shared_bits) <= block_bytes);
  if (groups.with(bits) == 0) return;
  const std::size_t table_bytes = bytes_per_slot << bits;
  const int teams = std::min(block_threads / width, static_cast<int>(block_bytes / table_bytes));
  shared_table_kernel<width>
      <<<blocks_for(groups.with(bits), teams), static_cast<unsigned>(teams * width), teams * table_bytes,
         stream>>>(groups.rows.data() + groups.first[bits], groups.with(bits), bits, table_bytes, f);
  check_launch(name);
}

// A warp per row, as many at a time as some memory has room for.
template <std::size_t bytes_per_slot, class F>
void launch_global_tables(CudaSpace& space, const TableRows& groups, const char* name, F f) {
  constexpr std::int64_t memory = 256 << 20, most_warps = 2048;
  const std::int64_t begin = groups.first[most_shared_bits + 1], count = groups.first[no_table] - begin;
  if (count == 0) return;
  int most_bits = no_table - 1;
  while (groups.with(most_bits) == 0) --most_bits;
  const std::int64_t table_bytes = static_cast<std::int64_t>(bytes_per_slot) << most_bits;
  const std::int64_t warps = std::min({count, most_warps, std::max<std::int64_t>(memory / table_bytes, 1)});
  const auto tables = space.array<std::byte>(warps * table_bytes);
  global_table_kernel<<<static_cast<unsigned>(warps), 32, 0, space.stream()>>>(
      groups.rows.data() + begin, groups.bits.data() + begin, count, tables.data(),
      static_cast<std::size_t>(table_bytes), f);
  check_launch(name);
}

// Calls f(team, i, table, bits), a __device__ lambda, for every row i that needs a table: `table` is 16-byte aligned and
// has bytes_per_slot · 2^bits bytes. `entries_per_row` is what a team has to look at side by side.
template <std::size_t bytes_per_slot, class F>
void for_each_table(CudaSpace& space, const TableRows& groups, std::int64_t entries_per_row, const char* name,
                    F f) {
  for (int bits = least_table_bits; bits <= most_shared_bits; ++bits) {
    if (entries_per_row <= 12 && bits <= 6)
      launch_shared_tables<8, bytes_per_slot>(space.stream(), groups, bits, name, f);
    else
      launch_shared_tables<32, bytes_per_slot>(space.stream(), groups, bits, name, f);
  }
  launch_global_tables<bytes_per_slot>(space, groups, name, f);
}

}  // namespace amg::cuda
