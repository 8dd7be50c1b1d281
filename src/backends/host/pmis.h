#pragma once

#include "core/space.h"
#include "setup/classical/pmis_rule.h"

namespace amg::host {

// PMIS on a graph that has in row i whom i depends on; the number of every coarse point, and −1.
Array<std::int32_t> pmis(Space& space, const Pattern& S, Uninfluential uninfluential);

}  // namespace amg::host
