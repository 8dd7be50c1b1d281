#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/host/host_space.h"
#include "backends/host/row_offsets.h"
#include "backends/host/scratch_pool.h"
#include "core/arena.h"
#include "setup/classical/direct_row.h"
#include "setup/serial_team.h"

namespace amg::host {

// Coarse points are numbered in the order of their rows.
inline std::int64_t number_of_coarse(std::span<const std::int32_t> coarse) {
  for (auto i = coarse.size(); i-- > 0;)
    if (coarse[i] >= 0) return coarse[i] + 1;
  return 0;
}

// The row of every coarse point.
inline Array<std::int32_t> rows_of_coarse(Space& space, std::span<const std::int32_t> coarse) {
  auto row_of = space.array<std::int32_t>(number_of_coarse(coarse));
  parallel_for(std::ssize(coarse), block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      if (const std::int32_t c = coarse[i]; c >= 0) row_of[c] = static_cast<std::int32_t>(i);
  });
  return row_of;
}

inline std::int64_t longest_row(const std::int64_t* offsets, std::int64_t rows) {
  const auto in_chunk = [&](std::int64_t begin, std::int64_t end) {
    std::int64_t longest = 0;
    for (std::int64_t i = begin; i < end; ++i) longest = std::max(longest, offsets[i + 1] - offsets[i]);
    return longest;
  };
  return parallel_reduce(rows, block_rows, std::int64_t{0}, in_chunk,
                         [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
}

// The pattern of direct interpolation from what `from` says.
template <class From>
std::shared_ptr<const Pattern> direct_pattern(Space& space, const From& from, std::int64_t cols) {
  const Matrix& A = from.A;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = cols;
  pattern->offsets = space.array<std::int64_t>(A.rows + 1);
  std::int64_t* offsets = pattern->offsets.data();
  parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      offsets[i] = from.keeps(i) ? 1 : 0;
      if (from.keeps(i)) continue;
      for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) offsets[i] += from.takes(i, e) ? 1 : 0;
    }
  });
  pattern->columns = space.array<std::int32_t>(lengths_to_offsets(offsets, A.rows));
  parallel_for(A.rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::int32_t* out = pattern->columns.data() + offsets[i];
      if (from.keeps(i)) {
        *out = from.column(i);
        continue;
      }
      for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e)
        if (from.takes(i, e)) *out++ = from.column(A.columns[e]);
    }
  });
  return pattern;
}

template <class From>
void direct_values(const From& from, CsrMatrix& P) {
  const std::int64_t* offsets = P.pattern()->offsets.data();
  visit(P.dtype(), [&]<class T>() {
    parallel_for(P.rows(), setup_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        T* w = P.as<T>() + offsets[i];
        if (from.keeps(i))
          *w = 1;
        else
          direct_row(SerialTeam(), from, i, w);
      }
    });
  });
}

// A pattern whose row i is what collect(i, add) adds, in any order and some of it more than once. One sweep: the
// length of a row is known only when its columns are, so each chunk keeps what it found until all lengths are there.
template <class Collect>
std::shared_ptr<const Pattern> collect_pattern(Space& space, std::int64_t rows, std::int64_t cols,
                                               const Collect& collect) {
  using Marker = std::vector<std::int32_t>;  // the last row that met this column
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = rows;
  pattern->cols = cols;
  pattern->offsets = space.array<std::int64_t>(rows + 1);
  std::int64_t* offsets = pattern->offsets.data();

  ScratchPool markers([&] { return Marker(static_cast<std::size_t>(cols), -1); });
  std::vector<std::vector<std::int32_t>> found(
      static_cast<std::size_t>((rows + setup_rows - 1) / setup_rows));
  parallel_for(rows, setup_rows, [&](std::int64_t begin, std::int64_t end) {
    const auto marker = markers.lease();
    std::int32_t* met = marker->data();
    auto& columns = found[begin / setup_rows];
    for (std::int64_t i = begin; i < end; ++i) {
      const auto first = static_cast<std::ptrdiff_t>(columns.size());
      collect(i, [&](std::int32_t column) {
        if (met[column] == i) return;
        met[column] = static_cast<std::int32_t>(i);
        columns.push_back(column);
      });
      std::sort(columns.begin() + first, columns.end());
      offsets[i] = static_cast<std::int64_t>(columns.size()) - first;
    }
  });

  pattern->columns = space.array<std::int32_t>(lengths_to_offsets(offsets, rows));
  parallel_for(rows, setup_rows, [&](std::int64_t begin, std::int64_t) {
    const auto& columns = found[begin / setup_rows];
    std::copy(columns.begin(), columns.end(), pattern->columns.data() + offsets[begin]);
  });
  return pattern;
}

}  // namespace amg::host
