#pragma once

#include "amg/config.h"
#include "core/dtype.h"
#include "core/space.h"

namespace amg {

// When an iteration may stop, as the keys of the same names say.
struct StoppingRule {
  enum class Criterion : std::uint8_t { absolute, relative_ini, relative_max, combined_rel_ini_abs };

  explicit StoppingRule(const Scope& scope);
  // So many iterations, whatever the residual.
  static StoppingRule counting(int iterations);

  // For a residual of norm r, r_initial at the start and r_largest at the most so far.
  bool met(double r, double r_initial, double r_largest, DType dtype) const;
  bool diverged(double r, double r_initial) const {
    return rel_div_tolerance > 0 && r > rel_div_tolerance * r_initial;
  }

  Criterion criterion = Criterion::absolute;
  Norm norm = Norm::L2;
  double tolerance = 0.0;
  double alt_rel_tolerance = 0.0;
  double rel_div_tolerance = 0.0;
  int max_iters = 0;
  bool scalar_norm = false;  // one norm over all components of a matrix of nodes
  bool monitored = false;
  const void* weights = nullptr;  // of the residual's rows in its norm, in its type; 1 without

 private:
  StoppingRule() = default;
};

}  // namespace amg
