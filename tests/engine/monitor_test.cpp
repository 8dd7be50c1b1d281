// When an iteration stops and what it then reports: rules against residuals that the test makes up, whole
// solves.
#include "convergence/monitor.h"

#include <cmath>
#include <limits>
#include <optional>

#include "linear_solver.h"
#include "space_fixture.h"

namespace amg {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class MonitorTest : public SpaceTest {
 protected:
  static StoppingRule rule(const std::string& keys) {
    return StoppingRule(Config::parse("solver(o)=CG, o:monitor_residual=1, " + keys).outer().scope);
  }

  // A monitor of two-row systems, fed with multiples of r = (3, -4): |r|₁ = 7, |r|₂ = 5, |r|∞ = 4.
  class Script {
   public:
    Script(MonitorTest& test, const std::string& keys, std::int32_t lanes = 1,
           const Observer* observer = nullptr)
        : Script(test, rule(keys), lanes, observer) {}
    Script(MonitorTest& test, const StoppingRule& rule, std::int32_t lanes,
           const Observer* observer = nullptr)
        : test_(test),
          monitor(test.space, rule, ConstVector{nullptr, test.GetParam().dtype, 2, lanes}, 1, observer),
          scalars_(test.space, lanes) {}

    bool start(const std::vector<double>& sizes) {
      const OwnedVector r = residual(sizes);
      return monitor.start(r, scalars_[0]);
    }
    bool advance(const std::vector<double>& sizes) {
      const OwnedVector r = residual(sizes);
      return monitor.advance(r, scalars_[0]);
    }
    bool advance(const std::vector<double>& sizes, const std::vector<double>& pivots) {
      const OwnedVector r = residual(sizes);
      test_.space.write(scalars_[1], pivots);
      return monitor.advance(r, scalars_[0], {scalars_[1]});
    }
    bool half_step(const std::vector<double>& sizes) {
      const OwnedVector r = residual(sizes);
      return monitor.half_step(r, scalars_[0]);
    }
    std::vector<double> active() { return test_.space.read(std::vector{monitor.active()}); }
    const SolveInfo& info() { return monitor.info(); }

   private:
    OwnedVector residual(const std::vector<double>& sizes) {
      Lanes r(2, static_cast<Eigen::Index>(sizes.size()));
      for (int l = 0; l < r.cols(); ++l)
        r.col(l) << 3 * sizes[static_cast<std::size_t>(l)], -4 * sizes[static_cast<std::size_t>(l)];
      OwnedVector out = test_.site.upload(r);
      test_.space.dot(out, {{out, scalars_[0]}});
      return out;
    }

    MonitorTest& test_;

   public:
    Monitor monitor;

   private:
    ScalarSet<2> scalars_;
  };

  // The iteration after which residuals of these sizes stop, with |r0| first; nothing if they do not.
  std::optional<int> stops_after(const std::string& keys, const std::vector<double>& sizes) {
    Script script(*this, keys);
    if (script.start({sizes[0]})) return 0;
    for (std::size_t k = 1; k < sizes.size(); ++k)
      if (script.advance({sizes[k]})) {
        EXPECT_EQ(script.info().status[0], Status::success);
        EXPECT_EQ(script.info().iterations[0], static_cast<int>(k));
        EXPECT_EQ(script.info().history[0].size(), k + 1);
        return static_cast<int>(k);
      }
    return {};
  }

  struct Solution {
    SolveInfo info;
    Lanes x;
  };

