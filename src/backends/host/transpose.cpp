// Aᵀ of a pattern by counting: every chunk of rows counts its entries per column, the counts become the
// places where a chunk's entries of a column begin, and the chunks fill in their entries. Rows of Aᵀ come out
// sorted, and the same whatever the chunks are, as these are in row order.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg {
namespace {

// First row of each of `chunks` chunks with about the same number of entries, and the end.
std::vector<std::int64_t> split_rows(const Pattern& A, std::int64_t chunks) {
  std::vector<std::int64_t> bounds{0};
  const std::int64_t* const offsets = A.offsets.data();
  for (std::int64_t c = 1; c < chunks; ++c)
    bounds.push_back(std::lower_bound(offsets, offsets + A.rows, A.entries() / chunks * c) - offsets);
  bounds.push_back(A.rows);
  return bounds;
}

// Turns the number of entries that a chunk (row of `places`) has in a column into the place of the first of
// them in Aᵀ, and writes where each column begins.
void scan_counts(std::vector<Array<std::int64_t>>& places, std::int64_t cols, std::int64_t* offsets) {
  constexpr std::int64_t grain = 4096;
  std::vector<std::int64_t> first(static_cast<std::size_t>((cols + grain - 1) / grain));
  parallel_for(cols, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t& sum = first[static_cast<std::size_t>(begin / grain)];
    for (const auto& counts : places)
      for (std::int64_t j = begin; j < end; ++j) sum += counts[j];
  });
  std::int64_t entries = 0;
  for (std::int64_t& sum : first) sum = std::exchange(entries, entries + sum);
  parallel_for(cols, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t place = first[static_cast<std::size_t>(begin / grain)];
    for (std::int64_t j = begin; j < end; ++j) {
      offsets[j] = place;
      for (auto& counts : places) counts[j] = std::exchange(place, place + counts[j]);
    }
  });
  offsets[cols] = entries;
}

}  // namespace

TransposedPattern HostSpace::transpose(const Pattern& A) {
  // A chunk costs 8 bytes a column, so there are no more of them than can run at a time.
  const std::int64_t chunks = std::min(Arena::instance().threads(), 16);
  const auto bounds = split_rows(A, chunks);
  std::vector<Array<std::int64_t>> places(static_cast<std::size_t>(chunks));
  parallel_for(chunks, 1, [&](std::int64_t c, std::int64_t) {
    auto& counts = places[static_cast<std::size_t>(c)];
    counts = array<std::int64_t>(A.cols);
    std::ranges::fill(counts.span(), 0);
    for (std::int64_t k = A.offsets[bounds[c]]; k < A.offsets[bounds[c + 1]]; ++k) ++counts[A.columns[k]];
  });

  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.cols;
  pattern->cols = A.rows;
  pattern->offsets = array<std::int64_t>(A.cols + 1);
  pattern->columns = array<std::int32_t>(A.entries());
  auto source = array<std::int64_t>(A.entries());
  scan_counts(places, A.cols, pattern->offsets.data());

  parallel_for(chunks, 1, [&](std::int64_t c, std::int64_t) {
    const auto& next = places[static_cast<std::size_t>(c)];
    for (std::int64_t i = bounds[c]; i < bounds[c + 1]; ++i)
      for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k) {
        const std::int64_t place = next[A.columns[k]]++;
        pattern->columns[place] = static_cast<std::int32_t>(i);
        source[place] = k;
      }
  });
  pattern->block_dim = A.block_dim;
  if (A.nodes) pattern->nodes = transpose(*A.nodes).pattern;
  return {std::move(pattern), std::move(source)};
}

}  // namespace amg
