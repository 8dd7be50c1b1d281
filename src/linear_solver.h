#pragma once

#include <memory>
#include <optional>

#include "amg/config.h"
#include "amg/info.h"
#include "method/method.h"
#include "method/null_space.h"
#include "setup/scaling.h"

namespace amg {

// What one call asks for beyond the configuration.
struct Demands {
  std::optional<double> tolerance;  // in place of the configuration's
  bool nan_unless_solved = false;   // x is NaN in every lane without success, not only in those that failed
  NullSpaces null;                  // of A as the call takes it, transposed or not: x = A⁺ b
};

// A configuration made ready for one matrix: the outer method, and what judges its results.
class LinearSolver {
 public:
  explicit LinearSolver(const Config& config);

  void setup(Space& space, const Matrix& A);
  void refresh(Space& space, const Matrix& A);
  void prepare_transpose(Space& space, const Operator& A);

  // Solves for every lane of b from the guess in x. A is the matrix of the last setup or refresh, or one near
  // it; in a transposed mode prepare_transpose has been called since. Never throws for what the numbers are:
  // a lane that cannot be solved has status failed and NaN in x.
  SolveInfo solve(Space& space, const Operator& A, ConstVector b, Vector x,
                  const Observer* observer = nullptr, const Demands& demands = {});

  // x = the result of max_iters iterations from 0, whatever the residual: linear in b if the method is. NaN for a
  // matrix that no method takes.
  void apply(Space& space, const Operator& A, ConstVector b, Vector x);

  // Whether there is a setup that another matrix could use; if not, what was wrong with the matrix.
  bool usable() const { return is_set_up_ && matrix_fault_ == Reason::none; }
  Reason matrix_fault() const { return matrix_fault_; }

  int max_iters() const { return rule_.max_iters; }
  double tolerance() const { return rule_.tolerance; }
  std::size_t bytes() const { return method_->bytes() + scaling_.bytes(); }
  const Hierarchy* hierarchy() const { return method_->hierarchy(); }
  GridInfo grid() const;

 private:
  void look_at(Space& space, const Matrix& A);
  // Rows of zeros are no obstacle to a setup, and none to a solve for which they are declared.
  bool is_fit() const { return matrix_fault_ == Reason::none || matrix_fault_ == Reason::zero_row; }
  // iterate, for the system as it is scaled
  SolveInfo iterate_scaled(Space& space, StoppingRule rule, const Operator& A, ConstVector b, Vector x,
                           const Observer* observer);
  // iterate, for a b of any size
  SolveInfo iterate_in_range(Space& space, const StoppingRule& rule, const Operator& A, ConstVector b,
                             Vector x, const Observer* observer, const Quotient* quotient);
  // iterate, where A is singular
  SolveInfo iterate_on(const Quotient& quotient, Space& space, const StoppingRule& rule, const Operator& A,
                       ConstVector b, Vector x, const Observer* observer);
  SolveInfo iterate(Space& space, const StoppingRule& rule, const Operator& A, ConstVector b, Vector x,
                    const Observer* observer);

  // The method's setup or refresh, for the matrix as it is scaled.
  void prepare(Space& space, const Matrix& A, void (Method::*how)(Space&, const Matrix&));

  StoppingRule rule_;
  Scaling scaling_;
  std::unique_ptr<Method> method_;
  bool is_set_up_ = false;  // false after a matrix that no method takes
  Reason matrix_fault_ = Reason::none;
  std::optional<NullSpace> constants_;  // where A takes them to zero: they must not drift in, even undeclared
};

}  // namespace amg
