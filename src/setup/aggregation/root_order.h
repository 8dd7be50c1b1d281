#pragma once

#include <cstdint>

#include "core/row_hash.h"

namespace amg {

// The order in which rows may become roots of aggregates: by their numbers, as aggregates then line up where the
// numbering follows a grid, but in stretches that come in random order: who comes next depends on who came before, and
// a chain of such decisions is no longer than a stretch.
inline constexpr int root_stretch_bits = 16;

AMG_HD inline std::uint64_t root_order(std::int64_t row) {
  return (row_hash(row >> root_stretch_bits, 11) >> 32 << 32) | static_cast<std::uint32_t>(row);
}

}  // namespace amg
