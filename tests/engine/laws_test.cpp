// The laws that every method keeps: refresh(A) is setup(A) to the bit; Mᵀ is the adjoint of M; right-hand
// sides side by side are what they are alone; a coarse matrix is Pᵀ A P.
#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>

#include "linear_solver.h"
#include "registry.h"
#include "setup/hierarchy.h"
#include "space_fixture.h"

namespace amg {
namespace {

const std::string smoothed = "solver(o)=AMG, o:smoother(s)=BLOCK_JACOBI, s:relaxation_factor=0.8";
const std::string classical = smoothed + ", o:dense_lu_num_rows=10, o:selector=PMIS";
const std::string aggregation = smoothed + ", o:algorithm=AGGREGATION, o:selector=SIZE_2";
const std::string d1 = classical + ", o:interpolator=D1";
const std::string d2 = classical + ", o:interpolator=D2";
const std::string truncated = d2 + ", o:interp_max_elements=2";
const std::string size_2 = aggregation + ", o:dense_lu_num_rows=10";
const std::string size_8 = smoothed + ", o:algorithm=AGGREGATION, o:selector=SIZE_8, o:dense_lu_num_rows=2";
const std::string smoothed_aggregation =
    smoothed + ", o:algorithm=SMOOTHED_AGGREGATION, o:dense_lu_num_rows=2";
const std::string aggressive = d2 + ", o:aggressive_levels=1";
const std::string all_aggressive =
    smoothed + ", o:dense_lu_num_rows=2, o:selector=AGGRESSIVE_PMIS, o:interpolator=MULTIPASS";
const std::string hmis =
    smoothed + ", o:dense_lu_num_rows=10, o:selector=HMIS, o:interpolator=D2, o:aggressive_levels=1";
const std::string compatible = smoothed + ", o:dense_lu_num_rows=10, o:selector=CR, o:interpolator=D2";
const std::string affinity = d2 + ", o:strength=AFFINITY";
const std::string energymin = smoothed + ", o:dense_lu_num_rows=10, o:algorithm=ENERGYMIN";
const std::vector<std::string> multigrids{
    d1,         d2,       truncated, aggressive, all_aggressive, hmis,
    compatible, affinity, energymin, size_2,     size_8,         smoothed_aggregation};

// What a method is with keys of its own, as an outer solver.
const std::vector<std::string> variants{"MULTICOLOR_GS, o:symmetric_GS=1",
                                        "MULTICOLOR_GS, o:GS_L1_variant=1, o:coloring_level=2",
                                        "MULTICOLOR_ILU, o:ilu_sparsity_level=1"};

class LawsTest : public SpaceTest {
 protected:
  // What a hierarchy consists of, downloaded.
  struct Snapshot {
    std::vector<Sparse> A, P, R;
    std::int64_t builds = 0;
  };

  Snapshot snapshot(const Hierarchy& hierarchy) {
    Snapshot all;
    for (std::size_t l = 0; l < hierarchy.size(); ++l) {
      if (l > 0) all.A.push_back(site.download(hierarchy[l].A));
      if (hierarchy.is_coarsest(l)) break;
      all.P.push_back(site.download(hierarchy[l].P));
      all.R.push_back(site.download(hierarchy[l].R));
    }
    all.builds = hierarchy.grid().builds;
    return all;
  }

  static Hierarchy make(const std::string& config) { return Hierarchy(Config::parse(config).outer().scope); }

  Snapshot set_up(const std::string& config, const Sparse& A) {
    Hierarchy hierarchy = make(config);
    hierarchy.setup(space, site.upload(A));
    return snapshot(hierarchy);
  }

  Snapshot refreshed(const std::string& config, const Sparse& before, const Sparse& after) {
    Hierarchy hierarchy = make(config);
    hierarchy.setup(space, site.upload(before));
    hierarchy.refresh(space, site.upload(after));
    return snapshot(hierarchy);
  }

  static void expect_same(const Snapshot& a, const Snapshot& b) {
    for (const auto member : {&Snapshot::A, &Snapshot::P, &Snapshot::R}) {
      ASSERT_EQ((a.*member).size(), (b.*member).size());
      for (std::size_t l = 0; l < (a.*member).size(); ++l)
        EXPECT_TRUE(same_bits((a.*member)[l], (b.*member)[l])) << l;
    }
  }

