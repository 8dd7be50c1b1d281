#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/host/node_rows.h"
#include "core/matrix.h"

namespace amg::host {

// Rows of one chunk of a product with A: about 32 Ki entries, at most what a vector kernel takes. Depends on A
// alone, as bits depend on it through fused dots. No chunk ends inside a node.
inline std::int64_t product_rows(const Matrix& A) {
  constexpr std::int64_t chunk_entries = 1 << 15;
  const std::int64_t wanted = chunk_entries * A.rows / std::max<std::int64_t>(A.entries, 1);
  const std::int64_t rows = std::clamp<std::int64_t>(wanted, 64, 4096);
  return std::max<std::int64_t>(rows / A.block_dim, 1) * A.block_dim;
}

// for_row_sums for a matrix of nodes. Reads sizeof(T) bytes an entry, and 4 a block and row.
template <class T, class Finish>
void for_block_row_sums(const Matrix& A, const T* x, std::int32_t lanes, std::int64_t begin, std::int64_t end,
                        Finish&& finish) {
  const auto from = [x](std::int64_t) { return x; };
  with_block_dim(A.block_dim, [&]<int K>() {
    const std::int64_t k = A.block_dim;
    for (std::int64_t i = begin / k; i < end / k; ++i) {
      const BlockRow<T> row(A, i);
      for (std::int64_t c = 0; c < k; ++c)
        for (std::int32_t l = 0; l < lanes; ++l)
          finish(i * k + c, l, block_row_sum<K>(SerialTeam(), row, c, lanes, l, from));
    }
  });
}

// The sums of one row for the lanes [first, first + width): a width that the compiler knows keeps them in registers.
template <std::int32_t width, class T, class Finish>
void lane_sums(const Matrix& A, const T* x, std::int32_t lanes, std::int64_t i, std::int32_t first,
               Finish&& finish) {
  const T* values = A.as<T>();
  double sums[width] = {};
  for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k) {
    const T* row = x + static_cast<std::int64_t>(A.columns[k]) * lanes + first;
    const double value = static_cast<double>(values[k]);
    for (std::int32_t l = 0; l < width; ++l) sums[l] += value * static_cast<double>(row[l]);
  }
  for (std::int32_t l = 0; l < width; ++l) finish(i, first + l, sums[l]);
}

// Calls finish(i, l, Σ_j a_ij x_jl) for the rows [begin, end) and all lanes; sums run in double, in column
// order. Reads 4 + sizeof(T) bytes an entry and 8 a row, and x from cache where the pattern is local.
template <class T, class Finish>
void for_row_sums(const Matrix& A, const T* x, std::int32_t lanes, std::int64_t begin, std::int64_t end,
                  Finish&& finish) {
  if (A.block_dim > 1) return for_block_row_sums(A, x, lanes, begin, end, finish);
  const T* values = A.as<T>();
  if (lanes == 1) {
    for (std::int64_t i = begin; i < end; ++i) {
      double sum = 0.0;
      for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k)
        sum += static_cast<double>(values[k]) * static_cast<double>(x[A.columns[k]]);
      finish(i, 0, sum);
    }
    return;
  }
  // Each tile of lanes walks along the row, which all but the first find in cache.
  for (std::int64_t i = begin; i < end; ++i) {
    std::int32_t first = 0;
    for (; first + 8 <= lanes; first += 8) lane_sums<8>(A, x, lanes, i, first, finish);
    for (; first + 4 <= lanes; first += 4) lane_sums<4>(A, x, lanes, i, first, finish);
    for (; first < lanes; ++first) lane_sums<1>(A, x, lanes, i, first, finish);
  }
}

}  // namespace amg::host