  Solution solve(const std::string& config, const Sparse& A, const Lanes& b, const Lanes& guess,
                 const Observer* observer = nullptr) {
    const CsrMatrix matrix = site.upload(A);
    const OwnedVector rhs = site.upload(b), x = site.upload(guess);
    LinearSolver solver(Config::parse(config));
    solver.setup(space, matrix);
    SolveInfo info = solver.solve(space, {matrix, {}, Mode::plain}, rhs, x, observer);
    return {std::move(info), site.download(x)};
  }
  Solution solve(const std::string& config, const Sparse& A, const Lanes& b) {
    return solve(config, A, b, Lanes::Zero(b.rows(), b.cols()));
  }
};
AMG_IN_EVERY_SPACE(MonitorTest);

// ---- norms and criteria

TEST_P(MonitorTest, ResidualIsInTheConfiguredNorm) {
  for (const auto& [norm, size] : {std::pair{"L1", 7.0}, {"L2", 5.0}, {"LMAX", 4.0}}) {
    Script script(*this, std::string("o:convergence=RELATIVE_INI, o:tolerance=0.125, o:norm=") + norm, 2);
    EXPECT_FALSE(script.start({1, 16}));
    EXPECT_TRUE(script.advance({0.125, 1}));
    EXPECT_EQ(script.info().history[0], (std::vector{size, size / 8}));
    EXPECT_EQ(script.info().history[1], (std::vector{16 * size, size}));
    EXPECT_EQ(script.info().residual, (std::vector{size / 8, size}));
  }
}

TEST_P(MonitorTest, AbsoluteIsStrictlyLess) {
  EXPECT_EQ(stops_after("o:convergence=ABSOLUTE, o:tolerance=5", {8, 4, 1, 0.999}), 3);
  EXPECT_EQ(stops_after("o:convergence=ABSOLUTE, o:tolerance=5, o:norm=LMAX", {8, 4, 1, 0.5}), 2);
  EXPECT_EQ(stops_after("o:convergence=ABSOLUTE, o:tolerance=5, o:norm=L1", {8, 0.75, 0.5}), 2);
  EXPECT_EQ(stops_after("o:tolerance=5", {0.5}), 0);  // the registered default is ABSOLUTE
}

TEST_P(MonitorTest, AbsoluteToleranceZeroIsMetByNothingLeft) {
  EXPECT_EQ(stops_after("o:convergence=ABSOLUTE, o:tolerance=0", {1, eps / 16, 0}), 2);
}

TEST_P(MonitorTest, RelativeIniIsAgainstTheFirstResidual) {
  for (const std::string name : {"RELATIVE_INI", "RELATIVE_INI_CORE"}) {
    const std::string keys = "o:convergence=" + name + ", o:tolerance=0.25";
    EXPECT_EQ(stops_after(keys, {1, 16, 4, 0.26, 0.25}), 4);
    EXPECT_EQ(stops_after(keys, {0}), 0);
    EXPECT_EQ(stops_after("o:convergence=" + name + ", o:tolerance=1", {1}), 0);
  }
}

TEST_P(MonitorTest, RelativeMaxIsAgainstTheLargestSoFar) {
  for (const std::string name : {"RELATIVE_MAX", "RELATIVE_MAX_CORE"}) {
    const std::string keys = "o:convergence=" + name + ", o:tolerance=0.25";
    EXPECT_EQ(stops_after(keys, {1, 16, 5, 4}), 3);
    EXPECT_EQ(stops_after(keys, {1, 0.25}), 1);
  }
}

TEST_P(MonitorTest, CombinedIsEitherOfTwo) {
  const std::string keys = "o:convergence=COMBINED_REL_INI_ABS, o:tolerance=1, o:alt_rel_tolerance=0.25";
  EXPECT_EQ(stops_after(keys, {64, 17, 16}), 2);       // far above the absolute tolerance
  EXPECT_EQ(stops_after(keys, {0.5, 0.21, 0.19}), 2);  // 5 · 0.19 < 1, but 0.19 / 0.5 > 0.25
}

// What is left of r0 at rounding level tells nothing any more: no tolerance is that small.
TEST_P(MonitorTest, RelativeCriteriaStopAtRoundingLevelOfTheFirstResidual) {
  for (const std::string name : {"RELATIVE_INI", "RELATIVE_MAX"})
    EXPECT_EQ(stops_after("o:convergence=" + name + ", o:tolerance=0", {1, 4 * eps, 2 * eps, eps}), 3);
  EXPECT_EQ(stops_after("o:convergence=COMBINED_REL_INI_ABS, o:tolerance=0, o:alt_rel_tolerance=0",
                        {1, 2 * eps, eps}),
            2);
}

// ---- how it can end otherwise

TEST_P(MonitorTest, DivergenceOnlyWhereAsked) {
  for (const auto& [limit, diverges] : {std::pair{"10", true}, {"0", false}, {"-1", false}}) {
    Script script(*this,
                  std::string("o:convergence=RELATIVE_INI, o:tolerance=0.1, o:rel_div_tolerance=") + limit);
    EXPECT_FALSE(script.start({1}));
    EXPECT_FALSE(script.advance({9.5}));
    EXPECT_EQ(script.advance({10.5}), diverges);
    EXPECT_EQ(script.info().status[0], diverges ? Status::diverged : Status::not_converged);
    EXPECT_EQ(script.info().iterations[0], 2);
  }
}

TEST_P(MonitorTest, LostNumbersAreABreakdownAndOfTheStartBadInput) {
  Script at_start(*this, "o:tolerance=1e-3");
  EXPECT_TRUE(at_start.start({nan}));
  EXPECT_EQ(at_start.info().status[0], Status::failed);
  EXPECT_EQ(at_start.info().reason[0], Reason::nonfinite_rhs);
  EXPECT_EQ(at_start.info().iterations[0], 0);

  for (const double lost : {nan, std::numeric_limits<double>::infinity()}) {
    Script later(*this, "o:tolerance=1e-3");
    EXPECT_FALSE(later.start({1}));
    EXPECT_TRUE(later.advance({lost}));
    EXPECT_EQ(later.info().status[0], Status::failed);
    EXPECT_EQ(later.info().reason[0], Reason::breakdown);
    EXPECT_EQ(later.info().iterations[0], 1);
  }
}

TEST_P(MonitorTest, ZeroPivotIsABreakdownUnlessConverged) {
  Script script(*this, "o:convergence=RELATIVE_INI, o:tolerance=0.1", 3);
  EXPECT_FALSE(script.start({1, 1, 1}));
  EXPECT_FALSE(script.advance({0.5, 0.01, 0.5}, {0, 0, -2}));
  EXPECT_EQ(script.info().status,
            (std::vector{Status::not_converged, Status::success, Status::not_converged}));
  EXPECT_EQ(script.info().reason, (std::vector{Reason::breakdown, Reason::none, Reason::none}));
  EXPECT_EQ(script.active(), (std::vector{0.0, 0.0, 1.0}));
}

TEST_P(MonitorTest, IterationsEndAtTheirLimit) {
  Script script(*this, "o:convergence=RELATIVE_INI, o:tolerance=0.1, o:max_iters=2");
  EXPECT_FALSE(script.start({1}));
  EXPECT_FALSE(script.advance({0.9}));
  EXPECT_TRUE(script.advance({0.8}));
  EXPECT_EQ(script.info().status[0], Status::not_converged);
  EXPECT_EQ(script.info().reason[0], Reason::none);
  EXPECT_EQ(script.info().iterations[0], 2);
}

TEST_P(MonitorTest, NoIterationsAllowed) {
  Script script(*this, "o:tolerance=1, o:max_iters=0", 2);
  EXPECT_TRUE(script.start({1, 0.01}));
  EXPECT_EQ(script.info().status, (std::vector{Status::not_converged, Status::success}));
  EXPECT_EQ(script.info().iterations, (std::vector<std::int32_t>{0, 0}));
}

TEST_P(MonitorTest, LanesStopOneByOne) {
  Script script(*this, "o:convergence=RELATIVE_INI, o:tolerance=0.25", 3);
  EXPECT_FALSE(script.start({0, 1, 8}));
  EXPECT_EQ(script.active(), (std::vector{0.0, 1.0, 1.0}));
  EXPECT_FALSE(script.advance({0, 0.2, 4}));
  EXPECT_EQ(script.active(), (std::vector{0.0, 0.0, 1.0}));
  EXPECT_TRUE(script.advance({7, 7, 1}));  // what a stopped lane is given does not matter
  EXPECT_EQ(script.info().iterations, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(script.info().status, std::vector(3, Status::success));
  EXPECT_EQ(script.info().history[1].size(), 2u);
  EXPECT_NEAR(script.info().residual[1], 1.0, 4 * eps);
}

// ---- half steps

TEST_P(MonitorTest, HalfStepThatConvergesCountsAsAnIteration) {
  Script script(*this, "o:convergence=RELATIVE_INI, o:tolerance=0.1", 2);
  EXPECT_FALSE(script.start({1, 1}));
  EXPECT_FALSE(script.half_step({0.5, 0.7}));
  EXPECT_FALSE(script.advance({0.4, 0.6}));
  EXPECT_FALSE(script.half_step({0.0625, 0.5}));
  EXPECT_EQ(script.active(), (std::vector{0.0, 1.0}));
  EXPECT_FALSE(script.advance({0.03, 0.4}));
  EXPECT_TRUE(script.half_step({1, 0.0625}));
  EXPECT_EQ(script.info().iterations, (std::vector<std::int32_t>{2, 3}));
  // Half steps that went on left no trace.
  EXPECT_EQ(script.info().history[0].size(), 3u);
  EXPECT_EQ(script.info().history[1].size(), 4u);
  EXPECT_EQ(script.info().residual, (std::vector{5.0 / 16, 5.0 / 16}));
}

// Nor do they in the largest residual so far, which counts whole iterations.
TEST_P(MonitorTest, HalfStepIsNotTheLargestResidual) {
  Script script(*this, "o:convergence=RELATIVE_MAX, o:tolerance=0.1");
  EXPECT_FALSE(script.start({1}));
  EXPECT_FALSE(script.half_step({64}));
  EXPECT_FALSE(script.advance({1}));
}

// ---- observers

TEST_P(MonitorTest, ObserverSeesEveryIterationOnce) {
  for (const bool ends_at_half_step : {false, true}) {
    std::vector<int> iterations;
    std::vector<std::vector<double>> residuals;
    const Observer observer = [&](int iteration, std::span<const double> residual) {
      iterations.push_back(iteration);
      residuals.emplace_back(residual.begin(), residual.end());
    };
    Script script(*this, "o:convergence=RELATIVE_INI, o:tolerance=0.25", 2, &observer);
    script.start({1, 2});
    script.half_step({0.25, 1});
    script.advance({9, 1});
    ends_at_half_step ? script.half_step({9, 0.5}) : script.advance({9, 0.5});
    EXPECT_EQ(iterations, (std::vector{0, 1, 2}));
    EXPECT_EQ(residuals, (std::vector<std::vector<double>>{{5, 10}, {1.25, 5}, {1.25, 2.5}}));
  }
}

// ---- a rule that only counts

TEST_P(MonitorTest, CountingLooksAtNothing) {
  Script script(*this, StoppingRule::counting(3), 1);
  EXPECT_FALSE(script.start({nan}));
  EXPECT_FALSE(script.advance({0}, {0}));
  EXPECT_FALSE(script.half_step({0}));
  EXPECT_FALSE(script.advance({nan}));
  EXPECT_TRUE(script.advance({1}));
  Script none(*this, StoppingRule::counting(0), 1);
  EXPECT_TRUE(none.start({1}));
}

// ---- claims, held against b − A x with A the identity, so that x says what is left

class ClaimTest : public MonitorTest {
 protected:
  // Ends an iteration with a claim of convergence while b − x is `left` times (3, -4).
  bool reconsider(Script& script, double left) { return reconsider(script, std::vector{left}); }
  bool reconsider(Script& script, const std::vector<double>& left) {
    Lanes b(2, static_cast<Eigen::Index>(left.size())), x = b;
    for (int l = 0; l < b.cols(); ++l) {
      b.col(l) << 3, -4;
      x.col(l) = (1 - left[static_cast<std::size_t>(l)]) * b.col(l);
    }
    const CsrMatrix identity = site.upload(Sparse(Eigen::MatrixXd::Identity(2, 2).sparseView()));
    const OwnedVector rhs = site.upload(b), solution = site.upload(x);
    script.monitor.watch({identity, {}, Mode::plain}, rhs, solution);
    return script.monitor.reconsider();
  }
  const std::string keys = "o:convergence=RELATIVE_INI, o:tolerance=0.01, o:max_iters=10";
};
AMG_IN_EVERY_SPACE(ClaimTest);

TEST_P(ClaimTest, ConfirmedClaimGetsTheTrueResidual) {
  Script script(*this, keys);
  script.start({1});
  EXPECT_TRUE(script.advance({0.001}));
  EXPECT_FALSE(reconsider(script, 0.0078125));
  EXPECT_EQ(script.info().status[0], Status::success);
  EXPECT_EQ(script.info().reason[0], Reason::none);
  EXPECT_EQ(script.info().residual[0], 5 * 0.0078125);
  EXPECT_EQ(script.info().history[0], (std::vector{5.0, 5 * 0.0078125}));
}

TEST_P(ClaimTest, RefutedClaimGoesOnAndKeepsCounting) {
  Script script(*this, keys);
  script.start({1});
  EXPECT_TRUE(script.advance({0.001}));
  EXPECT_TRUE(reconsider(script, 0.5));
  EXPECT_EQ(script.active(), std::vector{1.0});
  EXPECT_FALSE(script.start({0.5}));  // no iteration, and still against the very first residual
  EXPECT_FALSE(script.advance({0.02}));
  EXPECT_TRUE(script.advance({0.001}));
  EXPECT_FALSE(reconsider(script, 0.0078125));
  EXPECT_EQ(script.info().status[0], Status::success);
  EXPECT_EQ(script.info().iterations[0], 3);
  EXPECT_EQ(script.info().history[0].size(), 4u);
  EXPECT_EQ(script.info().history[0][1], 2.5);
}

TEST_P(ClaimTest, RefutedClaimOfAHalfStepKeepsCounting) {
  Script script(*this, keys);
  script.start({1});
  EXPECT_TRUE(script.half_step({0.001}));
  EXPECT_TRUE(reconsider(script, 0.5));
  EXPECT_FALSE(script.start({0.5}));
  EXPECT_TRUE(script.advance({0.001}));
  EXPECT_FALSE(reconsider(script, 0.0078125));
  EXPECT_EQ(script.info().iterations[0], 2);
  EXPECT_EQ(script.info().history[0].size(), 3u);
}

// A lane whose claim is refuted after others went on has iterations, and a history, of its own.
TEST_P(ClaimTest, RefutedClaimOfOneLaneAmongOthers) {
  Script script(*this, keys, 2);
  script.start({1, 1});
  EXPECT_FALSE(script.advance({0.001, 0.9}));
  EXPECT_FALSE(script.advance({0.001, 0.8}));
  EXPECT_TRUE(script.advance({0.001, 0.001}));
  EXPECT_TRUE(reconsider(script, {0.5, 0.0078125}));
  EXPECT_EQ(script.active(), (std::vector{1.0, 0.0}));
  EXPECT_FALSE(script.start({0.5, 0.5}));
  EXPECT_TRUE(script.advance({0.001, 0.5}));
  EXPECT_FALSE(reconsider(script, {0.0078125, 0.0078125}));
  EXPECT_EQ(script.info().iterations, (std::vector<std::int32_t>{2, 3}));
  EXPECT_EQ(script.info().history[0].size(), 3u);
  EXPECT_EQ(script.info().history[1].size(), 4u);
  EXPECT_EQ(script.info().status, std::vector(2, Status::success));
}

TEST_P(ClaimTest, RefutedClaimsThatDoNotImproveAreStagnation) {
  Script script(*this, keys);
  script.start({1});
  EXPECT_TRUE(script.advance({0.001}));
  EXPECT_TRUE(reconsider(script, 0.5));
  script.start({0.5});
  EXPECT_TRUE(script.advance({0.001}));
  EXPECT_TRUE(reconsider(script, 0.125));  // better than half of the last: once more
  script.start({0.125});
  EXPECT_TRUE(script.advance({0.001}));
  EXPECT_FALSE(reconsider(script, 0.09375));
  EXPECT_EQ(script.info().status[0], Status::not_converged);
  EXPECT_EQ(script.info().reason[0], Reason::stagnation);
  EXPECT_EQ(script.info().residual[0], 5 * 0.09375);
}

TEST_P(ClaimTest, RefutedClaimOfTheLastIterationEndsThere) {
  Script script(*this, keys + ", o:tolerance=0.01");
  script.start({1});
  for (int k = 1; k < 10; ++k) EXPECT_FALSE(script.advance({0.5}));
  EXPECT_TRUE(script.advance({0.001}));
  EXPECT_FALSE(reconsider(script, 0.5));
  EXPECT_EQ(script.info().status[0], Status::not_converged);
  EXPECT_EQ(script.info().reason[0], Reason::none);
}

// b − A x is the rounding of its own terms: the tolerance is out of reach in this precision.
TEST_P(ClaimTest, RefutedClaimAtRoundingLevelIsAsConvergedAsCanBe) {
  Script script(*this,
                "o:convergence=ABSOLUTE, o:max_iters=10, o:tolerance=" + std::to_string(eps * 1e30) + "e-30");
  script.start({1});
  EXPECT_TRUE(script.advance({eps / 16}));
  EXPECT_FALSE(reconsider(script, eps));
  EXPECT_EQ(script.info().status[0], Status::success);
  EXPECT_EQ(script.info().reason[0], Reason::rounding);
}

TEST_P(ClaimTest, BreakdownThatConvergedAfterAll) {
  Script script(*this, keys);
  script.start({1});
  EXPECT_TRUE(script.advance({0.5}, {0}));
  EXPECT_FALSE(reconsider(script, 0.0078125));
  EXPECT_EQ(script.info().status[0], Status::success);
  EXPECT_EQ(script.info().reason[0], Reason::none);
}

TEST_P(ClaimTest, BreakdownIsRestartedAndReportedIfThatDoesNotHelp) {
  Script script(*this, keys);
  script.start({1});
  EXPECT_TRUE(script.advance({0.5}, {0}));
  EXPECT_TRUE(reconsider(script, 0.5));
  script.start({0.5});
  EXPECT_TRUE(script.advance({0.5}, {0}));
  EXPECT_FALSE(reconsider(script, 0.5));
  EXPECT_EQ(script.info().status[0], Status::not_converged);
  EXPECT_EQ(script.info().reason[0], Reason::breakdown);
}

TEST_P(ClaimTest, NoIterationsNeedNoSecondLook) {
  Script script(*this, keys);
  EXPECT_TRUE(script.start({0}));
  EXPECT_FALSE(reconsider(script, 0.5));
  EXPECT_EQ(script.info().status[0], Status::success);
}

// ---- whole solves

const std::vector<std::string> outer_solvers{
    "solver(o)=PCG, o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D2, p:max_iters=1",
    "solver(o)=PBICGSTAB, o:preconditioner(p)=BLOCK_JACOBI, p:max_iters=2",
    "solver(o)=AMG, o:algorithm=AGGREGATION, o:selector=SIZE_2, o:dense_lu_num_rows=20",
    "solver(o)=BLOCK_JACOBI",
};

TEST_P(MonitorTest, GoodGuessTakesNoIterationAndStaysAsItIs) {
  const Sparse A = site.rounded(problems::poisson2d(12));
  const Lanes x = Lanes::Constant(A.rows(), 1, 0.5), b = A * x;  // exact in float32
  for (const std::string& solver : outer_solvers)
    for (const char* criterion : {"RELATIVE_INI", "RELATIVE_MAX", "ABSOLUTE", "COMBINED_REL_INI_ABS"}) {
      const auto [info, result] = solve(solver + ", o:tolerance=1e-3, o:convergence=" + criterion, A, b, x);
      EXPECT_EQ(info.status[0], Status::success);
      EXPECT_EQ(info.iterations[0], 0);
      EXPECT_EQ(info.residual[0], 0.0);
      EXPECT_TRUE(same_bits(result, x));
    }
}

TEST_P(MonitorTest, ZeroRightHandSideHasTheZeroSolution) {
  const Sparse A = problems::poisson2d(12);
  for (const std::string& solver : outer_solvers) {
    const auto [info, x] =
        solve(solver + ", o:tolerance=1e-3, o:convergence=RELATIVE_INI", A, Lanes::Zero(A.rows(), 1));
    EXPECT_EQ(info.status[0], Status::success);
    EXPECT_EQ(info.iterations[0], 0);
    EXPECT_TRUE((x.array() == 0.0).all());
  }
}

// Nothing in a relative criterion knows how large b is. Scales are powers of two (near 1e±30), which rounding
// commutes with; in float32 the smallest parts of small residuals are subnormal, hence a tolerance far above
// them.
TEST_P(MonitorTest, ScaleOfTheRightHandSideChangesNothing) {
  const Sparse A = problems::convection_diffusion2d(16, 0.5);
  const Lanes b = site.rounded(problems::random_lanes(A.rows(), 1));
  for (const std::string& solver : outer_solvers)
    for (const char* norm : {"L1", "L2", "LMAX"}) {
      const std::string config =
          solver + ", o:convergence=RELATIVE_INI, o:max_iters=500, o:tolerance=1e-3, o:norm=" + norm;
      const auto [expected, x] = solve(config, A, b);
      ASSERT_EQ(expected.status[0], Status::success);
      for (const double scale : {0x1p100, 0x1p-100}) {
        const auto [info, scaled] = solve(config, A, scale * b);
        EXPECT_EQ(info.status[0], Status::success);
        EXPECT_EQ(info.iterations[0], expected.iterations[0]);
        EXPECT_LE((scaled / scale - x).norm(), 100 * eps * x.norm());
      }
    }
}

// Jacobi with a weight far too large grows every residual.
TEST_P(MonitorTest, DivergingSolveStopsWithItsStatus) {
  const Sparse A = problems::poisson2d(12);
  const std::string config =
      "solver(o)=BLOCK_JACOBI, o:relaxation_factor=2, o:max_iters=400, o:convergence=RELATIVE_INI, "
      "o:tolerance=1e-6";
  const auto [stopped, x] =
      solve(config + ", o:rel_div_tolerance=100", A, problems::random_lanes(A.rows(), 1));
  EXPECT_EQ(stopped.status[0], Status::diverged);
  EXPECT_GT(stopped.residual[0], 100 * stopped.history[0][0]);
  EXPECT_LT(stopped.history[0][stopped.history[0].size() - 2], 100 * stopped.history[0][0]);
  EXPECT_TRUE(x.array().isFinite().all());
}

// A rotation: <p, A p> = 0 for every p, so conjugate gradients break down at once.
TEST_P(MonitorTest, BreakdownOfConjugateGradients) {
  Eigen::MatrixXd rotation(2, 2);
  rotation << 0, 1, -1, 0;
  Lanes b(2, 1);
  b << 3, -4;
  const auto [info, x] =
      solve("solver(o)=CG, o:convergence=RELATIVE_INI, o:tolerance=1e-3", Sparse(rotation.sparseView()), b);
  EXPECT_EQ(info.status[0], Status::not_converged);
  EXPECT_EQ(info.reason[0], Reason::breakdown);
  EXPECT_EQ(info.residual[0], 5.0);
  EXPECT_TRUE((x.array() == 0.0).all());
}

// Convergence beyond the precision: κ >= 1e6 leaves b − A x at eps κ |b|, which the recurrence does not see.
TEST_P(MonitorTest, ClaimsAreHeldAgainstTheTrueResidual) {
  const Sparse A = site.rounded(problems::jumps2d(24, 1e6));
  const Lanes b = site.rounded(problems::random_lanes(A.rows(), 1));
  for (const std::string solver :
       {"solver(o)=PCG, o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D2, p:max_iters=1",
        "solver(o)=PBICGSTAB, o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D2, p:max_iters=1"}) {
    const auto [info, x] = solve(solver + ", o:convergence=RELATIVE_INI, o:max_iters=200, o:tolerance=" +
                                     (GetParam().dtype == DType::f32 ? "1e-6" : "1e-15"),
                                 A, b);
    const Lanes r = b - A * x;
    const double scale = (Sparse(A.cwiseAbs()) * x.cwiseAbs() + b.cwiseAbs()).norm();
    EXPECT_NEAR(info.residual[0], r.norm(), eps * r.norm() + 20 * epsilon(DType::f64) * scale);
    // Short of the tolerance, and it says so.
    EXPECT_GT(info.residual[0], 1e-6 * eps / 0x1p-23 * b.norm());
    EXPECT_TRUE(info.reason[0] == Reason::rounding || info.reason[0] == Reason::stagnation)
        << explain(info.reason[0]);
    EXPECT_EQ(info.status[0], info.reason[0] == Reason::rounding ? Status::success : Status::not_converged);
  }
}

TEST_P(MonitorTest, FaultOfTheMatrixFailsEveryLane) {
  Sparse zero_row = problems::poisson2d(5), broken = zero_row;
  zero_row.prune([](int i, int, double) { return i != 7; });
  broken.coeffRef(7, 7) = nan;
  for (const auto& [A, reason] : {std::pair{zero_row, Reason::zero_row}, {broken, Reason::nonfinite_matrix}})
    for (const std::string& solver : outer_solvers) {
      const auto [info, x] = solve(solver, A, problems::ones(25, 2));
      EXPECT_EQ(info.status, std::vector(2, Status::failed));
      EXPECT_EQ(info.reason, std::vector(2, reason));
      EXPECT_EQ(info.iterations, (std::vector<std::int32_t>{0, 0}));
      EXPECT_TRUE(std::isnan(info.residual[0]));
      EXPECT_TRUE(x.array().isNaN().all());
    }
}

TEST_P(MonitorTest, EveryReasonHasAnExplanation) {
  EXPECT_STREQ(explain(Reason::none), "");
  std::vector<std::string> all;
  for (int reason = 1; reason <= static_cast<int>(Reason::memory); ++reason) {
    all.emplace_back(explain(static_cast<Reason>(reason)));
    EXPECT_GT(all.back().size(), 10u);
    EXPECT_EQ(std::ranges::count(all, all.back()), 1);
  }
}

}  // namespace
}  // namespace amg
