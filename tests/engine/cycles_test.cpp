// Cycles against the same cycles written down with Eigen, in double, on the engine's hierarchy; how much they
// cost; and the keys that shape a hierarchy and its coarsest level.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "cycles/cycles_below.h"
#include "linear_solver.h"
#include "setup/hierarchy.h"
#include "space_fixture.h"

namespace amg {
namespace {

const std::string smoothed =
    "solver(o)=AMG, o:max_iters=1, o:smoother(s)=BLOCK_JACOBI, s:relaxation_factor=0.8";
const std::string d2 = smoothed + ", o:dense_lu_num_rows=10, o:selector=PMIS, o:interpolator=D2";
const std::string size_2 = smoothed + ", o:dense_lu_num_rows=10, o:algorithm=AGGREGATION, o:selector=SIZE_2";

class CyclesTest : public SpaceTest {
 protected:
  // The matrices of a configuration's hierarchy.
  struct Levels {
    std::vector<Sparse> A, P;
    GridInfo grid;
  };

  Levels levels_of(const std::string& config, const Sparse& A) {
    Hierarchy hierarchy(Config::parse(config).outer().scope);
    hierarchy.setup(space, site.upload(A));
    Levels all{{A}, {}, hierarchy.grid()};
    for (std::size_t l = 0; !hierarchy.is_coarsest(l); ++l) {
      all.P.push_back(site.download(hierarchy[l].P));
      all.A.push_back(site.download(hierarchy[l + 1].A));
    }
    return all;
  }

  Lanes apply(Method& method, const Operator& A, const Lanes& b, int iterations = 1) {
    const OwnedVector rhs = site.upload(b), x = site.vector(b.rows(), b.cols());
    method.apply(space, A, rhs, {}, x, iterations);
    return site.download(x);
  }

  Lanes apply(const std::string& config, const Sparse& A, const Lanes& b, int iterations = 1) {
    const CsrMatrix matrix = site.upload(A);
    const std::unique_ptr<Method> method = make_method(Config::parse(config).outer());
    method->setup(space, matrix);
    return apply(*method, {matrix, {}, Mode::plain}, b, iterations);
  }
};
AMG_IN_EVERY_SPACE(CyclesTest);

// Multigrid with one damped Jacobi sweep before and after, as a textbook says it.
struct Textbook {
  std::vector<Sparse> A, P;
  std::vector<int> below;  // cycles on level l + 1
  int scaling = 0;
  bool scales_anew = true;
  std::vector<double> scales = std::vector<double>(A.size());

  using Vector = Eigen::VectorXd;

  Vector smooth(std::size_t l, const Vector& b, Vector x) const {
    x += 0.8 * (b - A[l] * x).cwiseQuotient(Vector(A[l].diagonal()));
    return x;
  }

  Vector cycle(const std::string& shape, std::size_t l, const Vector& b, const Vector& guess) {
    if (l == P.size()) return Eigen::MatrixXd(A[l]).partialPivLu().solve(b);
    Vector x = smooth(l, b, guess);
    const Vector r = b - A[l] * x;
    Vector e = P[l] * coarse(shape, l, P[l].transpose() * r);
    if (scaling != 0) {
      for (int k = 0; k < 2; ++k) e = smooth(l, r, e);
      const Vector Ae = A[l] * e;
      if (scales_anew) scales[l] = scaling == 2 ? r.dot(Ae) / Ae.dot(Ae) : r.dot(e) / e.dot(Ae);
      e *= scales[l];
    }
    x += e;
    return smooth(l, b, x);
  }

