#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/arena.h"
#include "core/space.h"

namespace amg::host {

// The sums of some lanes, in registers.
template <std::int32_t width, class T>
void add_lane_dots(const T* w, const T* y, std::int64_t begin, std::int64_t end, std::int32_t lanes,
                   double* sums) {
  double running[width] = {};
  for (std::int64_t i = begin; i < end; ++i)
    for (std::int32_t l = 0; l < width; ++l)
      running[l] += static_cast<double>(w[i * lanes + l]) * static_cast<double>(y[i * lanes + l]);
  for (std::int32_t l = 0; l < width; ++l) sums[l] += running[l];
}

// Σ w[i] y[i] over one block, lane by lane, added to sums. Eight running sums let the compiler vectorise in a
// fixed order.
template <class T>
void add_dot(const T* w, const T* y, std::int64_t begin, std::int64_t end, std::int32_t lanes, double* sums) {
  if (lanes > 1) {
    std::int32_t first = 0;
    for (; first + 8 <= lanes; first += 8)
      add_lane_dots<8>(w + first, y + first, begin, end, lanes, sums + first);
    for (; first < lanes; ++first) add_lane_dots<1>(w + first, y + first, begin, end, lanes, sums + first);
    return;
  }
  constexpr std::int64_t width = 8;
  double running[width] = {};
  std::int64_t i = begin;
  for (; i + width <= end; i += width)
    for (std::int64_t k = 0; k < width; ++k)
      running[k] += static_cast<double>(w[i + k]) * static_cast<double>(y[i + k]);
  for (; i < end; ++i) running[0] += static_cast<double>(w[i]) * static_cast<double>(y[i]);
  for (double sum : running) sums[0] += sum;
}

// Runs body(begin, end) on fixed blocks of rows, with y complete on a block when body returns, and forms the
// dots while the block is in cache. Blocks are added in order: the same bits at any number of threads.
template <class T, class Body>
void for_blocks_with_dots(std::int64_t rows, std::int64_t rows_per_block, std::int32_t lanes, const T* y,
                          Dots dots, std::vector<double>& partials, Body&& body) {
  if (dots.size() == 0) {
    parallel_for(rows, rows_per_block, body);
    return;
  }
  const auto width = dots.size() * static_cast<std::size_t>(lanes);
  const auto blocks = static_cast<std::size_t>((rows + rows_per_block - 1) / rows_per_block);
  partials.assign(blocks * width, 0.0);
  parallel_for(rows, rows_per_block, [&](std::int64_t begin, std::int64_t end) {
    body(begin, end);
    double* sums = partials.data() + static_cast<std::size_t>(begin / rows_per_block) * width;
    for (const Dot& dot : dots) {
      add_dot(dot.w.as<T>(), y, begin, end, lanes, sums);
      sums += lanes;
    }
  });
  std::size_t column = 0;
  for (const Dot& dot : dots)
    for (std::int32_t l = 0; l < lanes; ++l, ++column) {
      double sum = 0.0;
      for (std::size_t block = 0; block < blocks; ++block) sum += partials[block * width + column];
      dot.out.data[l] = sum;
    }
}

}  // namespace amg::host
