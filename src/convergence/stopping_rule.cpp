#include "convergence/stopping_rule.h"

#include <string>

#include "config/parameters.h"

namespace amg {

namespace {

StoppingRule::Criterion criterion_of(const std::string& name) {
  using enum StoppingRule::Criterion;
  // The _CORE variants differ in AmgX's implementation, not in what they mean.
  if (name.starts_with("RELATIVE_INI")) return relative_ini;
  if (name.starts_with("RELATIVE_MAX")) return relative_max;
  return name == "ABSOLUTE" ? absolute : combined_rel_ini_abs;
}

Norm norm_of(const std::string& name) {
  return name == "L1" ? Norm::L1 : name == "LMAX" ? Norm::LMAX : Norm::L2;
}

}  // namespace

StoppingRule::StoppingRule(const Scope& scope)
    : criterion(criterion_of(scope.get(param::convergence))),
      norm(norm_of(scope.get(param::norm))),
      tolerance(scope.get(param::tolerance)),
      alt_rel_tolerance(scope.get(param::alt_rel_tolerance)),
      rel_div_tolerance(scope.get(param::rel_div_tolerance)),
      max_iters(scope.get(param::max_iters)),
      scalar_norm(scope.get(param::use_scalar_norm) != 0),
      monitored(scope.get(param::monitor_residual) != 0) {}

StoppingRule StoppingRule::counting(int iterations) {
  StoppingRule rule;
  rule.max_iters = iterations;
  return rule;
}

bool StoppingRule::met(double r, double r_initial, double r_largest, DType dtype) const {
  // Below rounding level of where it started a residual carries no information.
  const auto relative = [&](double reference, double bound) {
    return r <= bound * reference || r <= epsilon(dtype) * r_initial;
  };
  switch (criterion) {
    case Criterion::absolute:
      return r < tolerance || r == 0.0;
    case Criterion::relative_ini:
      return relative(r_initial, tolerance);
    case Criterion::relative_max:
      return relative(r_largest, tolerance);
    case Criterion::combined_rel_ini_abs:
      return r < tolerance || relative(r_initial, alt_rel_tolerance);
  }
  return false;
}

}  // namespace amg
