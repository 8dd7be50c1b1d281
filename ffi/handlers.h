#pragma once

#include "xla/ffi/api/ffi.h"

// The XLA FFI handlers of the CPU platform; python/jaxamg/_ffi.py says what their operands are.
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_solve);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_multiply);
XLA_FFI_DECLARE_HANDLER_SYMBOL(jaxamg_outer);
