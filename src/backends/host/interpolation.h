#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "backends/host/row_offsets.h"
#include "core/matrix.h"

namespace amg::host {

// Coarse points are numbered in the order of their rows.
inline std::int64_t number_of_coarse(std::span<const std::int32_t> coarse) {
  for (auto i = coarse.size(); i-- > 0;)
    if (coarse[i] >= 0) return coarse[i] + 1;
  return 0;
}

}  // namespace amg::host
