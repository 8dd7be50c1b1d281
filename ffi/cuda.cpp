#include <cuda_runtime.h>

#include "backends/cuda/check.h"
#include "backends/cuda/cuda_space.h"
#include "core/arena.h"
#include "handlers.h"
#include "operations.h"

// On a GPU everything is read and written where XLA has it, on XLA's stream. The handler returns when the solve is
// done: a solve reads its residual every iteration anyway.

namespace amg {

namespace {

using Result = xffi::Result<xffi::AnyBuffer>;

// A call that lacks memory gets what the cache holds, and one more try. What the call leaves behind is freed in the
// order of XLA's stream.
template <class Body>
xffi::Error with_memory(cudaStream_t stream, Body&& body) {
  return guarded([&] {
    const cuda::StreamScope scope(stream);
    try {
      body();
    } catch (const std::bad_alloc&) {
      SolverCache::instance().release_memory();
      cuda::check(cudaStreamSynchronize(stream), "wait for the stream");  // only then the pool has it to give
      cuda::trim_device_memory();
      body();
    }
  });
}

xffi::Error solve(cudaStream_t stream, xffi::AnyBuffer row_index, xffi::AnyBuffer col_index,
                  xffi::AnyBuffer values, xffi::AnyBuffer b, xffi::AnyBuffer x0, xffi::AnyBuffer right,
                  xffi::AnyBuffer left, xffi::AnyBuffer run_of_row, xffi::AnyBuffer component_of_run,
                  xffi::AnyBuffer near, Result x, Result iterations, Result status, Result reason,
                  Result residual, Result inconsistency, Result history, Result times,
                  std::string_view config, std::string_view format, bool transposed,
                  std::string_view reuse_setup, std::int64_t hierarchy, double tolerance,
                  std::string_view on_failure) {
  return with_memory(stream, [&] {
    const SolveCall call =
        solve_call({row_index, col_index, values, format}, b, {right, left, run_of_row, component_of_run},
                   near, *x, config, transposed, reuse_setup, hierarchy, tolerance, on_failure);
    void* const start = call.first.x.data;
    cuda::check(count(x0) > 0 ? cudaMemcpyAsync(start, x0.untyped_data(), call.bytes_of_x(),
                                                cudaMemcpyDeviceToDevice, stream)
                              : cudaMemsetAsync(start, 0, call.bytes_of_x(), stream),
                "initial guess");
    solve_members(CudaDevice(stream), call,
                  InfoPointers(*iterations, *status, *reason, *residual, *inconsistency, *history, *times),
                  [&](void* to, std::span<const std::byte> from) {
                    cuda::check(cudaMemcpyAsync(to, from.data(), from.size(), cudaMemcpyHostToDevice, stream),
                                "results");
                  });
    cuda::check(cudaStreamSynchronize(stream), "wait for the stream");
  });
}

xffi::Error setup_on_gpu(cudaStream_t stream, xffi::AnyBuffer row_index, xffi::AnyBuffer col_index,
                         xffi::AnyBuffer values, Result number, Result reason, Result time,
                         std::string_view config, std::string_view format, std::int64_t n) {
  return with_memory(stream, [&] {
    hold(CudaDevice(stream), {row_index, col_index, values, format}, n, config, number->untyped_data(),
         reason->untyped_data(), time->untyped_data(), [&](void* to, std::span<const std::byte> from) {
           cuda::check(cudaMemcpyAsync(to, from.data(), from.size(), cudaMemcpyHostToDevice, stream),
                       "results");
         });
    cuda::check(cudaStreamSynchronize(stream), "wait for the stream");
  });
}

xffi::Error apply_on_gpu(cudaStream_t stream, xffi::AnyBuffer row_index, xffi::AnyBuffer col_index,
                         xffi::AnyBuffer values, xffi::AnyBuffer b, Result x, std::string_view config,
                         std::string_view format, bool transposed) {
  return with_memory(stream, [&] {
    apply(CudaDevice(stream), {row_index, col_index, values, format}, b, *x, config, transposed);
  });
}

xffi::Error multiply_on_gpu(cudaStream_t stream, xffi::AnyBuffer row_index, xffi::AnyBuffer col_index,
                            xffi::AnyBuffer values, xffi::AnyBuffer x, Result y, std::string_view format,
                            bool transposed) {
  return with_memory(stream, [&] {
    multiply(CudaDevice(stream), {row_index, col_index, values, format}, x, *y, transposed);
  });
}

xffi::Error outer_on_gpu(cudaStream_t stream, xffi::AnyBuffer row_index, xffi::AnyBuffer col_index,
                         xffi::AnyBuffer u, xffi::AnyBuffer v, Result out, std::string_view format) {
  return with_memory(stream, [&] { outer(CudaDevice(stream), {row_index, col_index, *out, format}, u, v); });
}

auto bind() { return xla::ffi::Ffi::Bind().Ctx<xla::ffi::PlatformStream<cudaStream_t>>(); }

}  // namespace

std::unique_ptr<Device> cuda_device(int ordinal) {
  cuda::check(cudaSetDevice(ordinal), "choose the device");
  return std::make_unique<CudaDevice>(cudaStreamPerThread);
}

SolverReport report_on_gpu(SolveRequest request) {
  const cudaStream_t stream = cudaStreamPerThread;
  const cuda::StreamScope scope(stream);
  const auto uploaded = [&](const void* from, std::size_t bytes) {
    Buffer copy(cuda::device_memory(), bytes);
    cuda::check(cudaMemcpyAsync(copy.data(), from, bytes, cudaMemcpyHostToDevice, stream), "copy to the GPU");
    return copy;
  };
  InputMatrix& A = request.A;
  const Buffer row_index = uploaded(A.row_index.data, A.row_index.bytes());
  const Buffer col_index = uploaded(A.col_index.data, A.col_index.bytes());
  const Buffer values = uploaded(A.values, A.value_bytes());
  A.row_index.data = row_index.data();
  A.col_index.data = col_index.data();
  A.values = values.data();
  Buffer near;
  if (ConstVector& vectors = request.near_nullspace; vectors.rows > 0) {
    near = uploaded(vectors.data,
                    static_cast<std::size_t>(vectors.rows * vectors.lanes) * size_of(vectors.dtype));
    vectors.data = near.data();
  }
  return SolverCache::instance().report(CudaDevice(stream), request);
}

}  // namespace amg

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_solve_cuda, amg::solve, amg::bind_solve(amg::bind()));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_setup_cuda, amg::setup_on_gpu, amg::bind_setup(amg::bind()));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_apply_cuda, amg::apply_on_gpu, amg::bind_apply(amg::bind()));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_multiply_cuda, amg::multiply_on_gpu, amg::bind_multiply(amg::bind()));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_outer_cuda, amg::outer_on_gpu, amg::bind_outer(amg::bind()));
