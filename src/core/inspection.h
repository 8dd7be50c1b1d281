#pragma once

#include "amg/info.h"

namespace amg {

// What every setup asks of a matrix.
struct Inspection {
  // What makes it unfit for any method: a NaN or infinite entry, a row without nonzeros.
  Reason fault = Reason::none;
  bool rows_sum_to_zero = false;  // up to rounding, so that constants are a null space
};

}  // namespace amg
