#pragma once

#include <cstdint>
#include <span>

#include "backends/cuda/warp_team.cuh"
#include "core/matrix.h"

namespace amg::cuda {

// Calls finish(i, l, Σ_j a_ij x_jl) for the rows i of a list and all lanes, the sum over the entries with
// takes(j); finish may write to row i of x, where no other row of the list looks. A team to a row, or with
// several lanes a thread to a row and lane. Sums run in double in an order that depends on the matrix alone.
template <class T, class Takes, class Finish>
void for_listed_sums(cudaStream_t stream, const Matrix& A, std::span<const std::int32_t> list, const T* x,
                     std::int64_t lanes, const char* name, Takes takes, Finish finish) {
  const auto rows = static_cast<std::int64_t>(list.size());
  const std::int32_t* const row = list.data();
  const T* const values = A.as<T>();
  if (lanes == 1) {
    for_each_row(stream, rows, A.entries / (A.rows > 0 ? A.rows : 1) * rows, name,
                 [=] __device__(auto team, std::int64_t r) {
                   const std::int64_t i = row[r];
                   double sum = 0.0;
                   team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
                     const std::int32_t j = A.columns[e];
                     if (takes(j)) sum += static_cast<double>(values[e]) * static_cast<double>(x[j]);
                   });
                   sum = team.sum(sum);
                   if (team.leads()) finish(i, 0, sum);
                 });
  } else {
    for_each(stream, rows * lanes, name, [=] __device__(std::int64_t at) {
      const std::int64_t i = row[at / lanes];
      const std::int64_t lane = at % lanes;
      double sum = 0.0;
      for (std::int64_t e = A.offsets[i]; e < A.offsets[i + 1]; ++e) {
        const std::int32_t j = A.columns[e];
        if (takes(j)) sum += static_cast<double>(values[e]) * static_cast<double>(x[j * lanes + lane]);
      }
      finish(i, lane, sum);
    });
  }
}

// Calls f(team, i), a __device__ lambda, for the rows i of a list; A says how wide a team is.
template <class F>
void for_listed_rows(cudaStream_t stream, const Matrix& A, std::span<const std::int32_t> list,
                     const char* name, F f) {
  const auto rows = static_cast<std::int64_t>(list.size());
  const std::int32_t* const row = list.data();
  for_each_row(stream, rows, A.entries / (A.rows > 0 ? A.rows : 1) * rows, name,
               [=] __device__(auto team, std::int64_t r) { f(team, static_cast<std::int64_t>(row[r])); });
}

}  // namespace amg::cuda
