#include <cstring>

#include "backends/host/host_space.h"
#include "core/arena.h"
#include "handlers.h"
#include "operations.h"

namespace amg {

namespace {

using Result = xffi::Result<xffi::AnyBuffer>;

// x = x0, or 0 without one
void start_from(const void* x0, const SolveCall& call) {
  void* const x = call.first.x.data;
  x0 ? void(std::memcpy(x, x0, call.bytes_of_x())) : void(std::memset(x, 0, call.bytes_of_x()));
}

// XLA runs handlers on a pool of its own, which a long solve must not hold up: it goes to the arena, and the
// handler returns. A solve of a few microseconds is not worth the way there.
constexpr std::int64_t inline_entries = 1 << 14;

xffi::Future solve(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer values,
                   xffi::AnyBuffer b, xffi::AnyBuffer x0, xffi::AnyBuffer right, xffi::AnyBuffer left,
                   xffi::AnyBuffer run_of_row, xffi::AnyBuffer component_of_run, xffi::AnyBuffer near,
                   Result x, Result iterations, Result status, Result reason, Result residual,
                   Result inconsistency, Result history, Result times, std::string_view config,
                   std::string_view format, bool transposed, std::string_view reuse_setup,
                   std::int64_t hierarchy, double tolerance, std::string_view on_failure) {
  xffi::Promise promise;
  xffi::Future future(promise);
  SolveCall call;
  const xffi::Error misuse = guarded([&] {
    call = solve_call({row_index, col_index, values, format}, b, {right, left, run_of_row, component_of_run},
                      near, *x, config, transposed, reuse_setup, hierarchy, tolerance, on_failure);
  });
  if (misuse.failure()) {
    promise.SetError(misuse);
    return future;
  }
  const InfoPointers info(*iterations, *status, *reason, *residual, *inconsistency, *history, *times);
  const void* guess = count(x0) > 0 ? x0.untyped_data() : nullptr;
  auto task = [promise, call, info, guess]() mutable noexcept {
    const xffi::Error error = guarded([&] {
      start_from(guess, call);
      solve_members(HostDevice(), call, info, [](void* to, std::span<const std::byte> from) {
        std::memcpy(to, from.data(), from.size());
      });
    });
    if (error.failure())
      promise.SetError(error);
    else
      promise.SetAvailable();
  };
  if (call.members * call.first.A.stored <= inline_entries)
    task();
  else
    Arena::instance().submit(std::move(task));
  return future;
}

xffi::Error setup_on_cpu(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer values,
                         Result number, Result reason, Result time, std::string_view config,
                         std::string_view format, std::int64_t n) {
  return guarded([&] {
    hold(HostDevice(), {row_index, col_index, values, format}, n, config, number->untyped_data(),
         reason->untyped_data(), time->untyped_data(),
         [](void* to, std::span<const std::byte> from) { std::memcpy(to, from.data(), from.size()); });
  });
}

xffi::Error apply_on_cpu(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer values,
                         xffi::AnyBuffer b, Result x, std::string_view config, std::string_view format,
                         bool transposed) {
  return guarded(
      [&] { apply(HostDevice(), {row_index, col_index, values, format}, b, *x, config, transposed); });
}

xffi::Error multiply_on_cpu(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer values,
                            xffi::AnyBuffer x, Result y, std::string_view format, bool transposed) {
  return guarded([&] { multiply(HostDevice(), {row_index, col_index, values, format}, x, *y, transposed); });
}

xffi::Error outer_on_cpu(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer u,
                         xffi::AnyBuffer v, Result out, std::string_view format) {
  return guarded([&] { outer(HostDevice(), {row_index, col_index, *out, format}, u, v); });
}

}  // namespace

}  // namespace amg

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_solve, amg::solve, amg::bind_solve(xla::ffi::Ffi::Bind()));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_setup, amg::setup_on_cpu, amg::bind_setup(xla::ffi::Ffi::Bind()));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_apply, amg::apply_on_cpu, amg::bind_apply(xla::ffi::Ffi::Bind()));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_multiply, amg::multiply_on_cpu,
                              amg::bind_multiply(xla::ffi::Ffi::Bind()));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_outer, amg::outer_on_cpu, amg::bind_outer(xla::ffi::Ffi::Bind()));
