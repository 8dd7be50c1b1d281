#pragma once

#include <algorithm>
#include <limits>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include "buffers.h"
#include "failures.h"
#include "solver_cache.h"

// What the handlers do, on any device: python/jaxamg/_ffi.py says what operands and results mean.

namespace amg {

struct MatrixBuffers {
  xffi::AnyBuffer row_index, col_index, values;
  std::string_view format;

  // Matrices of one pattern: their values have an axis in front, and so have the vectors that go with them.
  bool is_batch() const { return values.dimensions().size() == (format == "dense" ? 3 : 2); }
  std::int64_t members() const { return is_batch() ? values.dimensions()[0] : 1; }

  // The matrix, or the first of a batch; and a vector that goes with it.
  InputMatrix matrix(std::int64_t rows) const {
    return input_matrix(format, row_index, col_index, values, rows, members());
  }
  Vector vector(const xffi::AnyBuffer& buffer) const { return amg::vector(buffer, is_batch()); }
};

// The null spaces of A, or four empty buffers. Those of a batch have an axis in front, or all its members share them;
// what components the rows have is the pattern's.
struct NullBuffers {
  xffi::AnyBuffer right, left, run_of_row, component_of_run;

  bool is_batch() const { return right.dimensions().size() == 3; }
  NullSpaces first() const {
    NullSpaces null;
    if (count(right) == 0) return null;
    null.right = right.untyped_data();
    null.left = left.untyped_data();
    null.right_count = vectors(right);
    null.left_count = vectors(left);
    null.run_of_row = integers(run_of_row);
    null.component_of_run = integers(component_of_run);
    return null;
  }

 private:
  static std::int32_t vectors(const xffi::AnyBuffer& basis) {  // (vectors, n)
    const auto dimensions = basis.dimensions();
    return static_cast<std::int32_t>(dimensions[dimensions.size() - 2]);
  }
  static std::span<const std::int32_t> integers(const xffi::AnyBuffer& buffer) {
    return {static_cast<const std::int32_t*>(buffer.untyped_data()), buffer.element_count()};
  }
};

// Of member k of a batch, from the first.
inline NullSpaces member(NullSpaces null, std::int64_t k, DType dtype) {
  const auto bytes = [&](std::int32_t vectors) {
    return static_cast<std::size_t>(k * vectors) * null.run_of_row.size() * size_of(dtype);
  };
  null.right = advanced(null.right, bytes(null.right_count));
  null.left = advanced(null.left, bytes(null.left_count));
  return null;
}

// Where a solve's results beside x go. Plain pointers: an AnyBuffer refers to XLA's call frame, which is reused as
// soon as a handler has returned, before an asynchronous solve has ended.
struct InfoPointers {
  InfoPointers(const xffi::AnyBuffer& iterations_buffer, const xffi::AnyBuffer& status_buffer,
               const xffi::AnyBuffer& reason_buffer, const xffi::AnyBuffer& residual_buffer,
               const xffi::AnyBuffer& inconsistency_buffer, const xffi::AnyBuffer& history_buffer,
               const xffi::AnyBuffer& times_buffer)
      : iterations(iterations_buffer.untyped_data()),
        status(status_buffer.untyped_data()),
        reason(reason_buffer.untyped_data()),
        residual(residual_buffer.untyped_data()),
        inconsistency(inconsistency_buffer.untyped_data()),
        history(history_buffer.untyped_data()),
        times(times_buffer.untyped_data()),
        dtype(dtype_of_buffer(residual_buffer)),
        history_width(static_cast<std::size_t>(history_buffer.dimensions().back())) {}

  // Of member k of a batch, from the first.
  InfoPointers member(std::int64_t k, std::int32_t lanes) const {
    const auto before = static_cast<std::size_t>(k) * static_cast<std::size_t>(lanes);
    InfoPointers to = *this;
    for (void** counts : {&to.iterations, &to.status, &to.reason})
      *counts = advanced(*counts, before * sizeof(std::int32_t));
    to.residual = advanced(residual, before * size_of(dtype));
    to.inconsistency = advanced(inconsistency, before * size_of(dtype));
    to.history = advanced(history, before * history_width * size_of(dtype));
    to.times = advanced(times, static_cast<std::size_t>(k) * 2 * sizeof(float));
    return to;
  }

