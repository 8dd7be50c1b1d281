#pragma once

#include <memory>

#include "core/device.h"
#include "solver_cache.h"
#include "xla/ffi/api/ffi.h"

// The XLA FFI handlers by platform; python/jaxamg/_ffi.py says what their operands are.
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_solve);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_setup);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_apply);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_multiply);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_outer);

#ifdef AMG_WITH_CUDA
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_solve_cuda);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_setup_cuda);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_apply_cuda);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_multiply_cuda);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_outer_cuda);

namespace amg {
// The GPU of this number, which becomes the thread's current one, with a stream of the thread.
std::unique_ptr<Device> cuda_device(int ordinal);
// What the cache knows of the request's matrix, whose arrays are in host memory and whose solver is on the GPU.
SolverReport report_on_gpu(SolveRequest request);
}  // namespace amg
#endif
