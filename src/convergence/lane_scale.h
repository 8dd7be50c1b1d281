#pragma once

#include <vector>

#include "amg/info.h"
#include "convergence/stopping_rule.h"
#include "core/space.h"

namespace amg {

// Powers of two that bring the lanes of b to where <r, r> neither overflows nor underflows, however small a
// tolerance r meets: to the size of 1 when they are far from it. Both A x = b and what a relative tolerance means
// scale with b, so x comes out with the same bits; an absolute tolerance does not, and leaves b as it is.
class LaneScale {
 public:
  LaneScale(Space& space, const StoppingRule& rule, ConstVector b);

  bool is_one() const { return exponents_.empty(); }
  // to = from / scale, or from * scale; they may be one vector
  void divide(ConstVector from, Vector to) const { scale(from, to, -1); }
  void multiply(ConstVector from, Vector to) const { scale(from, to, 1); }
  void multiply(std::size_t lane, double& norm) const;

 private:
  void scale(ConstVector from, Vector to, int sign) const;

  Space& space_;
  std::vector<int> exponents_;  // of 2; empty when they are all 0
};

}  // namespace amg
