#pragma once

#include <algorithm>
#include <limits>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include "buffers.h"
#include "solver_cache.h"

// What the handlers do, on any device: python/jaxamg/_ffi.py says what operands and results mean.

namespace amg {

struct MatrixBuffers {
  xffi::AnyBuffer row_index, col_index, values;
  std::string_view format;

  InputMatrix matrix(std::int64_t rows) const {
    return input_matrix(format, row_index, col_index, values, rows);
  }
};

// Where a solve's results beside x go. Plain pointers: an AnyBuffer refers to XLA's call frame, which is reused as
// soon as a handler has returned, before an asynchronous solve has ended.
struct InfoPointers {
  InfoPointers(const xffi::AnyBuffer& iterations_buffer, const xffi::AnyBuffer& status_buffer,
               const xffi::AnyBuffer& reason_buffer, const xffi::AnyBuffer& residual_buffer,
               const xffi::AnyBuffer& history_buffer, const xffi::AnyBuffer& times_buffer)
      : iterations(iterations_buffer.untyped_data()),
        status(status_buffer.untyped_data()),
        reason(reason_buffer.untyped_data()),
        residual(residual_buffer.untyped_data()),
        history(history_buffer.untyped_data()),
        times(times_buffer.untyped_data()),
        dtype(dtype_of_buffer(residual_buffer)),
        history_width(static_cast<std::size_t>(history_buffer.dimensions().back())) {}

  void* iterations;
  void* status;
  void* reason;
  void* residual;
  void* history;
  void* times;
  DType dtype;
  std::size_t history_width;
};

inline SolveRequest solve_request(const MatrixBuffers& A, const xffi::AnyBuffer& b, const xffi::AnyBuffer& x,
                                  std::string_view config, bool transposed, bool reuse_setup) {
  SolveRequest request;
  request.config = std::string(config);
  request.b = vector(b);
  request.x = vector(x);
  request.A = A.matrix(request.b.rows);
  request.mode = transposed ? Mode::transposed : Mode::plain;
  request.reuse_setup = reuse_setup;
  if (request.b.dtype != request.A.dtype) throw Error("b: dtype differs from A's");
  return request;
}

// store(to, bytes) copies from the host to where the results lie. Histories end in NaN.
template <class Store>
void store_info(const SolveOutcome& outcome, const InfoPointers& to, Store&& store) {
  const SolveInfo& info = outcome.info;
  const auto put = [&]<class T>(void* where, const std::vector<T>& from) {
    store(where, std::as_bytes(std::span(from)));
  };
  put(to.iterations, info.iterations);
  put(to.status, info.status);
  put(to.reason, info.reason);
  put(to.times, std::vector{static_cast<float>(outcome.setup_time), static_cast<float>(outcome.solve_time)});
  visit(to.dtype, [&]<class T>() {
    put(to.residual, std::vector<T>(info.residual.begin(), info.residual.end()));
    std::vector<T> history(info.history.size() * to.history_width, std::numeric_limits<T>::quiet_NaN());
    for (std::size_t lane = 0; lane < info.history.size(); ++lane)
      std::ranges::transform(info.history[lane] | std::views::take(to.history_width),
                             history.begin() + static_cast<std::ptrdiff_t>(lane * to.history_width),
                             [](double r) { return static_cast<T>(r); });
    put(to.history, history);
  });
}

inline void multiply(const Device& device, const MatrixBuffers& A, const xffi::AnyBuffer& x,
                     const xffi::AnyBuffer& y, bool transposed) {
  const Vector in = vector(x);
  SolverCache::instance().multiply(device, A.matrix(in.rows), transposed ? Mode::transposed : Mode::plain, in,
                                   vector(y));
}

// A.values is where the result goes.
inline void outer(const Device& device, const MatrixBuffers& A, const xffi::AnyBuffer& u,
                  const xffi::AnyBuffer& v) {
  Workspace workspace(device.memory());
  const Vector left = vector(u);
  device.space(workspace)->outer(A.matrix(left.rows), left, vector(v), A.values.untyped_data());
}

// The operands of each operation, which all platforms share; a platform may put a context in front.
template <class Binding>
auto bind_solve(Binding&& binding) {
  return std::forward<Binding>(binding)
      .template Arg<xffi::AnyBuffer>()  // row_index
      .template Arg<xffi::AnyBuffer>()  // col_index
      .template Arg<xffi::AnyBuffer>()  // values
      .template Arg<xffi::AnyBuffer>()  // b (n) or (n, lanes)
      .template Arg<xffi::AnyBuffer>()  // x0, like b or empty
      .template Ret<xffi::AnyBuffer>()  // x
      .template Ret<xffi::AnyBuffer>()  // iterations (lanes), int32
      .template Ret<xffi::AnyBuffer>()  // status (lanes), int32
      .template Ret<xffi::AnyBuffer>()  // reason (lanes), int32
      .template Ret<xffi::AnyBuffer>()  // residual (lanes)
      .template Ret<xffi::AnyBuffer>()  // history (lanes, max_iters + 1)
      .template Ret<xffi::AnyBuffer>()  // times (2), float32: setup, solve
      .template Attr<std::string_view>("config")
      .template Attr<std::string_view>("format")
      .template Attr<bool>("transposed")
      .template Attr<bool>("reuse_setup");
}

template <class Binding>
auto bind_multiply(Binding&& binding) {
  return std::forward<Binding>(binding)
      .template Arg<xffi::AnyBuffer>()  // row_index
      .template Arg<xffi::AnyBuffer>()  // col_index
      .template Arg<xffi::AnyBuffer>()  // values
      .template Arg<xffi::AnyBuffer>()  // x (n) or (n, lanes)
      .template Ret<xffi::AnyBuffer>()  // y
      .template Attr<std::string_view>("format")
      .template Attr<bool>("transposed");
}

template <class Binding>
auto bind_outer(Binding&& binding) {
  return std::forward<Binding>(binding)
      .template Arg<xffi::AnyBuffer>()  // row_index
      .template Arg<xffi::AnyBuffer>()  // col_index
      .template Arg<xffi::AnyBuffer>()  // u (n) or (n, lanes)
      .template Arg<xffi::AnyBuffer>()  // v, like u
      .template Ret<xffi::AnyBuffer>()  // one value for each stored entry
      .template Attr<std::string_view>("format");
}

}  // namespace amg
