#pragma once

#include <cstdint>
#include <span>

#include "core/matrix.h"

namespace amg {

// The first pass of Ruge and Stüben's coarsening on S, whose row i has whom i depends on, and its transpose
// T, both in the host's memory: makes points of `state`, all candidates, coarse or fine. Those left undecided
// influence no undecided one and depend on no coarse one.
void first_pass(const Pattern& S, const Pattern& T, std::span<std::uint8_t> state);

}  // namespace amg
