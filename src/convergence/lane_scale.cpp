#include "convergence/lane_scale.h"

#include <algorithm>
#include <cmath>

#include "core/scalar_set.h"

namespace amg {

LaneScale::LaneScale(Space& space, const StoppingRule& rule, ConstVector b) : space_(space) {
  using enum StoppingRule::Criterion;
  if (rule.criterion == absolute || rule.criterion == combined_rel_ini_abs) return;
  // In float32 it is the entries of the residual that underflow: the threads of XLA flush denormals.
  const double far = b.dtype == DType::f32 ? 1e12 : 1e100;
  const auto is_far = [far](double size) { return size < 1 / far || size > far; };  // not NaN
  const ScalarSet<1> sizes(space, b.lanes);
  space.dot(b, {{b, sizes[0]}});
  if (std::ranges::none_of(space.read(sizes.all()), [&](double bb) { return is_far(std::sqrt(bb)); })) return;

  space.norm(b, Norm::LMAX, sizes[0]);
  const int limit = b.dtype == DType::f32 ? 126 : 1022;  // 2^±limit and its inverse are normal numbers
  bool any = false;
  for (const double size : space.read(sizes.all())) {
    const bool scaled = size > 0 && std::isfinite(size) && is_far(size);
    exponents_.push_back(scaled ? std::clamp(std::ilogb(size), -limit, limit) : 0);
    any = any || scaled;
  }
  if (!any) exponents_.clear();
}

void LaneScale::multiply(std::size_t lane, double& norm) const { norm = std::ldexp(norm, exponents_[lane]); }

void LaneScale::scale(ConstVector from, Vector to, int sign) const {
  std::vector<double> factors;
  factors.reserve(exponents_.size());
  for (const int exponent : exponents_) factors.push_back(std::ldexp(1.0, sign * exponent));
  const ScalarSet<1> scalars(space_, from.lanes);
  space_.write(scalars[0], factors);
  space_.combine(to, {{scalars[0], from}});
}

}  // namespace amg
