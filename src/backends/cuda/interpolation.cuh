#pragma once

#include <cstdint>
#include <span>

namespace amg {

class CudaSpace;

namespace cuda {

// Waits for the stream.
std::int64_t number_of_coarse(CudaSpace& space, std::span<const std::int32_t> coarse);

}  // namespace cuda
}  // namespace amg
