#pragma once

#include <cstdint>
#include <string_view>

namespace amg {

// The value of `block_dim` in a canonical configuration, without the microseconds that parsing one takes. The key is
// global, so that it stands there without a scope, and once.
std::int32_t block_dim_of(std::string_view canonical);

}  // namespace amg
