#pragma once

#include <vector>

#include "amg/info.h"

namespace amg {

// How many cycles a visit of level l makes on level l + 1: `wanted` (2 for W), or 1 where that costs too
// much.
//
// With m cycles on every level below the first, a hierarchy that shrinks by m or less from level to level
// costs its depth, or worse, times its finest level, and its last levels are visited m^depth times. So level
// l makes `wanted` cycles only where what lies below, visited that often, costs at most 8 (2/3)^l times the
// finest level; a visit of a level costs as many entries as it has, and `overhead` more. Then all coarse
// levels together cost at most Σ 8 (2/3)^l = 24 times the finest one, beside what they cost a V-cycle. Levels
// that may not branch are passed, not the last ones to be visited: below them others may branch again.
std::vector<int> cycles_below(const GridInfo& grid, int wanted);

}  // namespace amg
