#include "amg/info.h"

namespace amg {

const char* explain(Reason reason) {
  switch (reason) {
    case Reason::none:
      return "";
    case Reason::nonfinite_matrix:
      return "A has NaN or infinite entries";
    case Reason::nonfinite_rhs:
      return "b or the initial guess has NaN or infinite entries";
    case Reason::zero_row:
      return "A has a row without nonzeros: it is singular";
    case Reason::breakdown:
      return "the iteration broke down: a pivot vanished or numbers overflowed; try another solver or "
             "preconditioner";
    case Reason::stagnation:
      return "the residual stagnates above the tolerance";
    case Reason::rounding:
      return "converged to rounding level of the precision, above the tolerance";
    case Reason::memory:
      return "not enough memory";
    case Reason::singular:
      return "A is singular: its rows sum to 0, so a solution is one only up to a constant, and most b have "
             "none; pass nullspace=\"constant\" for the least-squares solution of least norm";
    case Reason::nullspace:
      return "nullspace: A does not take the declared null vectors to zero";
    case Reason::transpose_nullspace:
      return "transpose_nullspace: the transpose of A does not take its declared null vectors to zero; "
             "without them those of `nullspace` are taken, which suits a symmetric A";
  }
  return "";
}

namespace {

template <class Member>
double complexity(const std::vector<LevelInfo>& levels, Member member) {
  if (levels.empty() || levels.front().*member == 0) return 0.0;
  double sum = 0.0;
  for (const LevelInfo& level : levels) sum += static_cast<double>(level.*member);
  return sum / static_cast<double>(levels.front().*member);
}

}  // namespace

double GridInfo::operator_complexity() const { return complexity(levels, &LevelInfo::entries); }
double GridInfo::grid_complexity() const { return complexity(levels, &LevelInfo::rows); }

}  // namespace amg