  Vector coarse(const std::string& shape, std::size_t l, const Vector& b) {
    const auto descend = [&](const std::string& next, const Vector& rhs, const Vector& guess) {
      return cycle(next, l + 1, rhs, guess);
    };
    const Vector zero = Vector::Zero(b.size());
    const bool exact = l + 1 == P.size();
    if (shape == "V" || exact) return descend("V", b, zero);
    if (shape == "F") return descend("V", b, descend("F", b, zero));
    if (shape == "W") {
      const Vector x = descend("W", b, zero);
      return below[l] == 1 ? x : descend("W", b, x);
    }
    if (below[l] == 1) return descend(shape, b, zero);
    Vector x = zero, r = b, p, z_old, r_old;
    for (int k = 0; k < below[l]; ++k) {
      const Vector z = descend(shape, r, zero);
      const double beta = k == 0 ? 0 : z.dot(shape == "CG" ? r : Vector(r - r_old)) / z_old.dot(r_old);
      p = k == 0 ? z : Vector(z + beta * p);
      z_old = z, r_old = r;
      const double alpha = z.dot(r) / p.dot(A[l + 1] * p);
      x += alpha * p;
      r -= alpha * (A[l + 1] * p);
    }
    return x;
  }
};

TEST_P(CyclesTest, AreWhatATextbookSays) {
  for (const std::string& hierarchy : {d2, size_2})
    for (const Sparse& given : {problems::poisson2d(24), problems::jumps2d(20, 100.0)}) {
      const Sparse A = site.rounded(given);
      const Lanes b = site.rounded(problems::random_lanes(A.rows(), 2));
      const Levels levels = levels_of(hierarchy, A);
      ASSERT_GE(levels.P.size(), 3u);
      for (const std::string shape : {"V", "W", "F", "CG", "CGF"})
        for (const int scaling : hierarchy == d2 ? std::vector{0} : std::vector{0, 2, 3}) {
          const std::string keys =
              ", o:cycle=" + shape + ", o:error_scaling=" + std::to_string(scaling) + ", o:cycle_iters=3";
          SCOPED_TRACE(hierarchy + keys);
          const Lanes x = apply(hierarchy + keys, A, b);
          for (int l = 0; l < 2; ++l) {
            Textbook book{levels.A, levels.P, cycles_below(levels.grid, shape == "W" ? 2 : 3), scaling};
            const Eigen::VectorXd expected = book.cycle(shape, 0, b.col(l), 0 * b.col(l));
            EXPECT_LE((x.col(l) - expected).norm(), 200 * eps * expected.norm());
          }
        }
    }
}

TEST_P(CyclesTest, ScalesAreKeptForAsManyCyclesAsAreAskedFor) {
  const Sparse A = site.rounded(problems::poisson2d(20));
  const Lanes b = site.rounded(problems::random_lanes(A.rows(), 1));
  const Levels levels = levels_of(size_2, A);
  for (const int kept : {0, 1}) {
    Textbook book{levels.A, levels.P, {}, 2};
    Eigen::VectorXd x = 0 * b.col(0);
    for (int k = 0; k < 2; ++k) {
      book.scales_anew = k == 0 || kept == 0;
      x = book.cycle("V", 0, b.col(0), x);
    }
    const std::string keys = ", o:error_scaling=2, o:reuse_scale=" + std::to_string(kept);
    EXPECT_LE((apply(size_2 + keys, A, b, 2).col(0) - x).norm(), 200 * eps * x.norm()) << kept;
  }
}

TEST_P(CyclesTest, OnlyAggregatesHaveTheirCorrectionsScaled) {
  const Sparse A = problems::poisson2d(20);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  EXPECT_TRUE(same_bits(apply(d2 + ", o:error_scaling=3", A, b), apply(d2, A, b)));
  EXPECT_FALSE(same_bits(apply(size_2 + ", o:error_scaling=3", A, b), apply(size_2, A, b)));
}

TEST_P(CyclesTest, LinearOnesHaveTheirAdjoints) {
  const Sparse A = problems::convection_diffusion2d(20, 3.0);
  const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
  const Lanes b = site.rounded(problems::random_lanes(A.rows(), 1, 1)),
              y = site.rounded(problems::random_lanes(A.rows(), 1, 2));
  for (const std::string& hierarchy : {d2, size_2})
    for (const std::string keys :
         {"W", "F", "W, o:presweeps=2, o:postsweeps=0", "F, o:presweeps=0, o:postsweeps=2",
          "W, o:coarse_solver=NOSOLVER", "F, o:coarse_solver=NOSOLVER"}) {
      SCOPED_TRACE(hierarchy + keys);
      const auto method = make_method(Config::parse(hierarchy + ", o:cycle=" + keys).outer());
      ASSERT_TRUE(method->linear());
      method->setup(space, matrix);
      method->prepare_transpose(space, {matrix, transpose, Mode::transposed});
      const Lanes Mb = apply(*method, {matrix, transpose, Mode::plain}, b, 2),
                  MTy = apply(*method, {matrix, transpose, Mode::transposed}, y, 2);
      EXPECT_NEAR(Mb.col(0).dot(y.col(0)), b.col(0).dot(MTy.col(0)),
                  100 * eps * (Mb.norm() * y.norm() + b.norm() * MTy.norm()));
    }
}

// The coefficients of a K-cycle, and the scales, depend on b.
TEST_P(CyclesTest, KnowWhetherTheyAreLinear) {
  const auto linear = [](const std::string& keys) {
    return make_method(Config::parse("solver(o)=AMG, " + keys).outer())->linear();
  };
  for (const std::string shape : {"V", "W", "F"}) EXPECT_TRUE(linear("o:cycle=" + shape));
  const std::string size_2_scaled = "o:algorithm=AGGREGATION, o:selector=SIZE_2, o:error_scaling=";
  for (const std::string& keys :
       {std::string("o:cycle=CG"), std::string("o:cycle=CGF"), size_2_scaled + "2", size_2_scaled + "3"})
    EXPECT_FALSE(linear(keys)) << keys;
}

TEST_P(CyclesTest, RefreshGivesTheBitsOfASetup) {
  const Sparse A = problems::anisotropic2d(20, 0.05), B = problems::turned(A, 20);
  const CsrMatrix before = site.upload(A), after = site.upload(B);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  for (const std::string shape : {"W", "F", "CG", "CGF"}) {
    const std::string config = size_2 + ", o:cycle=" + shape;
    const auto method = make_method(Config::parse(config).outer());
    method->setup(space, before);
    method->refresh(space, after);
    EXPECT_TRUE(same_bits(apply(*method, {after, {}, Mode::plain}, b), apply(config, B, b))) << shape;
  }
}

// Pairs of rows on many levels: a V-cycle's rate falls with their number, a W's and a K's much less.
TEST_P(CyclesTest, TakeFewerIterationsThanAVOnDeepHierarchies) {
  const Sparse A = problems::poisson2d(64);
  const CsrMatrix matrix = site.upload(A);
  const auto iterations = [&](const std::string& shape) {
    LinearSolver solver(Config::parse(
        "solver(o)=PCGF, o:convergence=RELATIVE_INI, o:tolerance=1e-4, o:max_iters=200, "
        "o:preconditioner(p)=AMG, "
        "p:max_iters=1, p:algorithm=AGGREGATION, p:selector=SIZE_2, p:dense_lu_num_rows=4, p:cycle=" +
        shape));
    solver.setup(space, matrix);
    const OwnedVector b = site.upload(problems::random_lanes(A.rows(), 1)), x = site.vector(A.rows(), 1);
    space.fill(x, 0.0);
    const SolveInfo info = solver.solve(space, {matrix, {}, Mode::plain}, b, x);
    EXPECT_EQ(info.status[0], Status::success) << shape;
    return info.iterations[0];
  };
  const int v = iterations("V");
  for (const std::string shape : {"W", "F", "CG", "CGF"}) EXPECT_LE(3 * iterations(shape), 2 * v) << shape;
}

// ---- cost

GridInfo grid(double entries, double ratio) {
  GridInfo info;
  for (; entries >= 4; entries /= ratio)
    info.levels.push_back({static_cast<std::int64_t>(entries / 4), static_cast<std::int64_t>(entries), ""});
  return info;
}

TEST(CyclesBelowTest, BoundTheWorkOfAnyHierarchy) {
  for (const double ratio : {1.1, 1.5, 1.9, 3.0, 4.0, 8.0})
    for (const double entries : {1e3, 1e6, 1e9})
      for (const int wanted : {2, 3, 5}) {
        const GridInfo levels = grid(entries, ratio);
        const std::vector<int> cycles = cycles_below(levels, wanted);
        ASSERT_EQ(cycles.size() + 1, levels.levels.size());
        double visits = 1, v_work = 0, work = 0;
        for (std::size_t l = 1; l < levels.levels.size(); ++l) {
          visits *= cycles[l - 1];
          work += visits * static_cast<double>(levels.levels[l].entries);
          v_work += static_cast<double>(levels.levels[l].entries);
        }
        EXPECT_LE(work, 24 * (entries + 256) + v_work) << ratio << ' ' << entries << ' ' << wanted;
        EXPECT_LE(visits, 8 * (entries / 256 + 1)) << ratio;
      }
}

TEST(CyclesBelowTest, LeaveAWWholeOnLevelsThatShrinkFast) {
  const std::vector<int> cycles = cycles_below(grid(1e7, 8), 2);
  for (std::size_t l = 0; l + 2 < cycles.size(); ++l) EXPECT_EQ(cycles[l], 2) << l;
}

// ---- the coarsest level, and where levels end

TEST_P(CyclesTest, AnyMethodSolvesTheCoarsestLevel) {
  const Sparse A = problems::poisson2d(16);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  const Lanes exact = apply(d2, A, b);
  const std::string stop =
      ", c:monitor_residual=1, c:convergence=RELATIVE_INI, c:max_iters=100, c:tolerance=" +
      std::string(site.dtype == DType::f32 ? "1e-6" : "1e-12");
  for (const std::string solver :
       {"PCG, c:preconditioner=NOSOLVER", "GMRES, c:preconditioner=NOSOLVER",
        "AMG, c:selector=PMIS, c:dense_lu_num_rows=2", "MULTICOLOR_GS, c:symmetric_GS=1"}) {
    const std::string keys = ", o:min_coarse_rows=10, o:coarse_solver(c)=" + solver + stop;
    EXPECT_LE((apply(d2 + keys, A, b) - exact).norm(), 1e4 * eps * exact.norm()) << solver;
  }
  // one level, too large to factor: smoothed from where the last iteration left it
  const Lanes smoothed_once =
      apply(d2 + ", o:max_levels=1, o:dense_lu_max_rows=100, o:coarsest_sweeps=3", A, b, 2);
  const Lanes sweeps = apply("solver(o)=BLOCK_JACOBI, o:relaxation_factor=0.8", A, b, 6);
  EXPECT_LE((smoothed_once - sweeps).norm(), 10 * eps * sweeps.norm());
  // an inexact solver of the only level improves on itself
  const std::string one =
      ", o:max_levels=1, o:coarse_solver(c)=BLOCK_JACOBI, c:relaxation_factor=0.8, c:max_iters=";
  EXPECT_LE((apply(d2 + one + "3", A, b, 2) - sweeps).norm(), 10 * eps * sweeps.norm());
}

TEST_P(CyclesTest, FewerThanMinFineRowsAreNotCoarsened) {
  const auto rows = [&](int least) {
    std::vector<std::int64_t> all;
    const std::string key = ", o:min_fine_rows=" + std::to_string(least);
    for (const LevelInfo& level : levels_of(size_2 + key, problems::poisson2d(24)).grid.levels)
      all.push_back(level.rows);
    return all;
  };
  EXPECT_EQ(rows(1), (std::vector<std::int64_t>{576, 288, 144, 72, 36, 18}));
  EXPECT_EQ(rows(144), (std::vector<std::int64_t>{576, 288, 144, 72}));
  EXPECT_EQ(rows(145), (std::vector<std::int64_t>{576, 288, 144}));
  EXPECT_EQ(rows(577), (std::vector<std::int64_t>{576}));
}

// The first levels keep their prolongation, though the new values would lead to another; their coarse
// matrices are those of the new values.
TEST_P(CyclesTest, StructureReuseKeepsTheFirstProlongations) {
  const Sparse A = problems::anisotropic2d(24, 0.05), B = site.rounded(problems::turned(A, 24));
  for (const std::string& config : {d2, size_2}) {
    const Levels before = levels_of(config, site.rounded(A)), fresh = levels_of(config, B);
    ASSERT_FALSE(same_pattern(before.P[0], fresh.P[0]));
    for (const int kept : {0, 1, 2, -1}) {
      SCOPED_TRACE(config + std::to_string(kept));
      const std::string key = ", o:structure_reuse_levels=" + std::to_string(kept);
      Hierarchy hierarchy(Config::parse(config + key).outer().scope);
      hierarchy.setup(space, site.upload(A));
      hierarchy.refresh(space, site.upload(B));
      const std::size_t all = kept < 0 ? before.P.size() : static_cast<std::size_t>(kept);
      for (std::size_t l = 0; l < all; ++l) {
        const Sparse P = site.download(hierarchy[l].P), next = site.download(hierarchy[l + 1].A);
        EXPECT_TRUE(same_bits(P, before.P[l])) << l;
        const Sparse fine = l == 0 ? B : site.download(hierarchy[l].A);
        const Lanes galerkin = Sparse(P.transpose() * fine * P);
        EXPECT_LE((Lanes(next) - galerkin).norm(), 10 * eps * galerkin.norm()) << l;
      }
      if (kept == 0) {
        EXPECT_TRUE(same_bits(site.download(hierarchy[0].P), fresh.P[0]));
      }
    }
  }
}

}  // namespace
}  // namespace amg
