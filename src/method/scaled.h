#pragma once

#include <memory>

#include "method/method.h"
#include "setup/scaling.h"

namespace amg {

// The method for the scaled system L A R y = L b, x = R y, as a method for A: what the key `scaling` makes of a slot
// inside of another solver. A monitored iteration measures the scaled residual.
std::unique_ptr<Method> make_scaled(Scaling scaling, std::unique_ptr<Method> method);

}  // namespace amg
