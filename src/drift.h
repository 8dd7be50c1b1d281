#pragma once

#include <limits>

#include "amg/info.h"

namespace amg {

// Whether a hierarchy of older values still serves: it has drifted once a call takes clearly more iterations for a
// decade of its residual than the best call since the setup, or ends unsolved. Decades make calls of different
// tolerances and initial guesses comparable.
class Drift {
 public:
  void add(const SolveInfo& call);
  explicit operator bool() const { return drifted_; }

 private:
  static constexpr double tolerated = 1.2;

  double best_ = std::numeric_limits<double>::infinity();  // iterations a decade
  bool drifted_ = false;
};

}  // namespace amg