  void* iterations;
  void* status;
  void* reason;
  void* residual;
  void* inconsistency;
  void* history;
  void* times;
  DType dtype;
  std::size_t history_width;
};

inline Reuse reuse_named(std::string_view name) {
  using enum Reuse;
  return name == "full" ? full : name == "keep" ? keep : name == "auto" ? automatic : refresh;
}

inline SolveRequest solve_request(const MatrixBuffers& A, const xffi::AnyBuffer& b, const xffi::AnyBuffer& x,
                                  std::string_view config, bool transposed, Reuse reuse, std::int64_t held) {
  SolveRequest request;
  request.config = std::string(config);
  request.b = A.vector(b);
  request.x = A.vector(x);
  request.A = A.matrix(request.b.rows);
  request.mode = transposed ? Mode::transposed : Mode::plain;
  request.reuse = reuse;
  request.held = held;
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
    put(to.inconsistency, std::vector<T>(info.inconsistency.begin(), info.inconsistency.end()));
    std::vector<T> history(info.history.size() * to.history_width, std::numeric_limits<T>::quiet_NaN());
    for (std::size_t lane = 0; lane < info.history.size(); ++lane)
      std::ranges::transform(info.history[lane] | std::views::take(to.history_width),
                             history.begin() + static_cast<std::ptrdiff_t>(lane * to.history_width),
                             [](double r) { return static_cast<T>(r); });
    put(to.history, history);
  });
}

// One call's systems, and what it does about those that are not solved. Members differ in values and vectors.
struct SolveCall {
  SolveRequest first;
  std::int64_t members = 1;
  bool null_is_batch = false;
  OnFailure on_failure = OnFailure::report;

  std::size_t bytes_of_x() const {
    return static_cast<std::size_t>(members * first.x.size()) * size_of(first.x.dtype);
  }
};

inline SolveCall solve_call(const MatrixBuffers& A, const xffi::AnyBuffer& b, const NullBuffers& null,
                            const xffi::AnyBuffer& near, const xffi::AnyBuffer& x, std::string_view config,
                            bool transposed, std::string_view reuse_setup, std::int64_t hierarchy,
                            double tolerance, std::string_view on_failure) {
  SolveCall call{solve_request(A, b, x, config, transposed, reuse_named(reuse_setup), hierarchy), A.members(),
                 null.is_batch(), named(on_failure)};
  call.first.demands.null = null.first();
  if (count(near) > 0) call.first.near_nullspace = vector(near);
  if (tolerance > 0) call.first.demands.tolerance = tolerance;
  call.first.demands.nan_unless_solved = call.on_failure == OnFailure::nan;
  return call;
}

// Each member refreshes the cached hierarchy of the one before it. A transposed call goes backwards, since it starts
// with the hierarchy of the last.
template <class Use>
void for_members(const SolveRequest& first, std::int64_t members, Use&& use) {
  for (std::int64_t i = 0; i < members; ++i) {
    const std::int64_t k = first.mode == Mode::plain ? i : members - 1 - i;
    SolveRequest request = first;
    request.A = member(first.A, k);
    request.b = member(first.b, k);
    request.x = member(first.x, k);
    use(k, request);
  }
}

template <class Store>
void solve_members(const Device& device, const SolveCall& call, const InfoPointers& info, Store&& store) {
  Failures failures;
  for_members(call.first, call.members, [&](std::int64_t k, SolveRequest request) {
    if (call.null_is_batch) request.demands.null = member(request.demands.null, k, request.b.dtype);
    const SolveOutcome outcome = SolverCache::instance().solve(device, request);
    store_info(outcome, info.member(k, request.b.lanes), store);
    failures.add(outcome.info, k * request.b.lanes);
  });
  failures.act(call.on_failure, call.first.mode);
}

// What is set up, by its number, and why no method takes the matrix; time in s, float32.
template <class Store>
void hold(const Device& device, const MatrixBuffers& A, std::int64_t rows, std::string_view config,
          void* number, void* reason, void* time, Store&& store) {
  SolveRequest request;
  request.config = std::string(config);
  request.A = A.matrix(rows);
  const SolverCache::Held held = SolverCache::instance().hold(device, request);
  const auto put = [&](void* where, auto value) { store(where, std::as_bytes(std::span(&value, 1))); };
  put(number, static_cast<std::int32_t>(held.number));
  put(reason, static_cast<std::int32_t>(held.fault));
  put(time, static_cast<float>(held.setup_time));
}

inline void apply(const Device& device, const MatrixBuffers& A, const xffi::AnyBuffer& b,
                  const xffi::AnyBuffer& x, std::string_view config, bool transposed) {
  const SolveRequest first = solve_request(A, b, x, config, transposed, Reuse::refresh, 0);
  for_members(first, A.members(), [&](std::int64_t, const SolveRequest& request) {
    SolverCache::instance().apply(device, request);
  });
}

