// The remedy for a misspelt name.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace amg {

// "; did you mean `PCG`?" for the known name nearest to `name`, or "" when none is reasonably near.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

}  // namespace amg
