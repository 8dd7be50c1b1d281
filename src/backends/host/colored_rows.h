#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "backends/host/node_rows.h"
#include "backends/host/products.h"
#include "core/arena.h"

namespace amg::host {

// Calls finish(i, l, Σ_j a_ij x_jl) for the rows i of a list and all lanes, the sum over the entries with
// takes(j); finish may write to row i of x. Sums run in double, in column order.
template <class T, class Takes, class Finish>
void for_listed_sums(const Matrix& A, std::span<const std::int32_t> rows, const T* x, std::int32_t lanes,
                     const Takes& takes, const Finish& finish) {
  const T* values = A.as<T>();
  constexpr std::int32_t tile = 8;
  parallel_for(static_cast<std::int64_t>(rows.size()), product_rows(A),
               [&](std::int64_t begin, std::int64_t end) {
                 for (const std::int32_t i :
                      rows.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)))
                   if (lanes == 1) {
                     double sum = 0.0;
                     for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k)
                       if (takes(A.columns[k]))
                         sum += static_cast<double>(values[k]) * static_cast<double>(x[A.columns[k]]);
                     finish(i, 0, sum);
                   } else {
                     for (std::int32_t first = 0; first < lanes; first += tile) {
                       const std::int32_t width = std::min(tile, lanes - first);
                       double sums[tile] = {};
                       for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k) {
                         if (!takes(A.columns[k])) continue;
                         const T* row = x + static_cast<std::int64_t>(A.columns[k]) * lanes + first;
                         for (std::int32_t l = 0; l < width; ++l)
                           sums[l] += static_cast<double>(values[k]) * static_cast<double>(row[l]);
                       }
                       for (std::int32_t l = 0; l < width; ++l) finish(i, first + l, sums[l]);
                     }
                   }
               });
}

// node_step for the nodes of a list.
template <class T, class From, class Rhs, class Write>
void for_listed_steps(const Matrix& A, std::span<const std::int32_t> list, const BlockDiagonal& inverse,
                      std::int32_t lanes, const From& from, const Rhs& rhs, const Write& write) {
  parallel_for(static_cast<std::int64_t>(list.size()), product_rows(A) / A.block_dim,
               [&](std::int64_t begin, std::int64_t end) {
                 const auto node = [list](std::int64_t n) { return list[static_cast<std::size_t>(n)]; };
                 for_node_steps<T>(A, inverse, lanes, begin, end, node, from, rhs, write);
               });
}

// Calls f(i) for the rows i of a list.
template <class F>
void for_listed_rows(std::span<const std::int32_t> rows, std::int64_t grain, const F& f) {
  parallel_for(static_cast<std::int64_t>(rows.size()), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) f(rows[static_cast<std::size_t>(r)]);
  });
}

}  // namespace amg::host
