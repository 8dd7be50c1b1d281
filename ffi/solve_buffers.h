#pragma once

#include <algorithm>
#include <limits>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include "buffers.h"
#include "solver_cache.h"

// The operands and results of jaxamg_solve, on any platform.

namespace amg {

inline SolveRequest solve_request(std::string_view config, std::string_view format, bool transposed,
                                  bool reuse_setup, const xffi::AnyBuffer& row_index,
                                  const xffi::AnyBuffer& col_index, const xffi::AnyBuffer& values,
                                  const xffi::AnyBuffer& b, const xffi::AnyBuffer& x) {
  SolveRequest request;
  request.config = std::string(config);
  request.b = vector(b);
  request.x = vector(x);
  request.A = input_matrix(format, row_index, col_index, values, request.b.rows);
  request.mode = transposed ? Mode::transposed : Mode::plain;
  request.reuse_setup = reuse_setup;
  if (request.b.dtype != request.A.dtype) throw Error("b: dtype differs from A's");
  return request;
}

// What a solve returns beside x; histories end in NaN.
struct Results {
  xffi::AnyBuffer iterations, status, reason, residual, history, times;
};

// store(to, bytes) copies from the host to where the result buffers lie.
template <class Store>
void store(const SolveOutcome& outcome, const Results& results, Store&& store_bytes) {
  const SolveInfo& info = outcome.info;
  const auto put = [&]<class T>(const xffi::AnyBuffer& to, const std::vector<T>& from) {
    store_bytes(to.untyped_data(), std::as_bytes(std::span(from)));
  };
  put(results.iterations, info.iterations);
  put(results.status, info.status);
  put(results.reason, info.reason);
  put(results.times, std::vector{static_cast<float>(outcome.setup_time), static_cast<float>(outcome.solve_time)});
  visit(dtype_of_buffer(results.residual), [&]<class T>() {
    put(results.residual, std::vector<T>(info.residual.begin(), info.residual.end()));
    const auto width = static_cast<std::size_t>(results.history.dimensions().back());
    std::vector<T> history(info.history.size() * width, std::numeric_limits<T>::quiet_NaN());
    for (std::size_t lane = 0; lane < info.history.size(); ++lane)
      std::ranges::transform(info.history[lane] | std::views::take(width),
                             history.begin() + static_cast<std::ptrdiff_t>(lane * width),
                             [](double r) { return static_cast<T>(r); });
    put(results.history, history);
  });
}

}  // namespace amg