inline void multiply(const Device& device, const MatrixBuffers& A, const xffi::AnyBuffer& x,
                     const xffi::AnyBuffer& y, bool transposed) {
  const Vector in = A.vector(x), out = A.vector(y);
  const InputMatrix matrix = A.matrix(in.rows);
  const Mode mode = transposed ? Mode::transposed : Mode::plain;
  for (std::int64_t k = 0; k < A.members(); ++k)
    SolverCache::instance().multiply(device, member(matrix, k), mode, member(in, k), member(out, k));
}

// A.values is where the result goes.
inline void outer(const Device& device, const MatrixBuffers& A, const xffi::AnyBuffer& u,
                  const xffi::AnyBuffer& v) {
  Workspace workspace(device.memory());
  const std::unique_ptr<Space> space = device.space(workspace);
  const Vector left = A.vector(u), right = A.vector(v);
  const InputMatrix matrix = A.matrix(left.rows);
  const std::size_t bytes = matrix.value_bytes();
  for (std::int64_t k = 0; k < A.members(); ++k)
    space->outer(matrix, member(left, k), member(right, k),
                 advanced(A.values.untyped_data(), static_cast<std::size_t>(k) * bytes));
}

// The operands of each operation, which all platforms share; a platform may put a context in front.
template <class Binding>
auto bind_solve(Binding&& binding) {
  return std::forward<Binding>(binding)
      .template Arg<xffi::AnyBuffer>()  // row_index
      .template Arg<xffi::AnyBuffer>()  // col_index
      .template Arg<xffi::AnyBuffer>()  // values; those of a batch have an axis in front, as all that follows
      .template Arg<xffi::AnyBuffer>()  // b (n) or (n, lanes)
      .template Arg<xffi::AnyBuffer>()  // x0, like b or empty
      .template Arg<xffi::AnyBuffer>()  // null vectors (vectors, n), or empty, as the three that follow
      .template Arg<xffi::AnyBuffer>()  // those of the transpose
      .template Arg<xffi::AnyBuffer>()  // the run of every row (n), int32
      .template Arg<xffi::AnyBuffer>()  // the component of every run, int32
      .template Arg<xffi::AnyBuffer>()  // near null vectors (n, vectors), which members share, or empty
      .template Ret<xffi::AnyBuffer>()  // x
      .template Ret<xffi::AnyBuffer>()  // iterations (lanes), int32
      .template Ret<xffi::AnyBuffer>()  // status (lanes), int32
      .template Ret<xffi::AnyBuffer>()  // reason (lanes), int32
      .template Ret<xffi::AnyBuffer>()  // residual (lanes)
      .template Ret<xffi::AnyBuffer>()  // inconsistency (lanes)
      .template Ret<xffi::AnyBuffer>()  // history (lanes, max_iters + 1)
      .template Ret<xffi::AnyBuffer>()  // times (2), float32: setup, solve
      .template Attr<std::string_view>("config")
      .template Attr<std::string_view>("format")
      .template Attr<bool>("transposed")
      .template Attr<std::string_view>("reuse_setup")
      .template Attr<std::int64_t>("hierarchy")  // that of jaxamg_setup to solve with, or 0
      .template Attr<double>("tolerance")        // 0: the configuration's
      .template Attr<std::string_view>("on_failure");
}

template <class Binding>
auto bind_setup(Binding&& binding) {
  return std::forward<Binding>(binding)
      .template Arg<xffi::AnyBuffer>()  // row_index
      .template Arg<xffi::AnyBuffer>()  // col_index
      .template Arg<xffi::AnyBuffer>()  // values
      .template Ret<xffi::AnyBuffer>()  // number, int32
      .template Ret<xffi::AnyBuffer>()  // reason, int32
      .template Ret<xffi::AnyBuffer>()  // time, float32
      .template Attr<std::string_view>("config")
      .template Attr<std::string_view>("format")
      .template Attr<std::int64_t>("n");
}

template <class Binding>
auto bind_apply(Binding&& binding) {
  return std::forward<Binding>(binding)
      .template Arg<xffi::AnyBuffer>()  // row_index
      .template Arg<xffi::AnyBuffer>()  // col_index
      .template Arg<xffi::AnyBuffer>()  // values
      .template Arg<xffi::AnyBuffer>()  // b (n) or (n, lanes)
      .template Ret<xffi::AnyBuffer>()  // x
      .template Attr<std::string_view>("config")
      .template Attr<std::string_view>("format")
      .template Attr<bool>("transposed");
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
