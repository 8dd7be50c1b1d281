#pragma once

#include <cstdint>

namespace amg {

// √|a_ii|, or the root of row i's 2-norm: dividing rows and columns by it brings the diagonal to ±1, or the norms
// nearer to 1.
enum class RowScale : std::uint8_t { root_of_diagonal, root_of_norm };

}  // namespace amg
