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
  method_ = make_method(config.outer());
}

void LinearSolver::setup(Space& space, const Matrix& A) {
  matrix_fault_ = space.inspect(A);
  is_set_up_ = matrix_fault_ == Reason::none;
  if (is_set_up_) prepare(space, A, &Method::setup);
}

void LinearSolver::refresh(Space& space, const Matrix& A) {
  if (!is_set_up_) return setup(space, A);
  matrix_fault_ = space.inspect(A);
  if (matrix_fault_ == Reason::none) prepare(space, A, &Method::refresh);
}

void LinearSolver::prepare(Space& space, const Matrix& A, void (Method::*how)(Space&, const Matrix&)) {
  if (scaling_.is_none()) return ((*method_).*how)(space, A);
  scaling_.setup(space, A);
  const ScaledOperator scaled(space, scaling_, {A, {}, Mode::plain});
  ((*method_).*how)(space, static_cast<const Operator&>(scaled).matrix);
}

void LinearSolver::prepare_transpose(Space& space, const Operator& A) {
  if (matrix_fault_ != Reason::none) return;
  if (scaling_.is_none()) return method_->prepare_transpose(space, A);
  method_->prepare_transpose(space, ScaledOperator(space, scaling_, A));
}

SolveInfo LinearSolver::solve(Space& space, const Operator& A, ConstVector b, Vector x,
                              const Observer* observer, const Demands& demands) {
  const auto lanes = static_cast<std::size_t>(b.lanes);
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (matrix_fault_ != Reason::none) {
    space.fill(x, nan);
    return {std::vector<std::int32_t>(lanes, 0), std::vector(lanes, Status::failed),
            std::vector(lanes, matrix_fault_), std::vector(lanes, nan),
            std::vector<std::vector<double>>(lanes)};
  }

  StoppingRule rule = rule_;
  rule.tolerance = demands.tolerance.value_or(rule.tolerance);
  SolveInfo info = iterate_scaled(space, rule, A, b, x, observer);

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
  if (scaling_.is_none()) return iterate_in_range(space, rule, A, b, x, observer);
  const ScaledOperator scaled(space, scaling_, A);
  const WorkVector b_scaled = space.like(b);
  space.scale_rows(scaled.of_rows().scale.data(), 1.0, b, b_scaled);
  space.scale_rows(scaled.of_columns().inverse.data(), 1.0, x, x);
  rule.weights = scaled.of_rows().inverse.data();
  SolveInfo info = iterate_in_range(space, rule, scaled, b_scaled, x, observer);
  space.scale_rows(scaled.of_columns().scale.data(), 1.0, x, x);
  return info;
}

SolveInfo LinearSolver::iterate_in_range(Space& space, const StoppingRule& rule, const Operator& A,
                                         ConstVector b, Vector x, const Observer* observer) {
  const LaneScale scale(space, rule, b);
  if (scale.is_one()) return iterate(space, rule, A, b, x, observer);

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
  SolveInfo info = iterate(space, rule, A, scaled, x, observer ? &unscaled : nullptr);
  scale.multiply(x, x);
  restore(info.residual);
  for (std::size_t l = 0; l < info.history.size(); ++l)
    for (double& norm : info.history[l]) scale.multiply(l, norm);
  return info;
}

SolveInfo LinearSolver::iterate(Space& space, const StoppingRule& rule, const Operator& A, ConstVector b,
                                Vector x, const Observer* observer) {
  Monitor monitor(space, rule, b, A.matrix.block_dim, observer);
  do method_->solve(space, A, b, x, monitor);
  while (monitor.reconsider(A, b, x));
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
