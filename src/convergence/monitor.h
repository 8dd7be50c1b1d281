#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "amg/info.h"
#include "convergence/stopping_rule.h"
#include "core/scalar_set.h"
#include "core/space.h"

namespace amg {

// Watches one iteration: norms, history, and which lanes still run.
//
// A method calls start() with its initial residual and advance() after each iteration, and returns when
// either says that no lane is left. Each call waits for the space once, or never if the rule only counts.
// Lanes that are done have active() == 0, hence zero coefficients from Space::compute: their x stays as it is.
//
// In a matrix of nodes every component has a norm of its own, all must pass, and the largest is reported. A component
// that starts at rounding level of the others, such as the one that a load leaves out, is measured as the largest.
class Monitor {
 public:
  Monitor(Space& space, const StoppingRule& rule, ConstVector b, std::int32_t block_dim,
          const Observer* observer = nullptr);

  Scalar active() const { return scalars_[0]; }

  // rr = <r, r>, which spares the L2 norm a pass: methods have it anyway.
  bool start(ConstVector r, Scalar rr);
  // A lane with a zero pivot cannot go on: breakdown.
  bool advance(ConstVector r, Scalar rr, std::initializer_list<Scalar> pivots = {});
  // The residual in the middle of an iteration: a lane that has converged there counts it as a whole one.
  bool half_step(ConstVector r, Scalar rr);

  // The system that the residuals belong to, and the place of its x; before start().
  void watch(const Operator& A, ConstVector b, Vector x);
  // Holds what the method left against the true residual, once it has returned: a lane whose claim is
  // refuted, or that broke down, gets another run from its x as long as that helps. True when some lane does.
  //
  // Where b has what no A x reaches, a recurrence drifts away from b − A x by orders of magnitude while x grows along
  // the null space. Every lane's residual is the true one afterwards, and its x not far worse than the best seen.
  bool reconsider();

  SolveInfo& info() { return info_; }

 private:
  struct Lane {
    std::vector<double> initial;  // of each component
    std::vector<double> largest;
    double last_true = 0.0;  // true residual of the last reconsideration; 0 before the first
    double best = 0.0;       // true residual of best_x_
    int looked_at = 0;       // the iteration that compared with it last
    bool running = true;
    bool claims = false;
    bool recurred = false;  // the residual reported is the recurrence's
  };
  struct System {
    Operator A;
    ConstVector b;
    Vector x;
  };

  bool check(ConstVector r, Scalar rr, std::initializer_list<Scalar> pivots, bool counts, bool may_go_on);
  std::vector<double> norms(ConstVector r, Scalar rr, std::initializer_list<Scalar> pivots);
  // From what norms() found.
  double norm_of(std::size_t component, std::size_t lane, const std::vector<double>& norms) const {
    return norms[component * lanes_.size() + lane];
  }
  double largest_of(std::size_t lane, const std::vector<double>& norms) const;
  bool met(std::size_t lane, const std::vector<double>& norms) const;
  void judge(std::size_t lane, const std::vector<double>& norms, bool pivot_is_zero);
  void record(std::size_t lane, double r);
  void observe() const;
  // Those of b − A x, whose square in the 2-norm stays in scalars_[1].
  std::vector<double> true_norms();
  void keep_best(const std::vector<double>& norms, Vector best_x);
  void restore_best(ConstVector best_x, const std::vector<double>& doubtful, std::vector<double>& norms);
  // to = from in the lanes that are marked by a 1; false if none is
  bool replace(Vector to, ConstVector from, std::vector<double> lanes);
  std::vector<bool> at_rounding_level(const std::vector<double>& norms_of_r);
  void stop(std::size_t lane, Status status, Reason reason = Reason::none);
  bool settle();

  Space& space_;
  StoppingRule rule_;
  DType dtype_;
  std::size_t components_;
  const Observer* observer_;
  int iteration_ = 0;
  bool started_ = false;
  std::vector<Lane> lanes_;
  ScalarSet<4> scalars_;          // active, and three for the moment
  ScalarSet<1> component_norms_;  // side by side like lanes, those of the first component first
  System system_{};               // without an x: not watched
  std::optional<WorkVector> best_x_;
  SolveInfo info_;
};

}  // namespace amg
