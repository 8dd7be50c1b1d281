// C = A B row by row, as on the host: row i of C is the sum of the rows k of B, each times a_ik. A first
// sweep over the products finds the columns, a second one adds up the values; a refresh repeats the second
// one only.

#include <algorithm>
#include <cstdint>
#include <cub/device/device_reduce.cuh>
#include <iterator>
#include <memory>
#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/hash_rows.cuh"
#include "backends/cuda/long_rows.cuh"

namespace amg {

using cuda::ColumnHeap;
using cuda::RowList;
using cuda::RowTeam;

namespace {

// Bins of rows by the size of their hash table; in the last one are the rows that fit into none.
constexpr int capacities[] = {64, 256, 512, 1024, 2048};
constexpr int long_rows = static_cast<int>(std::size(capacities));
constexpr int no_bin = 255;  // rows without products

// Blocks walk along a list whose length the host does not know: as many as run at a time, a few times over.
constexpr std::int64_t most_blocks = 4096;

// Calls f.operator()<Team, capacity>(bin) for every size of table, in order. Teams are about as wide as B's
// rows.
template <class F, int... bin>
void for_each_bin(const Matrix& B, std::integer_sequence<int, bin...>, F f) {
  const auto visit_bin = [&]<int b>() {
    constexpr int capacity = capacities[b];
    constexpr int narrow = std::max(8, capacity / 16);
    if (B.entries > 16 * B.rows)
      f.template operator()<RowTeam<2 * narrow>, capacity>(b);
    else
      f.template operator()<RowTeam<narrow>, capacity>(b);
  };
  (visit_bin.template operator()<bin>(), ...);
}

template <class F>
void for_each_bin(const Matrix& B, F f) {
  for_each_bin(B, std::make_integer_sequence<int, long_rows>(), f);
}

template <class Team>
unsigned blocks_of(std::int64_t rows) {
  return static_cast<unsigned>(std::min((rows + Team::rows - 1) / Team::rows, most_blocks));
}

struct InBin {
  const std::uint8_t* bins;
  int bin;
  __device__ bool operator()(std::int32_t i) const { return bins[i] == bin; }
};

// The bin in which a row is tried first. Many products of a Galerkin product fall on the same column, so that
// its rows are far shorter than the number of their products; a table too small is soon full, and costs
// little.
void guess_bins(cudaStream_t stream, const Matrix& A, const Matrix& B, std::uint8_t* bins) {
  constexpr double products_a_column = 8;
  constexpr double most_of_bin_0 = products_a_column * cuda::most_columns(capacities[0]);
  constexpr double most_of_bin_1 = products_a_column * cuda::most_columns(capacities[1]);
  const std::int64_t* const offsets = A.offsets;
  const double mean = static_cast<double>(B.entries) / static_cast<double>(std::max<std::int64_t>(B.rows, 1));
  cuda::for_each(stream, A.rows, "guess bins", [=] __device__(std::int64_t i) {
    const double products = static_cast<double>(offsets[i + 1] - offsets[i]) * mean;
    bins[i] = products == 0 ? no_bin : products <= most_of_bin_0 ? 0 : products <= most_of_bin_1 ? 1 : 2;
  });
}

template <class Team>
__global__ void __launch_bounds__(Team::block)
    collect_columns_kernel(ColumnHeap heap, std::int64_t rows, const std::int64_t* offsets,
                           std::int32_t* columns) {
  const std::int64_t i = Team::row_in_grid();
  if (i >= rows) return;
  const std::int64_t first = offsets[i], n = offsets[i + 1] - first;
  for (std::int64_t c = Team::rank(); c < n; c += Team::size)
    columns[first + c] = heap.columns[heap.places[i] + c];
}

// Leaves the columns of every row on the heap. Traffic: of every product, B's column, from cache where rows
// nearby name the same rows of B; the columns of C.
void find_columns(CudaSpace& space, const Matrix& A, const Matrix& B, cuda::RowSelector& selector,
                  std::uint8_t* bins, const ColumnHeap& heap) {
  const cudaStream_t stream = space.stream();
  for_each_bin(B, [&]<class Team, int capacity>(int bin) {
    const RowList list = selector.select(InBin{bins, bin});
    cuda::find_columns_kernel<Team, capacity>
        <<<blocks_of<Team>(A.rows), Team::block, 0, stream>>>(A, B, list, heap, bins);
    cuda::check_launch("find columns");
  });
  const RowList list = selector.select(InBin{bins, long_rows});
  const std::int64_t count = selector.count();
  if (count == 0) return;
  const std::int64_t words = cuda::words_of(B.cols);
  const std::int64_t blocks = std::min(count, cuda::long_row_blocks(4 * words));
  const auto bits = space.array<std::uint32_t>(blocks * words);
  cuda::check(cudaMemsetAsync(bits.data(), 0, bits.bytes(), stream), "clear");
  cuda::find_long_rows_kernel<<<static_cast<unsigned>(blocks), cuda::LongRowTeam::block, 0, stream>>>(
      A, B, list, heap, bits.data(), words);
  cuda::check_launch("find columns of long rows");
}

// Moves the columns of every row from the heap to where the row begins. Traffic: the columns twice.
void collect_columns(cudaStream_t stream, const ColumnHeap& heap, const Pattern& C) {
  if (C.entries() == 0) return;
  const auto launch = [&]<class Team>() {
    collect_columns_kernel<Team><<<cuda::blocks_for(C.rows, Team::rows), Team::block, 0, stream>>>(
        heap, C.rows, C.offsets.data(), C.columns.data());
    cuda::check_launch("collect columns");
  };
  if (C.entries() > 32 * C.rows)
    launch.template operator()<RowTeam<32>>();
  else
    launch.template operator()<RowTeam<8>>();
}

struct RowLength {
  const std::int64_t* offsets;
  __device__ std::int64_t operator()(std::int64_t i) const { return offsets[i + 1] - offsets[i]; }
};

struct Longer {
  __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a > b ? a : b; }
};

std::int64_t longest_row(CudaSpace& space, const Pattern& A) {
  const auto longest = space.array<std::int64_t>(1);
  cuda::with_storage(space.memory(), "longest row", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceReduce::TransformReduce(storage, bytes, thrust::counting_iterator<std::int64_t>(0),
                                              longest.data(), A.rows, Longer{}, RowLength{A.offsets.data()},
                                              std::int64_t{0}, space.stream());
  });
  return cuda::read_one(space.stream(), longest.data());
}

