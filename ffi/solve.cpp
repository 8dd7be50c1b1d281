#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "buffers.h"
#include "core/arena.h"
#include "handlers.h"
#include "solver_cache.h"

namespace amg {

namespace {

using Result = xffi::Result<xffi::AnyBuffer>;

struct Results {
  xffi::AnyBuffer x, iterations, status, reason, residual, history, times;
};

// Lanes of `from` into a row of `to`, the rest NaN.
template <class T>
void write_history(const std::vector<std::vector<double>>& from, T* to, std::size_t width) {
  for (const std::vector<double>& lane : from) {
    std::fill(to, to + width, std::numeric_limits<T>::quiet_NaN());
    std::transform(lane.begin(), lane.begin() + static_cast<std::ptrdiff_t>(std::min(lane.size(), width)), to,
                   [](double r) { return static_cast<T>(r); });
    to += width;
  }
}

void run(const SolveRequest& request, const Results& results) {
  const SolveOutcome outcome = SolverCache::instance().solve(request);
  const SolveInfo& info = outcome.info;
  const std::size_t lanes = info.status.size();
  auto* status = results.status.typed_data<std::int32_t>();
  auto* reason = results.reason.typed_data<std::int32_t>();
  std::ranges::copy(info.iterations, results.iterations.typed_data<std::int32_t>());
  for (std::size_t l = 0; l < lanes; ++l) {
    status[l] = static_cast<std::int32_t>(info.status[l]);
    reason[l] = static_cast<std::int32_t>(info.reason[l]);
  }
  const auto width = static_cast<std::size_t>(results.history.dimensions().back());
  visit(request.b.dtype, [&]<class T>() {
    std::ranges::transform(info.residual, results.residual.typed_data<T>(),
                           [](double r) { return static_cast<T>(r); });
    write_history(info.history, results.history.typed_data<T>(), width);
  });
  auto* times = results.times.typed_data<float>();
  times[0] = static_cast<float>(outcome.setup_time);
  times[1] = static_cast<float>(outcome.solve_time);
}

// XLA runs handlers on a pool of its own, which a long solve must not hold up: it goes to the arena, and the
// handler returns. A solve of a few microseconds is not worth the way there.
constexpr std::int64_t inline_entries = 1 << 14;

xffi::Future solve(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer values,
                   xffi::AnyBuffer b, xffi::AnyBuffer x0, Result x, Result iterations, Result status,
                   Result reason, Result residual, Result history, Result times, std::string_view config,
                   std::string_view format, bool transposed, bool reuse_setup) {
  xffi::Promise promise;
  xffi::Future future(promise);
  SolveRequest request;
  const xffi::Error misuse = guarded([&] {
    request.config = std::string(config);
    request.b = vector(b);
    request.x = vector(*x);
    request.A = input_matrix(format, row_index, col_index, values, request.b.rows);
    request.mode = transposed ? Mode::transposed : Mode::plain;
    request.reuse_setup = reuse_setup;
    if (request.b.dtype != request.A.dtype) throw Error("b: dtype differs from A's");
  });
  if (misuse.failure()) {
    promise.SetError(misuse);
    return future;
  }
  const Results results{*x, *iterations, *status, *reason, *residual, *history, *times};
  auto task = [promise, request, results, x0]() mutable noexcept {
    const xffi::Error error = guarded([&] {
      const std::size_t bytes = static_cast<std::size_t>(request.x.size()) * size_of(request.x.dtype);
      if (count(x0) > 0)
        std::memcpy(request.x.data, x0.untyped_data(), bytes);
      else
        std::memset(request.x.data, 0, bytes);
      run(request, results);
    });
    if (error.failure())
      promise.SetError(error);
    else
      promise.SetAvailable();
  };
  if (request.A.stored <= inline_entries)
    task();
  else
    Arena::instance().submit(std::move(task));
  return future;
}

}  // namespace

}  // namespace amg

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_solve, amg::solve,
                              xla::ffi::Ffi::Bind()
                                  .Arg<xla::ffi::AnyBuffer>()   // row_index
                                  .Arg<xla::ffi::AnyBuffer>()   // col_index
                                  .Arg<xla::ffi::AnyBuffer>()   // values
                                  .Arg<xla::ffi::AnyBuffer>()   // b (n) or (n, lanes)
                                  .Arg<xla::ffi::AnyBuffer>()   // x0, like b or empty
                                  .Ret<xla::ffi::AnyBuffer>()   // x
                                  .Ret<xla::ffi::AnyBuffer>()   // iterations (lanes), int32
                                  .Ret<xla::ffi::AnyBuffer>()   // status (lanes), int32
                                  .Ret<xla::ffi::AnyBuffer>()   // reason (lanes), int32
                                  .Ret<xla::ffi::AnyBuffer>()   // residual (lanes)
                                  .Ret<xla::ffi::AnyBuffer>()   // history (lanes, max_iters + 1)
                                  .Ret<xla::ffi::AnyBuffer>()   // times (2), float32: setup, solve
                                  .Attr<std::string_view>("config")
                                  .Attr<std::string_view>("format")
                                  .Attr<bool>("transposed")
                                  .Attr<bool>("reuse_setup"));
