#include "linear_solver.h"

#include <limits>

#include "config/parameters.h"
#include "convergence/lane_scale.h"
#include "setup/hierarchy.h"

namespace amg {

LinearSolver::LinearSolver(const Config& config)
    : rule_(config.outer().scope), scaling_(config.outer().scope) {
  rule_.monitored = true;
  config.outer().scope.get(param::determinism_flag);  // read, as it asks for what always holds here
  config.outer().scope.get(param::block_dim);         // read, as it comes with the matrix
  method_ = make_outer_method(config.outer());
}

namespace {

bool takes_ones_to_zero(Space& space, const Operator& A) {
  const WorkVector ones = space.vector(A.rows(), 1, A.matrix.dtype);
  space.fill(ones, 1.0);
  return vanishes(space, A, ones);
}

}  // namespace

void LinearSolver::look_at(Space& space, const Matrix& A) {
  const Inspection inspection = space.inspect(A);
  matrix_fault_ = inspection.fault;
  if (!is_fit() || !inspection.rows_sum_to_zero)
    constants_.reset();
  else if (!constants_)
    constants_ = NullSpace::constants(space, A.rows, A.dtype);
}

void LinearSolver::setup(Space& space, const Matrix& A) {
  look_at(space, A);
  is_set_up_ = is_fit();
  if (is_set_up_) prepare(space, A, &Method::setup);
}

void LinearSolver::refresh(Space& space, const Matrix& A) {
  if (!is_set_up_) return setup(space, A);
  look_at(space, A);
  if (is_fit()) prepare(space, A, &Method::refresh);
}

void LinearSolver::prepare(Space& space, const Matrix& A, void (Method::*how)(Space&, const Matrix&)) {
  if (scaling_.is_none()) return ((*method_).*how)(space, A);
  scaling_.setup(space, A);
  const ScaledOperator scaled(space, scaling_, {A, {}, Mode::plain});
  ((*method_).*how)(space, static_cast<const Operator&>(scaled).matrix);
}

void LinearSolver::prepare_transpose(Space& space, const Operator& A) {
  if (!is_fit()) return;
  if (scaling_.is_none()) return method_->prepare_transpose(space, A);
  method_->prepare_transpose(space, ScaledOperator(space, scaling_, A));
}

SolveInfo LinearSolver::solve(Space& space, const Operator& A, ConstVector b, Vector x,
                              const Observer* observer, const Demands& demands) {
  const auto lanes = static_cast<std::size_t>(b.lanes);
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  std::optional<Quotient> quotient;
  Reason fault = matrix_fault_;
  if (is_fit() && demands.null) {
    quotient.emplace(space, b.dtype, demands.null);
    if (fault == Reason::none || quotient->has_zero_rows(space, A)) fault = quotient->fault(space, A);
  }
  if (fault != Reason::none) {
    space.fill(x, nan);
    return {std::vector<std::int32_t>(lanes, 0),
            std::vector(lanes, Status::failed),
            std::vector(lanes, fault),
            std::vector(lanes, nan),
            std::vector(lanes, nan),
            std::vector<std::vector<double>>(lanes)};
  }

  StoppingRule rule = rule_;
  rule.tolerance = demands.tolerance.value_or(rule.tolerance);
  Operator map = A;
  if (constants_ && !quotient && takes_ones_to_zero(space, A)) map.null = &*constants_;
  SolveInfo info = iterate_in_range(space, rule, map, b, x, observer, quotient ? &*quotient : nullptr);
  if (constants_ && !quotient) info.reason.assign(lanes, Reason::singular);

  std::vector<double> keep(lanes, 1.0);
  bool all = true;
  for (std::size_t l = 0; l < lanes; ++l) {
    const Status status = info.status[l];
    if (status == Status::failed || (demands.nan_unless_solved && status != Status::success)) {
      keep[l] = nan;
      all = false;
    }
  }
  if (!all) {
    const ScalarSet<1> scalars(space, b.lanes);
    space.write(scalars[0], keep);
    space.combine(x, {{scalars[0], x}});
  }
  return info;
}

// The residual is judged as that of the system that was given.
SolveInfo LinearSolver::iterate_scaled(Space& space, StoppingRule rule, const Operator& A, ConstVector b,
                                       Vector x, const Observer* observer) {
  if (scaling_.is_none()) return iterate(space, rule, A, b, x, observer);
  const ScaledOperator scaled(space, scaling_, A);
  const WorkVector b_scaled = space.like(b);
  space.scale_rows(scaled.of_rows().scale.data(), 1.0, b, b_scaled);
  space.scale_rows(scaled.of_columns().inverse.data(), 1.0, x, x);
  rule.weights = scaled.of_rows().inverse.data();
  SolveInfo info = iterate(space, rule, scaled, b_scaled, x, observer);
  space.scale_rows(scaled.of_columns().scale.data(), 1.0, x, x);
  return info;
}

SolveInfo LinearSolver::iterate_in_range(Space& space, const StoppingRule& rule, const Operator& A,
                                         ConstVector b, Vector x, const Observer* observer,
                                         const Quotient* quotient) {
  const auto run = [&](ConstVector rhs, const Observer* watching) {
    return quotient ? iterate_on(*quotient, space, rule, A, rhs, x, watching)
                    : iterate_scaled(space, rule, A, rhs, x, watching);
  };
  const LaneScale scale(space, rule, b);
  if (scale.is_one()) return run(b, observer);

  const WorkVector scaled = space.like(b);
  scale.divide(b, scaled);
  scale.divide(x, x);
  const auto restore = [&scale](std::span<double> norms) {
    for (std::size_t l = 0; l < norms.size(); ++l) scale.multiply(l, norms[l]);
  };
  const Observer unscaled = [&](int iteration, std::span<const double> residual) {
    std::vector<double> norms(residual.begin(), residual.end());
    restore(norms);
    (*observer)(iteration, norms);
  };
  SolveInfo info = run(scaled, observer ? &unscaled : nullptr);
  scale.multiply(x, x);
  restore(info.residual);
  for (std::size_t l = 0; l < info.history.size(); ++l)
    for (double& norm : info.history[l]) scale.multiply(l, norm);
  return info;
}

namespace {

// Removes from b what no x reaches, and returns its share ‖unreachable part‖ / ‖b‖, lane by lane. Where b has nothing
// else, the rest is rounding, and becomes 0.
std::vector<double> make_reachable(Space& space, const NullSpace& left, ConstVector b, Vector reachable) {
  const WorkVector removed = space.like(b);
  const ScalarSet<4> scalars(space, b.lanes);
  const Scalar of_b = scalars[0], of_removed = scalars[1], of_rest = scalars[2], keep = scalars[3];
  space.copy(b, reachable);
  for (int k = 0; k < 2; ++k) left.remove(space, reachable);  // once leaves rounding of what is removed
  space.combine(removed, {{1, b}, {-1, reachable}});
  space.norm(b, Norm::L2, of_b);
  space.norm(removed, Norm::L2, of_removed);
  space.norm(reachable, Norm::L2, of_rest);

  const std::vector<double> norms = space.read(std::vector{of_b, of_removed, of_rest});
  const auto lanes = static_cast<std::size_t>(b.lanes);
  std::vector<double> share(lanes, 0.0), kept(lanes, 1.0);
  for (std::size_t l = 0; l < lanes; ++l) {
    if (norms[l] == 0.0) continue;
    share[l] = norms[lanes + l] / norms[l];
    if (norms[2 * lanes + l] <= 16 * epsilon(b.dtype) * norms[l]) kept[l] = 0.0;
  }
  space.write(keep, kept);
  space.combine(reachable, {{keep, reachable}});
  return share;
}

}  // namespace

// A maps what is orthogonal to its null space one to one to what is orthogonal to that of Aᵀ, and A⁺ is the inverse:
// b loses what no x reaches, x what A does not see.
SolveInfo LinearSolver::iterate_on(const Quotient& quotient, Space& space, const StoppingRule& rule,
                                   const Operator& A, ConstVector b, Vector x, const Observer* observer) {
  const WorkVector reachable = space.like(b);
  const std::vector<double> inconsistency = make_reachable(space, *quotient.left, b, reachable);
  quotient.right->remove(space, x);
  Operator on_quotient = A;
  on_quotient.null = quotient.right.get();
  SolveInfo info = iterate_scaled(space, rule, on_quotient, reachable, x, observer);
  info.inconsistency = inconsistency;
  quotient.right->remove(space, x);
  return info;
}

SolveInfo LinearSolver::iterate(Space& space, const StoppingRule& rule, const Operator& A, ConstVector b,
                                Vector x, const Observer* observer) {
  Monitor monitor(space, rule, b, A.matrix.block_dim, observer);
  monitor.watch(A, b, x);
  do method_->solve(space, A, b, x, monitor);
  while (monitor.reconsider());
  return monitor.info();
}

void LinearSolver::apply(Space& space, const Operator& A, ConstVector b, Vector x) {
  if (matrix_fault_ != Reason::none) return space.fill(x, std::numeric_limits<double>::quiet_NaN());
  if (scaling_.is_none()) return method_->apply(space, A, b, {}, x, rule_.max_iters);
  const ScaledOperator scaled(space, scaling_, A);
  const WorkVector b_scaled = space.like(b);
  space.scale_rows(scaled.of_rows().scale.data(), 1.0, b, b_scaled);
  method_->apply(space, scaled, b_scaled, {}, x, rule_.max_iters);
  space.scale_rows(scaled.of_columns().scale.data(), 1.0, x, x);
}

GridInfo LinearSolver::grid() const { return hierarchy() ? hierarchy()->grid() : GridInfo{}; }

}  // namespace amg
