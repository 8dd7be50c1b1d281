#pragma once

#include <cuda_runtime.h>

#include <new>
#include <string>

#include "amg/error.h"

namespace amg::cuda {

// Throws what a CUDA call reports: std::bad_alloc for want of memory, Error for the rest.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // a sticky flag would blame the next call
  if (status == cudaErrorMemoryAllocation) throw std::bad_alloc();
  throw Error(std::string("CUDA: ") + what + ": " + cudaGetErrorString(status));
}

// Call after every launch.
inline void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

}  // namespace amg::cuda