std::shared_ptr<const Pattern> product_pattern(CudaSpace& space, const Matrix& A, const Matrix& B) {
  const cudaStream_t stream = space.stream();
  auto C = std::make_shared<Pattern>();
  C->rows = A.rows;
  C->cols = B.cols;
  C->offsets = space.array<std::int64_t>(A.rows + 1);
  const auto bins = space.array<std::uint8_t>(A.rows);
  const auto places = space.array<std::int64_t>(A.rows);
  const auto used = space.array<unsigned long long>(1);
  cuda::RowSelector selector(stream, space.memory(), A.rows);
  guess_bins(stream, A, B, bins.data());

  // Galerkin products rarely need more. If these columns do, there is exact room the second time.
  std::int64_t room = 4 * std::max(A.entries, B.entries);
  for (;;) {
    const auto columns = space.array<std::int32_t>(room);
    const ColumnHeap heap{columns.data(), room, used.data(), places.data(), C->offsets.data()};
    cuda::check(cudaMemsetAsync(used.data(), 0, used.bytes(), stream), "clear");
    cuda::check(cudaMemsetAsync(C->offsets.data(), 0, C->offsets.bytes(), stream), "clear");
    if (A.rows > 0) find_columns(space, A, B, selector, bins.data(), heap);
    const std::int64_t entries = cuda::lengths_to_offsets(stream, space.memory(), C->offsets.data(), A.rows);
    if (entries <= room) {
      C->columns = space.array<std::int32_t>(entries);
      collect_columns(stream, heap, *C);
      C->longest_row = longest_row(space, *C);
      return C;
    }
    room = entries;
  }
}

struct LengthWithin {
  RowLength length;
  std::int64_t above, upto;
  __device__ bool operator()(std::int32_t i) const { return length(i) > above && length(i) <= upto; }
};

// Traffic: of every product, B's entry, from cache where rows nearby name the same rows of B; A once, C's
// columns twice, its values.
template <class T>
void sum_products(CudaSpace& space, const Matrix& A, const Matrix& B, const Matrix& C, std::int64_t longest,
                  T* values) {
  if (C.entries == 0) return;
  const cudaStream_t stream = space.stream();
  cuda::RowSelector selector(stream, space.memory(), C.rows);
  std::int64_t done = 0;
  for_each_bin(B, [&]<class Team, int capacity>(int) {
    if (done >= longest) return;
    const std::int64_t above = std::exchange(done, cuda::most_columns(capacity));
    const RowList list = selector.select(LengthWithin{{C.offsets}, above, done});
    cuda::sum_products_kernel<T, Team, capacity>
        <<<blocks_of<Team>(C.rows), Team::block, 0, stream>>>(A, B, list, C, values);
    cuda::check_launch("sum products");
  });
  if (done >= longest) return;
  const std::int64_t words = cuda::words_of(C.cols);
  const std::int64_t blocks = std::min(C.rows, cuda::long_row_blocks(8 * (words + longest)));
  const RowList list = selector.select(LengthWithin{{C.offsets}, done, longest});
  const auto ranked = space.array<cuda::RankedWord>(blocks * words);
  const auto sums = space.array<double>(blocks * longest);
  cuda::sum_long_rows_kernel<T><<<static_cast<unsigned>(blocks), cuda::LongRowTeam::block, 0, stream>>>(
      A, B, list, C, values, ranked.data(), words, sums.data(), longest);
  cuda::check_launch("sum products of long rows");
}

}  // namespace

CsrMatrix CudaSpace::product(const Matrix& A, const Matrix& B) {
  CsrMatrix C = matrix(product_pattern(*this, A, B), A.dtype);
  product_values(A, B, C);
  return C;
}

void CudaSpace::product_values(const Matrix& A, const Matrix& B, CsrMatrix& C) {
  const Pattern& pattern = *C.pattern();
  const std::int64_t longest = pattern.longest_row < 0 ? longest_row(*this, pattern) : pattern.longest_row;
  visit(A.dtype, [&]<class T>() { sum_products<T>(*this, A, B, C, longest, C.as<T>()); });
}

}  // namespace amg
