// C = A B row by row: row i of C is the sum of the rows k of B, each times a_ik (F. G. Gustavson, "Two fast
// algorithms for sparse matrices", ACM TOMS 4, 1978). With P and R it is the Galerkin product R (A P), the
// dearest part of a setup.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backends/host/host_space.h"
#include "backends/host/row_offsets.h"
#include "backends/host/scratch_pool.h"
#include "core/arena.h"

namespace amg {

namespace {

// A row of a coarse level may cost a thousand times what a row of the finest does, so chunks are small.
constexpr std::int64_t chunk_rows = 64;

// The columns of one row of C, handed out in order without a sort: a bit per column in words of 64, and above
// them a byte per word and a byte per 64 words, so that draining visits little more than the words in use.
// Bytes, because a plain store does not wait for the one before it as a read-modify-write does.
class ColumnSet {
 public:
  explicit ColumnSet(std::int64_t columns)
      : words_(static_cast<std::size_t>(columns >> 12) * 64 + 64),
        used_(static_cast<std::size_t>(columns >> 15) * 64 + 64),
        blocks_(static_cast<std::size_t>(columns >> 15) + 1) {}

  void insert(std::span<const std::int32_t> columns) {
    // Local pointers: a store to a byte may alias anything, so the compiler would load the members each time.
    std::uint64_t* const words = words_.data();
    auto* const used = reinterpret_cast<unsigned char*>(used_.data());
    auto* const blocks = reinterpret_cast<unsigned char*>(blocks_.data());
    for (const std::int32_t column : columns) {
      const auto c = static_cast<std::uint32_t>(column);
      words[c >> 6] |= std::uint64_t{1} << (c & 63);
      used[c >> 6] = 1;
      blocks[c >> 12] = 1;
    }
  }

  // Writes the members, all of which lie in [lowest, highest], and empties the set; returns the end.
  std::int32_t* drain(std::int32_t lowest, std::int32_t highest, std::int32_t* out) {
    for (std::int32_t b = lowest >> 15; b <= highest >> 15; ++b)
      drain_bytes(blocks_[b], 8 * b, [&](std::int32_t block) {
        for (std::int32_t u = 8 * block; u < 8 * block + 8; ++u)
          drain_bytes(used_[u], 8 * u, [&](std::int32_t word) {
            for (std::uint64_t bits = std::exchange(words_[word], 0); bits; bits &= bits - 1)
              *out++ = 64 * word + std::countr_zero(bits);
          });
      });
    return out;
  }

 private:
  // Calls f(first + k) for every byte k of marks that is 1, and clears them.
  template <class F>
  static void drain_bytes(std::uint64_t& marks, std::int32_t first, F&& f) {
    static_assert(std::endian::native == std::endian::little, "byte k is read as bit 8 k");
    for (std::uint64_t bits = std::exchange(marks, 0); bits; bits &= bits - 1)
      f(first + std::countr_zero(bits) / 8);
  }

  std::vector<std::uint64_t> words_, used_, blocks_;
};

struct PatternScratch {
  ColumnSet set;
  std::vector<std::int32_t> columns;
};

std::span<const std::int32_t> row_columns(const Matrix& A, std::int64_t i) {
  return {A.columns + A.offsets[i], A.columns + A.offsets[i + 1]};
}

// Columns of the rows [begin, end) of A B, one row after the other; the length of each goes to lengths.
std::vector<std::int32_t> chunk_columns(const Matrix& A, const Matrix& B, std::int64_t begin,
                                        std::int64_t end, PatternScratch& scratch, std::int64_t* lengths) {
  auto& [set, columns] = scratch;
  std::size_t size = 0;
  for (std::int64_t i = begin; i < end; ++i) {
    std::int32_t lowest = static_cast<std::int32_t>(B.cols), highest = -1;
    std::size_t bound = size;
    for (const std::int32_t k : row_columns(A, i)) {
      const auto row = row_columns(B, k);
      if (row.empty()) continue;
      lowest = std::min(lowest, row.front());
      highest = std::max(highest, row.back());
      set.insert(row);
      bound += row.size();
    }
    if (bound > columns.size()) columns.resize(2 * bound);
    std::int32_t* const out = columns.data() + size;
    lengths[i] = set.drain(lowest, highest, out) - out;
    size += static_cast<std::size_t>(lengths[i]);
  }
  return {columns.data(), columns.data() + size};
}

std::shared_ptr<const Pattern> product_pattern(const Matrix& A, const Matrix& B, Space& space) {
  auto C = std::make_shared<Pattern>();
  C->rows = A.rows;
  C->cols = B.cols;
  C->offsets = space.array<std::int64_t>(A.rows + 1);
  std::vector<std::vector<std::int32_t>> chunks(
      static_cast<std::size_t>((A.rows + chunk_rows - 1) / chunk_rows));
  host::ScratchPool pool([&] { return PatternScratch{ColumnSet(B.cols), {}}; });
  parallel_for(A.rows, chunk_rows, [&](std::int64_t begin, std::int64_t end) {
    chunks[static_cast<std::size_t>(begin / chunk_rows)] =
        chunk_columns(A, B, begin, end, *pool.lease(), C->offsets.data());
  });
  C->columns = space.array<std::int32_t>(host::lengths_to_offsets(C->offsets.data(), A.rows));
  parallel_for(A.rows, chunk_rows, [&](std::int64_t begin, std::int64_t) {
    auto& columns = chunks[static_cast<std::size_t>(begin / chunk_rows)];
    std::ranges::copy(columns, C->columns.data() + C->offsets[begin]);
    columns = {};
  });
  return C;
}

// sums[columns[k]] += a values[k]. Out of line, or the compiler runs out of registers in the hottest loop.
template <class T>
[[gnu::noinline]] void add_scaled(double a, const std::int32_t* columns, const T* values, std::int64_t size,
                                  double* sums) {
  for (std::int64_t k = 0; k < size; ++k) sums[columns[k]] += a * static_cast<double>(values[k]);
}

}  // namespace

CsrMatrix HostSpace::product(const Matrix& A, const Matrix& B) {
  CsrMatrix C = matrix(product_pattern(A, B, *this), A.dtype);
  product_values(A, B, C);
  return C;
}

void HostSpace::product_values(const Matrix& A, const Matrix& B, CsrMatrix& C) {
  const Pattern& pattern = *C.pattern();
  // One running sum per column; of these, only the columns of the row at hand are set and read.
  host::ScratchPool pool(
      [&] { return std::make_unique_for_overwrite<double[]>(static_cast<std::size_t>(B.cols)); });
  visit(A.dtype, [&]<class T>() {
    parallel_for(A.rows, chunk_rows, [&](std::int64_t begin, std::int64_t end) {
      const auto lease = pool.lease();
      double* const sums = lease->get();
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = pattern.offsets[i], last = pattern.offsets[i + 1];
        for (std::int64_t c = first; c < last; ++c) sums[pattern.columns[c]] = 0.0;
        for (std::int64_t a = A.offsets[i]; a < A.offsets[i + 1]; ++a) {
          const std::int64_t k = A.columns[a], b = B.offsets[k];
          add_scaled(static_cast<double>(A.as<T>()[a]), B.columns + b, B.as<T>() + b, B.offsets[k + 1] - b,
                     sums);
        }
        for (std::int64_t c = first; c < last; ++c) C.as<T>()[c] = static_cast<T>(sums[pattern.columns[c]]);
      }
    });
  });
}

}  // namespace amg
