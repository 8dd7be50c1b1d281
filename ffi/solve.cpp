#include <cstring>
#include <string>

#include "backends/host/host_space.h"
#include "core/arena.h"
#include "handlers.h"
#include "solve_buffers.h"

namespace amg {

namespace {

using Result = xffi::Result<xffi::AnyBuffer>;

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
    request = solve_request(config, format, transposed, reuse_setup, row_index, col_index, values, b, *x);
  });
  if (misuse.failure()) {
    promise.SetError(misuse);
    return future;
  }
  const Results results{*iterations, *status, *reason, *residual, *history, *times};
  auto task = [promise, request, results, x0]() mutable noexcept {
    const xffi::Error error = guarded([&] {
      const std::size_t bytes = static_cast<std::size_t>(request.x.size()) * size_of(request.x.dtype);
      if (count(x0) > 0)
        std::memcpy(request.x.data, x0.untyped_data(), bytes);
      else
        std::memset(request.x.data, 0, bytes);
      store(SolverCache::instance().solve(HostDevice(), request), results,
            [](void* to, std::span<const std::byte> from) { std::memcpy(to, from.data(), from.size()); });
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