  struct Solution {
    SolveInfo info;
    Lanes x;
  };

  Solution solve(LinearSolver& solver, const CsrMatrix& A, const Lanes& b, Mode mode = Mode::plain) {
    const CsrMatrix AT = site.upload(Sparse(site.download(A).transpose()));
    const OwnedVector rhs = site.upload(b), x = site.vector(b.rows(), b.cols());
    space.fill(x, 0.0);
    SolveInfo info = solver.solve(space, {A, AT, mode}, rhs, x);
    return {std::move(info), site.download(x)};
  }

  Solution solve(const std::string& config, const Sparse& A, const Lanes& b) {
    const CsrMatrix matrix = site.upload(A);
    LinearSolver solver(Config::parse(config));
    solver.setup(space, matrix);
    return solve(solver, matrix, b);
  }

  const std::string tolerance = GetParam().dtype == DType::f32 ? "1e-4" : "1e-9";
};
AMG_IN_EVERY_SPACE(LawsTest);

// ---- hierarchies

const std::vector<Sparse>& systems() {
  static const std::vector<Sparse> all{problems::poisson2d(24), problems::poisson3d(9),
                                       problems::anisotropic2d(24, 0.01), problems::jumps2d(24, 1e3),
                                       problems::convection_diffusion2d(24, 2.0)};
  return all;
}

double longest_row(const Sparse& A) {
  int longest = 0;
  for (int i = 0; i < A.rows(); ++i)
    longest = std::max(longest, A.outerIndexPtr()[i + 1] - A.outerIndexPtr()[i]);
  return longest;
}

// A P and then R (A P) are formed with sums in double, which round at each of their terms, and rounded once each.
TEST_P(LawsTest, CoarseMatricesAreGalerkins) {
  for (const std::string& config : multigrids)
    for (const Sparse& given : systems()) {
      SCOPED_TRACE(config);
      const Sparse fine = site.rounded(given);
      const Snapshot levels = set_up(config, fine);
      ASSERT_GE(levels.P.size(), 2u);
      for (std::size_t l = 0; l < levels.P.size(); ++l) {
        const Sparse &A = l == 0 ? fine : levels.A[l - 1], &P = levels.P[l];
        EXPECT_TRUE(same_bits(levels.R[l], Sparse(P.transpose())));
        const Lanes exact = Sparse(P.transpose() * A * P);
        const Lanes scale = Sparse(Sparse(P.cwiseAbs()).transpose() * A.cwiseAbs() * P.cwiseAbs());
        const double rounding = 3 * eps + 0x1p-52 * (longest_row(A) + longest_row(levels.R[l]));
        EXPECT_TRUE(((Lanes(levels.A[l]) - exact).cwiseAbs().array() <= rounding * scale.array()).all()) << l;
      }
    }
}

TEST_P(LawsTest, GridIsWhatTheHierarchyHolds) {
  for (const std::string& config : multigrids)
    for (const Sparse& A : systems()) {
      SCOPED_TRACE(config);
      Hierarchy hierarchy = make(config);
      hierarchy.setup(space, site.upload(A));
      const GridInfo grid = hierarchy.grid();
      ASSERT_EQ(grid.levels.size(), hierarchy.size());
      EXPECT_EQ(grid.levels[0].rows, A.rows());
      EXPECT_EQ(grid.levels[0].entries, A.nonZeros());
      double rows = 0, entries = 0;
      for (std::size_t l = 0; l < hierarchy.size(); ++l) {
        if (l > 0) {
          EXPECT_EQ(grid.levels[l].rows, hierarchy[l].A.rows());
          EXPECT_EQ(grid.levels[l].entries, hierarchy[l].A.entries());
          EXPECT_LT(grid.levels[l].rows, grid.levels[l - 1].rows);
          EXPECT_GE(grid.levels[l].rows, config.find("dense_lu_num_rows=2") != std::string::npos
                                             ? 2
                                             : 10);  // the floor, dense_lu_num_rows
        }
        EXPECT_EQ(grid.levels[l].smoother, hierarchy.is_coarsest(l) ? "DENSE_LU_SOLVER" : "BLOCK_JACOBI");
        rows += static_cast<double>(grid.levels[l].rows);
        entries += static_cast<double>(grid.levels[l].entries);
      }
      EXPECT_DOUBLE_EQ(grid.grid_complexity(), rows / static_cast<double>(A.rows()));
      EXPECT_DOUBLE_EQ(grid.operator_complexity(), entries / static_cast<double>(A.nonZeros()));
      // Every level holds at most half of the rows of the one above, up to single rows.
      EXPECT_LE(grid.grid_complexity(), 2.2);
      EXPECT_LE(grid.operator_complexity(), 3.5);
    }
}

TEST_P(LawsTest, CoarseningEndsWhereTheConfigurationSays) {
  const CsrMatrix A = site.upload(problems::poisson2d(24));
  const auto rows = [&](const std::string& keys) {
    Hierarchy hierarchy = make(keys);
    hierarchy.setup(space, A);
    std::vector<std::int64_t> all;
    for (const LevelInfo& level : hierarchy.grid().levels) all.push_back(level.rows);
    return all;
  };
  const std::vector<std::int64_t> halves{576, 288, 144, 72, 36, 18};
  const auto first = [&](std::size_t count) {
    return std::vector(halves.begin(), halves.begin() + static_cast<int>(count));
  };
  EXPECT_EQ(rows(size_2), halves);  // 9 would be under the floor of 10
  EXPECT_EQ(rows(size_2 + ", o:max_levels=3"), first(3));
  EXPECT_EQ(rows(size_2 + ", o:coarsen_threshold=0.5"), first(1));  // 288 is not fewer than 0.5 × 576
  EXPECT_EQ(rows(aggregation + ", o:dense_lu_num_rows=144"),
            first(3));  // a level of 144 rows is not coarsened
  EXPECT_EQ(rows(aggregation + ", o:dense_lu_num_rows=143"), first(3));  // a next level of 72 is too small
  EXPECT_EQ(rows(aggregation + ", o:coarse_solver=NOSOLVER, o:min_coarse_rows=36"), first(5));
}

// ---- refresh

Sparse perturbed(Sparse A, double size, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> factor(1 - size, 1 + size);
  for (double& a : A.coeffs()) a *= factor(random);
  return A;
}

// New values that lead to the same decisions on every level: random ones, so that no two couplings are
// equally strong, and others next to them.
TEST_P(LawsTest, RefreshWithTheSameDecisionsKeepsTheStructure) {
  const Sparse A = perturbed(problems::poisson3d(9), 0.3, 1);
  for (const std::string& config : multigrids)
    for (const double change : {0.0, 1e-6}) {
      // Of the distances that AFFINITY compares on all levels, some are nearer to the threshold than that.
      if (config == affinity && change > 0) continue;
      SCOPED_TRACE(config);
      const Sparse near = change > 0 ? perturbed(A, change, 2) : Sparse(2 * A);
      EXPECT_EQ(refreshed(config, A, near).builds, 1);
      expect_same(refreshed(config, A, near), set_up(config, near));
    }
}

// Where every coupling is strong, no values change a decision, unless the selector looks at them.
TEST_P(LawsTest, RefreshKeepsTheStructureWhereAllIsStrong) {
  const Sparse A = problems::anisotropic2d(24, 0.05), B = problems::turned(A, 24);
  for (const std::string& config : {d1, d2, hmis, all_aggressive}) {
    const std::string all = config + ", o:strength=ALL";
    EXPECT_EQ(refreshed(all, A, B).builds, 1);
    expect_same(refreshed(all, A, B), set_up(all, B));
  }
  const Sparse dominant = [&] {
    Sparse sum = A;
    for (int i = 0; i < A.rows(); i += 3) sum.coeffRef(i, i) *= 4;
    return sum;
  }();
  const std::string by_values = compatible + ", o:strength=ALL";
  EXPECT_EQ(refreshed(by_values, A, dominant).builds, 2);
  expect_same(refreshed(by_values, A, dominant), set_up(by_values, dominant));
}

TEST_P(LawsTest, RefreshThatChangesLevel0) {
  const Sparse A = problems::anisotropic2d(24, 0.05), B = problems::turned(A, 24);
  for (const std::string& config : multigrids) {
    SCOPED_TRACE(config);
    const Snapshot a = set_up(config, A), b = set_up(config, B);
    ASSERT_FALSE(same_pattern(a.P[0], b.P[0]));
    EXPECT_EQ(refreshed(config, A, B).builds, 2);
    expect_same(refreshed(config, A, B), b);
  }
}

TEST_P(LawsTest, RefreshThatChangesACoarseLevelOnly) {
  const auto strength_in_y = [](double epsilon) { return problems::anisotropic2d(24, epsilon); };
  const Sparse random = perturbed(problems::poisson3d(9), 0.3, 1);
  // Truncation is about to change its mind somewhere: look for a perturbation that makes it do so on a coarse
  // level only.
  const Sparse moved = [&] {
    const Snapshot before = set_up(truncated, random);
    for (unsigned seed = 2; seed < 100; ++seed) {
      const Sparse candidate = perturbed(random, 5e-4, seed);
      const Snapshot after = set_up(truncated, candidate);
      if (same_pattern(before.P[0], after.P[0]) && !same_pattern(before.P[1], after.P[1])) return candidate;
    }
    return random;
  }();
  for (const auto& [config, A, B] : {std::tuple{d1, strength_in_y(1.0), strength_in_y(0.3)},
                                     {d2, strength_in_y(1.0), strength_in_y(0.3)},
                                     {truncated, random, moved},
                                     {size_2, strength_in_y(0.4), strength_in_y(0.6)}}) {
    SCOPED_TRACE(config);
    const Snapshot a = set_up(config, A), b = set_up(config, B);
    ASSERT_TRUE(same_pattern(a.P[0], b.P[0]));
    ASSERT_FALSE(same_pattern(a.P[1], b.P[1]));
    EXPECT_EQ(refreshed(config, A, B).builds, 2);
    expect_same(refreshed(config, A, B), b);
  }
}

// Positive couplings are never strong, so nothing is left to coarsen; nor for SIZE_2 with weight_formula 1.
TEST_P(LawsTest, RefreshAfterCoarseningWasGivenUpAndBack) {
  const Sparse A = problems::poisson2d(24);
  Sparse positive = A;
  positive.coeffs() = positive.coeffs().abs();
  for (const std::string& config : {d1, d2, truncated, size_2 + ", o:weight_formula=1"}) {
    SCOPED_TRACE(config);
    const Snapshot none = set_up(config, positive), some = set_up(config, A);
    ASSERT_EQ(none.P.size(), 0u);
    ASSERT_GE(some.P.size(), 2u);
    EXPECT_EQ(refreshed(config, positive, positive).builds, 1);
    EXPECT_EQ(refreshed(config, positive, A).builds, 2);
    expect_same(refreshed(config, positive, A), some);
    EXPECT_EQ(refreshed(config, A, positive).builds, 2);
    expect_same(refreshed(config, A, positive), none);
  }
}

// A solver after refresh solves as one that never saw other values; there and back again, and transposed.
TEST_P(LawsTest, RefreshedSolversGiveTheBitsOfNewOnes) {
  const Sparse A = problems::anisotropic2d(20, 0.05);
  const std::vector<Sparse> sequence{A, Sparse(2 * A), problems::turned(A, 20), problems::poisson2d(20), A};
  const Lanes b = problems::random_lanes(A.rows(), 2);
  const std::string outer = ", o:convergence=RELATIVE_INI, o:max_iters=30, o:tolerance=" + tolerance;
  std::vector<std::string> configs;
  for (const std::string& multigrid : multigrids) configs.push_back(multigrid + outer);
  for (const std::string& method : registered_methods()) {
    configs.push_back("solver(o)=" + method + ", o:preconditioner(p)=BLOCK_JACOBI, p:max_iters=2" + outer);
    configs.push_back("solver(o)=PBICGSTAB, o:preconditioner(p)=" + method + ", p:max_iters=2" + outer);
  }
  for (const std::string& variant : variants) configs.push_back("solver(o)=" + variant + outer);
  for (const std::string& config : configs) {
    SCOPED_TRACE(config);
    LinearSolver kept(Config::parse(config));
    kept.setup(space, site.upload(sequence[0]));
    for (const Sparse& values : sequence) {
      const CsrMatrix matrix = site.upload(values);
      LinearSolver fresh(Config::parse(config));
      fresh.setup(space, matrix);
      kept.refresh(space, matrix);
      const CsrMatrix transpose = site.upload(Sparse(values.transpose()));
      for (LinearSolver* solver : {&fresh, &kept})
        solver->prepare_transpose(space, {matrix, transpose, Mode::transposed});
      for (const Mode mode : {Mode::plain, Mode::transposed}) {
        const Solution expected = solve(fresh, matrix, b, mode), actual = solve(kept, matrix, b, mode);
        EXPECT_EQ(actual.info.history, expected.info.history);
        EXPECT_TRUE(same_bits(actual.x, expected.x));
      }
    }
  }
}

TEST_P(LawsTest, RefreshAfterAMatrixThatNoMethodTakes) {
  const Sparse A = problems::poisson2d(12);
  Sparse broken = A;
  broken.coeffRef(5, 5) = std::numeric_limits<double>::quiet_NaN();
  const Lanes b = problems::random_lanes(A.rows(), 1);
  const std::string config = d2 + ", o:convergence=RELATIVE_INI, o:tolerance=" + tolerance;
  const Solution expected = solve(config, A, b);
  for (const bool good_first : {false, true}) {
    const CsrMatrix good = site.upload(A), bad = site.upload(broken);
    LinearSolver solver(Config::parse(config));
    solver.setup(space, good_first ? good : bad);
    solver.refresh(space, bad);
    const Solution failed = solve(solver, bad, b);
    EXPECT_EQ(failed.info.status[0], Status::failed);
    EXPECT_EQ(failed.info.reason[0], Reason::nonfinite_matrix);
    EXPECT_TRUE(failed.x.array().isNaN().all());
    solver.refresh(space, good);
    EXPECT_TRUE(same_bits(solve(solver, good, b).x, expected.x));
  }
}

// ---- adjoints

// <M b, y> = <b, Mᵀ y> for methods that call themselves linear. Each side carries the rounding of some
// hundred operations in the vectors' precision.
TEST_P(LawsTest, TransposedMethodsAreAdjoint) {
  const Sparse A = problems::convection_diffusion2d(20, 3.0);
  const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
  std::vector<std::string> configs;
  for (const std::string& multigrid : multigrids)
    for (const char* keys : {"", ", o:presweeps=2, o:postsweeps=1", ", o:presweeps=0, o:postsweeps=3",
                             ", o:coarse_solver=NOSOLVER, o:coarsest_sweeps=3",
                             ", o:coarse_solver(c)=BLOCK_JACOBI, c:max_iters=4", ", o:max_levels=2"})
      configs.push_back(multigrid + keys);
  for (const std::string& method : registered_methods()) configs.push_back("solver(o)=" + method);
  for (const std::string& variant : variants) configs.push_back("solver(o)=" + variant);
  for (const char* smoother : {"MULTICOLOR_GS", "MULTICOLOR_DILU", "MULTICOLOR_ILU"})
    configs.push_back("solver(o)=AMG, o:selector=PMIS, o:dense_lu_num_rows=10, o:smoother(s)=" +
                      std::string(smoother));
  int linear = 0;
  for (const std::string& config : configs)
    for (const int iterations : {1, 2, 3}) {
      SCOPED_TRACE(config + ", " + std::to_string(iterations) + " iterations");
      const std::unique_ptr<Method> method = make_method(Config::parse(config).outer());
      if (!method->linear()) continue;
      ++linear;
      method->setup(space, matrix);
      method->prepare_transpose(space, {matrix, transpose, Mode::transposed});
      const Lanes b = problems::random_lanes(A.rows(), 3, 1), y = problems::random_lanes(A.rows(), 3, 2);
      const OwnedVector rhs = site.upload(b), other = site.upload(y), Mb = site.vector(A.rows(), 3),
                        MTy = site.vector(A.rows(), 3);
      method->apply(space, {matrix, transpose, Mode::plain}, rhs, {}, Mb, iterations);
      method->apply(space, {matrix, transpose, Mode::transposed}, other, {}, MTy, iterations);
      const Lanes left = site.download(Mb), right = site.download(MTy);
      for (int l = 0; l < 3; ++l)
        EXPECT_NEAR(
            left.col(l).dot(site.rounded(y).col(l)), site.rounded(b).col(l).dot(right.col(l)),
            100 * eps * (left.col(l).norm() * y.col(l).norm() + b.col(l).norm() * right.col(l).norm()));
    }
  EXPECT_GE(linear, 3 * 24);
}

// Linearity itself: M (2 b + c) = 2 M b + M c, whatever the guess did not see.
TEST_P(LawsTest, LinearMethodsAreLinear) {
  const Sparse A = problems::convection_diffusion2d(20, 3.0);
  const CsrMatrix matrix = site.upload(A);
  std::vector<std::string> configs = multigrids;
  for (const std::string& method : registered_methods()) configs.push_back("solver(o)=" + method);
  for (const std::string& variant : variants) configs.push_back("solver(o)=" + variant);
  for (const std::string& config : configs) {
    SCOPED_TRACE(config);
    const std::unique_ptr<Method> method = make_method(Config::parse(config).outer());
    if (!method->linear()) continue;
    method->setup(space, matrix);
    const auto apply = [&](const Lanes& b) {
      const OwnedVector rhs = site.upload(b), x = site.vector(b.rows(), 1);
      method->apply(space, {matrix, {}, Mode::plain}, rhs, {}, x, 2);
      return site.download(x);
    };
    const Lanes b = problems::random_lanes(A.rows(), 1, 1), c = problems::random_lanes(A.rows(), 1, 2);
    const Lanes sum = apply(2 * b + c), parts = 2 * apply(b) + apply(c);
    EXPECT_LE((sum - parts).norm(), 100 * eps * (2 * apply(b).norm() + apply(c).norm()));
  }
}

// Improving a guess: apply from x is x + M (b − A x), also when the guess lies where the result goes.
TEST_P(LawsTest, StationaryMethodsImproveAGuess) {
  const Sparse A = problems::convection_diffusion2d(20, 3.0);
  const CsrMatrix matrix = site.upload(A);
  const Operator op{matrix, {}, Mode::plain};
  std::vector<std::string> configs = multigrids;
  for (const char* smoother : {"BLOCK_JACOBI", "MULTICOLOR_GS", "MULTICOLOR_DILU", "MULTICOLOR_ILU"})
    configs.push_back("solver(o)=" + std::string(smoother));
  for (const std::string& variant : variants) configs.push_back("solver(o)=" + variant);
  for (const std::string& config : configs)
    for (const int iterations : {0, 1, 2, 3}) {
      SCOPED_TRACE(config + ", " + std::to_string(iterations) + " iterations");
      const std::unique_ptr<Method> method = make_method(Config::parse(config).outer());
      method->setup(space, matrix);
      const Lanes b = problems::random_lanes(A.rows(), 2, 1), guess = problems::random_lanes(A.rows(), 2, 2);
      const OwnedVector rhs = site.upload(b), x = site.upload(guess), y = site.vector(A.rows(), 2),
                        r = site.vector(A.rows(), 2), e = site.vector(A.rows(), 2);
      space.residual(op, rhs, x, r);
      method->apply(space, op, r, {}, e, iterations);
      const Lanes expected = site.download(x) + site.download(e);
      method->apply(space, op, rhs, ConstVector(x), y, iterations);
      method->apply(space, op, rhs, ConstVector(x), x, iterations);
      EXPECT_TRUE(same_bits(site.download(x), site.download(y)));
      EXPECT_LE((site.download(x) - expected).norm(),
                100 * eps * (expected.norm() + guess.norm() + b.norm()));
    }
}

// ---- right-hand sides side by side

const std::vector<std::string>& outer_solvers() {
  static const std::string stop = ", o:convergence=RELATIVE_INI, o:max_iters=200, o:tolerance=";
  static const std::vector<std::string> all{
      "solver(o)=CG" + stop,
      "solver(o)=PCG, o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D2, p:max_iters=1" + stop,
      "solver(o)=PBICGSTAB, o:preconditioner(p)=AMG, p:algorithm=AGGREGATION, p:selector=SIZE_2, "
      "p:max_iters=1" +
          stop,
      "solver(o)=PCGF, o:preconditioner(p)=BLOCK_JACOBI, p:max_iters=2" + stop,
      "solver(o)=FGMRES, o:gmres_n_restart=10, o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D2, "
      "p:max_iters=1" +
          stop,
      "solver(o)=GMRES, o:gmres_n_restart=10, o:gmres_krylov_dim=3, o:preconditioner(p)=BLOCK_JACOBI, "
      "p:max_iters=2" +
          stop,
      "solver(o)=IDR, o:subspace_dim_s=4, o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D2, "
      "p:max_iters=1" +
          stop,
      d2 + stop,
      "solver(o)=DENSE_LU_SOLVER" + stop};
  return all;
}

// Right-hand sides that converge at different times: 0, an eigenvector, a smooth one, rough ones.
Lanes uneven_lanes(int n) {
  Lanes b = problems::random_lanes(n * n, 5);
  const double angle = std::numbers::pi / (n + 1);
  for (int i = 0; i < n * n; ++i) {
    b(i, 0) = 0;
    b(i, 1) = std::sin(angle * (i % n + 1)) * std::sin(angle * (i / n + 1));
    b(i, 2) = 1;
  }
  return b;
}

TEST_P(LawsTest, LanesTakeTheIterationsTheyTakeAlone) {
  const Sparse A = problems::poisson2d(20);
  const Lanes b = uneven_lanes(20);
  for (const std::string& solver : outer_solvers()) {
    const std::string config = solver + tolerance;
    SCOPED_TRACE(config);
    const Solution together = solve(config, A, b);
    for (int l = 0; l < b.cols(); ++l) {
      const Solution alone = solve(config, A, Lanes(b.col(l)));
      const auto k = static_cast<std::size_t>(l);
      EXPECT_EQ(together.info.status[k], Status::success);
      EXPECT_EQ(together.info.iterations[k], alone.info.iterations[0]);
      // Sums run in another order, which a Krylov method magnifies: half of the digits stay.
      ASSERT_EQ(together.info.history[k].size(), alone.info.history[0].size());
      for (std::size_t i = 0; i < alone.info.history[0].size(); ++i)
        EXPECT_NEAR(together.info.history[k][i], alone.info.history[0][i],
                    std::sqrt(eps) * alone.info.history[0][0]);
      // Both residuals are within the tolerance, and |A⁻¹| = 1 / (8 sin²(π / 42)) < 23.
      EXPECT_LE((together.x.col(l) - alone.x).norm(), 2 * 23 * std::stod(tolerance) * b.col(l).norm());
    }
    EXPECT_EQ(together.info.iterations[0], 0);
    EXPECT_TRUE((together.x.col(0).array() == 0.0).all());
  }
}

// A lane that has converged is not touched while others go on: same bits as with the iterations cut off
// there.
TEST_P(LawsTest, ConvergedLanesKeepTheirSolution) {
  const Sparse A = problems::poisson2d(20);
  const Lanes b = uneven_lanes(20);
  for (const std::string& solver : outer_solvers()) {
    const std::string config = solver + tolerance;
    SCOPED_TRACE(config);
    const Solution all = solve(config, A, b);
    for (int l = 0; l < b.cols(); ++l) {
      const int iterations = all.info.iterations[static_cast<std::size_t>(l)];
      std::string cut = config;
      cut.replace(cut.find("max_iters=200"), 13, "max_iters=" + std::to_string(iterations));
      const Solution until_then = solve(cut, A, b);
      EXPECT_EQ(until_then.info.status[static_cast<std::size_t>(l)], Status::success);
      EXPECT_TRUE(same_bits(Lanes(until_then.x.col(l)), Lanes(all.x.col(l)))) << l;
    }
  }
}

TEST_P(LawsTest, NonfiniteLaneFailsAlone) {
  const Sparse A = problems::poisson2d(20);
  Lanes b = uneven_lanes(20), zero = b;
  zero.col(3).setZero();
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    b(7, 3) = bad;
    for (const std::string& solver : outer_solvers()) {
      const std::string config = solver + tolerance;
      SCOPED_TRACE(config);
      const Solution with = solve(config, A, b), without = solve(config, A, zero);
      EXPECT_EQ(with.info.status[3], Status::failed);
      EXPECT_EQ(with.info.reason[3], Reason::nonfinite_rhs);
      EXPECT_TRUE(with.x.col(3).array().isNaN().all());
      for (const int l : {0, 1, 2, 4}) {
        EXPECT_EQ(with.info.history[static_cast<std::size_t>(l)],
                  without.info.history[static_cast<std::size_t>(l)]);
        EXPECT_TRUE(same_bits(Lanes(with.x.col(l)), Lanes(without.x.col(l))));
      }
    }
  }
}

}  // namespace
}  // namespace amg
