#include "linear_solver.h"

#include <limits>

#include "config/parameters.h"

namespace amg {

LinearSolver::LinearSolver(const Config& config) : rule_(config.outer().scope) {
  rule_.monitored = true;
  config.outer().scope.get(param::determinism_flag);  // read, as it asks for what always holds here
  method_ = make_method(config.outer());
}

void LinearSolver::setup(Space& space, const Matrix& A) {
  matrix_fault_ = space.inspect(A);
  is_set_up_ = matrix_fault_ == Reason::none;
  if (is_set_up_) method_->setup(space, A);
}

void LinearSolver::refresh(Space& space, const Matrix& A) {
  if (!is_set_up_) return setup(space, A);
  matrix_fault_ = space.inspect(A);
  if (matrix_fault_ == Reason::none) method_->refresh(space, A);
}

void LinearSolver::prepare_transpose(Space& space) {
  if (matrix_fault_ == Reason::none) method_->prepare_transpose(space);
}

SolveInfo LinearSolver::solve(Space& space, const Operator& A, ConstVector b, Vector x,
                              const Observer* observer) {
  const auto lanes = static_cast<std::size_t>(b.lanes);
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (matrix_fault_ != Reason::none) {
    space.fill(x, nan);
    return {std::vector<std::int32_t>(lanes, 0), std::vector(lanes, Status::failed),
            std::vector(lanes, matrix_fault_), std::vector(lanes, nan),
            std::vector<std::vector<double>>(lanes)};
  }

  Monitor monitor(space, rule_, b.lanes, b.dtype, observer);
  do method_->solve(space, A, b, x, monitor);
  while (monitor.reconsider(A, b, x));

  const SolveInfo& info = monitor.info();
  std::vector<double> keep(lanes, 1.0);
  for (std::size_t l = 0; l < lanes; ++l)
    if (info.status[l] == Status::failed) keep[l] = nan;
  const ScalarSet<1> scalars(space, b.lanes);
  space.write(scalars[0], keep);
  for (const Status status : info.status)
    if (status == Status::failed) {
      space.combine(x, {{scalars[0], x}});
      break;
    }
  return info;
}

}  // namespace amg
