// Methods × problems: how fast each converges, in every space and precision, plain and transposed; and that a
// residual is what it is said to be.
//
// A row costs a line; a registered method without one fails the test of completeness.
#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <set>
#include <tuple>

#include "linear_solver.h"
#include "registry.h"
#include "space_fixture.h"

namespace amg {
namespace {

const std::map<std::string, std::function<Sparse()>> gallery{
    {"poisson2d", [] { return problems::poisson2d(32); }},
    {"poisson3d", [] { return problems::poisson3d(12); }},
    {"anisotropic", [] { return problems::anisotropic2d(32, 1e-3); }},
    {"jumps", [] { return problems::jumps2d(32, 100.0); }},
    {"convection", [] { return problems::convection_diffusion2d(32, 0.5); }},
    {"random", [] { return problems::random_dominant(600); }},
};

// What fills a slot; % stands for the slot's scope.
const std::string v_cycle = ", %:dense_lu_num_rows=20, %:smoother(s)=BLOCK_JACOBI, s:relaxation_factor=0.8";
const std::string classical =
    "AMG, %:selector=PMIS, %:interpolator=D2, %:dense_lu_num_rows=20, %:smoother(s)=";
const std::map<std::string, std::string> fillings{
    {"AMG_D1", "AMG, %:selector=PMIS, %:interpolator=D1, %:strength_threshold=0.25" + v_cycle},
    {"AMG_D2", "AMG, %:selector=PMIS, %:interpolator=D2, %:strength_threshold=0.25" + v_cycle},
    {"AMG_aggressive", "AMG, %:selector=PMIS, %:interpolator=D2, %:aggressive_levels=1" + v_cycle},
    {"AMG_HMIS", "AMG, %:selector=HMIS, %:interpolator=D2, %:strength_threshold=0.25" + v_cycle},
    {"AMG_HMIS_D1", "AMG, %:selector=HMIS, %:interpolator=D1, %:strength_threshold=0.25" + v_cycle},
    {"AMG_aggressive_HMIS", "AMG, %:selector=HMIS, %:interpolator=D2, %:aggressive_levels=1" + v_cycle},
    {"AMG_CR", "AMG, %:selector=CR, %:interpolator=D2, %:strength_threshold=0.25" + v_cycle},
    {"AMG_ALL", "AMG, %:selector=PMIS, %:interpolator=D2, %:strength=ALL" + v_cycle},
    {"AMG_AFFINITY", "AMG, %:selector=PMIS, %:interpolator=D2, %:strength=AFFINITY" + v_cycle},
    {"AMG_ENERGYMIN", "AMG, %:algorithm=ENERGYMIN" + v_cycle},
    {"AMG_SIZE_2", "AMG, %:algorithm=AGGREGATION, %:selector=SIZE_2" + v_cycle},
    {"AMG_SIZE_4", "AMG, %:algorithm=AGGREGATION, %:selector=SIZE_4" + v_cycle},
    {"AMG_SIZE_8", "AMG, %:algorithm=AGGREGATION, %:selector=SIZE_8" + v_cycle},
    {"AMG_NOTAY",
     "AMG, %:algorithm=AGGREGATION, %:selector=MULTI_PAIRWISE, %:aggregation_passes=2, %:notay_weights=1, "
     "%:filter_weights=1, %:filter_weights_alpha=0.25" +
         v_cycle},
    {"AMG_GREEDY", "AMG, %:algorithm=AGGREGATION, %:selector=PARALLEL_GREEDY_SELECTOR" + v_cycle},
    {"AMG_smoothed", "AMG, %:algorithm=SMOOTHED_AGGREGATION" + v_cycle},
    {"AMG_GS", classical + "MULTICOLOR_GS"},
    {"AMG_DILU", classical + "MULTICOLOR_DILU"},
    {"AMG_ILU", classical + "MULTICOLOR_ILU"},
    {"BLOCK_JACOBI", "BLOCK_JACOBI, %:relaxation_factor=0.8"},
    {"GS_SYMMETRIC", "MULTICOLOR_GS, %:symmetric_GS=1, %:relaxation_factor=1"},
    {"ILU_1", "MULTICOLOR_ILU, %:ilu_sparsity_level=1"},
    // a method in a method in a method
    {"GMRES_AMG", "GMRES, %:preconditioner(i)=AMG, i:selector=PMIS, i:interpolator=D1, i:max_iters=1"},
    {"CHEBYSHEV_L1",
     "CHEBYSHEV, %:chebyshev_lambda_estimate_mode=2, %:preconditioner(l)=JACOBI_L1, l:max_iters=1"},
    {"CHEBYSHEV_RITZ", "CHEBYSHEV, %:chebyshev_lambda_estimate_mode=1, %:preconditioner=NOSOLVER"},
    {"HYBRID_GS_SYMMETRIC", "HYBRID_GS, %:symmetric_GS=1"},
    {"AMG_L1", "AMG, %:selector=PMIS, %:interpolator=D2, %:dense_lu_num_rows=20, %:smoother(t)=JACOBI_L1"},
    {"AMG_CF", "AMG, %:selector=PMIS, %:interpolator=D2, %:dense_lu_num_rows=20, %:smoother(t)=CF_JACOBI"},
    {"AMG_SPAI0", "AMG, %:selector=PMIS, %:interpolator=D2, %:dense_lu_num_rows=20, %:smoother(t)=SPAI0"},
    {"AMG_HYBRID",
     "AMG, %:selector=PMIS, %:interpolator=D2, %:dense_lu_num_rows=20, %:smoother(t)=HYBRID_GS"},
    {"AMG_CHEBYSHEV",
     "AMG, %:selector=PMIS, %:interpolator=D2, %:dense_lu_num_rows=20, %:smoother(t)=CHEBYSHEV, "
     "t:chebyshev_polynomial_order=2, t:chebyshev_lambda_estimate_mode=2, t:preconditioner(l)=JACOBI_L1, "
     "l:max_iters=1"},
    {"AMG_POLY",
     "AMG, %:selector=PMIS, %:interpolator=D2, %:dense_lu_num_rows=20, %:smoother(t)=CHEBYSHEV_POLY, "
     "t:chebyshev_polynomial_order=2"},
    {"AMG_KPZ",
     "AMG, %:selector=PMIS, %:interpolator=D2, %:dense_lu_num_rows=20, %:smoother(t)=KPZ_POLYNOMIAL, "
     "t:kpz_order=2"},
};

std::string fill(const std::string& name, char scope) {
  const auto filling = fillings.find(name);
  std::string text = filling == fillings.end() ? name : filling->second;
  std::ranges::replace(text, '%', scope);
  return text;
}

struct Row {
  std::string outer;
  std::string preconditioner;  // "" where the method takes none
  std::string problem;
  double rate;  // bound on (|r| / |r0|)^(1 / iterations)

  std::string config(double tolerance) const {
    std::string text = "solver(o)=" + fill(outer, 'o') + ", o:convergence=RELATIVE_INI, o:max_iters=500, " +
                       "o:tolerance=" + std::to_string(tolerance * 1e9) + "e-9";
    if (!preconditioner.empty())
      text += ", o:preconditioner(p)=" + fill(preconditioner, 'p') + ", p:max_iters=1";
    return text;
  }

  std::string name() const {
    return outer + (preconditioner.empty() ? "" : "_" + preconditioner) + "_on_" + problem;
  }
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name(); }

// Rates as measured in the slower precision and mode, with room for a tenth more iterations.
const std::vector<Row> rows{
    {"CG", "", "poisson2d", 0.88},
    {"CG", "", "poisson3d", 0.75},
    {"PCG", "NOSOLVER", "poisson2d", 0.88},
    {"PCG", "BLOCK_JACOBI", "jumps", 0.93},
    {"PCG", "DENSE_LU_SOLVER", "poisson2d", 1e-4},
    {"PCG", "AMG_D1", "poisson2d", 0.33},
    {"PCG", "AMG_D2", "poisson2d", 0.16},
    {"PCG", "AMG_aggressive", "poisson2d", 0.43},
    {"PCG", "AMG_SIZE_2", "poisson2d", 0.37},
    {"PCG", "AMG_D1", "poisson3d", 0.19},
    {"PCG", "AMG_D2", "poisson3d", 0.15},
    {"PCG", "AMG_aggressive", "poisson3d", 0.31},
    {"PCG", "AMG_SIZE_2", "poisson3d", 0.23},
    {"PCG", "AMG_D1", "anisotropic", 0.37},
    {"PCG", "AMG_D2", "anisotropic", 0.17},
    {"PCG", "AMG_SIZE_2", "anisotropic", 0.51},
    {"PCG", "AMG_D1", "jumps", 0.33},
    {"PCG", "AMG_D2", "jumps", 0.2},
    {"PCG", "AMG_aggressive", "jumps", 0.36},
    {"PCG", "AMG_SIZE_2", "jumps", 0.47},
    {"PCG", "AMG_HMIS", "poisson2d", 0.14},
    {"PCG", "AMG_HMIS_D1", "poisson2d", 0.14},
    {"PCG", "AMG_HMIS", "poisson3d", 0.13},
    {"PCG", "AMG_HMIS", "anisotropic", 0.16},
    {"PCG", "AMG_HMIS", "jumps", 0.18},
    {"PCG", "AMG_aggressive_HMIS", "poisson3d", 0.25},
    {"PCG", "AMG_CR", "poisson2d", 0.17},
    {"PCG", "AMG_CR", "poisson3d", 0.15},
    {"PCG", "AMG_CR", "anisotropic", 0.18},
    {"PCG", "AMG_CR", "jumps", 0.19},
    {"PCG", "AMG_ALL", "poisson3d", 0.17},
    {"PCG", "AMG_AFFINITY", "poisson2d", 0.25},
    {"PCG", "AMG_AFFINITY", "anisotropic", 0.64},
    {"PCG", "AMG_ENERGYMIN", "poisson2d", 0.15},
    {"PCG", "AMG_ENERGYMIN", "poisson3d", 0.15},
    {"PCG", "AMG_ENERGYMIN", "anisotropic", 0.22},
    {"PCG", "AMG_ENERGYMIN", "jumps", 0.19},
    {"PBICGSTAB", "AMG_HMIS", "convection", 0.1},
    {"PBICGSTAB", "AMG_CR", "convection", 0.11},
    {"PBICGSTAB", "AMG_ENERGYMIN", "convection", 0.11},
    {"BICGSTAB", "", "poisson2d", 0.84},
    {"BICGSTAB", "", "convection", 0.82},
    {"BICGSTAB", "", "random", 0.22},
    {"PBICGSTAB", "NOSOLVER", "convection", 0.82},
    {"PBICGSTAB", "BLOCK_JACOBI", "convection", 0.82},
    {"PBICGSTAB", "BLOCK_JACOBI", "random", 0.17},
    {"PBICGSTAB", "AMG_D1", "convection", 0.19},
    {"PBICGSTAB", "AMG_D2", "convection", 0.12},
    {"PBICGSTAB", "AMG_aggressive", "convection", 0.3},
    {"PBICGSTAB", "AMG_SIZE_2", "convection", 0.25},
    {"PBICGSTAB", "AMG_D2", "poisson3d", 0.05},
    {"PBICGSTAB", "AMG_D2", "jumps", 0.08},
    {"PBICGSTAB", "AMG_D2", "random", 0.04},
    {"PCGF", "NOSOLVER", "poisson2d", 0.88},
    {"PCGF", "BLOCK_JACOBI", "jumps", 0.93},
    {"PCGF", "AMG_D2", "poisson3d", 0.15},
    {"PCGF", "AMG_SIZE_2", "anisotropic", 0.51},
    {"GMRES", "NOSOLVER", "poisson3d", 0.78},
    {"GMRES", "BLOCK_JACOBI", "convection", 0.92},
    {"GMRES", "BLOCK_JACOBI", "random", 0.4},
    {"GMRES", "AMG_D1", "convection", 0.41},
    {"GMRES", "AMG_D2", "jumps", 0.2},
    {"FGMRES", "DENSE_LU_SOLVER", "convection", 1e-4},
    {"FGMRES", "AMG_D2", "poisson2d", 0.18},
    {"FGMRES", "AMG_SIZE_2", "convection", 0.42},
    {"FGMRES", "GMRES_AMG", "convection", 0.32},
    {"IDR", "NOSOLVER", "poisson2d", 0.89},
    {"IDR", "NOSOLVER", "convection", 0.91},
    {"IDR", "BLOCK_JACOBI", "random", 0.45},
    {"IDR", "AMG_D2", "poisson3d", 0.18},
    {"IDRMSYNC", "AMG_SIZE_2", "convection", 0.48},
    {"BLOCK_JACOBI", "", "random", 0.52},
    {"GS", "", "random", 0.31},
    {"FIXCOLOR_GS", "", "random", 0.31},
    {"MULTICOLOR_GS", "", "random", 0.31},
    {"GS_SYMMETRIC", "", "random", 0.13},
    {"MULTICOLOR_DILU", "", "random", 0.21},
    {"MULTICOLOR_ILU", "", "random", 0.21},
    {"ILU_1", "", "random", 0.14},
    {"PCG", "GS_SYMMETRIC", "jumps", 0.88},
    {"PCG", "MULTICOLOR_DILU", "jumps", 0.89},
    {"PCG", "MULTICOLOR_ILU", "jumps", 0.88},
    {"PCG", "ILU_1", "jumps", 0.84},
    {"PCG", "ILU_1", "poisson3d", 0.38},
    {"PBICGSTAB", "MULTICOLOR_GS", "convection", 0.7},
    {"PBICGSTAB", "MULTICOLOR_DILU", "convection", 0.64},
    {"PBICGSTAB", "MULTICOLOR_ILU", "convection", 0.64},
    {"PBICGSTAB", "ILU_1", "convection", 0.48},
    {"AMG_GS", "", "poisson2d", 0.18},
    {"AMG_DILU", "", "poisson2d", 0.18},
    {"AMG_ILU", "", "poisson2d", 0.17},
    {"AMG_GS", "", "convection", 0.19},
    {"AMG_DILU", "", "anisotropic", 0.52},
    {"PCG", "AMG_DILU", "jumps", 0.08},
    {"JACOBI_L1", "", "random", 0.68},
    {"CF_JACOBI", "", "random", 0.44},
    {"SPAI0", "", "random", 0.45},
    {"HYBRID_GS", "", "random", 0.56},
    {"HYBRID_GS_SYMMETRIC", "", "random", 0.32},
    {"CHEBYSHEV_L1", "", "random", 0.27},
    {"CHEBYSHEV", "BLOCK_JACOBI", "random", 0.02},
    {"CHEBYSHEV_POLY", "", "poisson3d", 0.64},
    {"POLYNOMIAL", "", "poisson3d", 0.79},
    {"KPZ_POLYNOMIAL", "", "random", 0.14},
    {"KACZMARZ", "", "random", 0.93},
    {"PCG", "JACOBI_L1", "jumps", 0.93},
    {"PCG", "SPAI0", "jumps", 0.935},
    {"PCG", "HYBRID_GS_SYMMETRIC", "jumps", 0.85},
    {"PCG", "CHEBYSHEV_L1", "jumps", 0.75},
    {"PCG", "CHEBYSHEV_RITZ", "poisson2d", 0.63},
    {"PCG", "CHEBYSHEV_POLY", "jumps", 0.77},
    {"PCG", "POLYNOMIAL", "poisson2d", 0.71},
    {"PCG", "KPZ_POLYNOMIAL", "jumps", 0.8},
    {"PCG", "KACZMARZ", "poisson3d", 0.945},
    {"PCG", "AMG_L1", "poisson2d", 0.26},
    {"PCG", "AMG_CF", "poisson2d", 0.12},
    {"PCG", "AMG_CHEBYSHEV", "poisson2d", 0.09},
    {"PCG", "AMG_KPZ", "poisson2d", 0.04},
    {"PCG", "AMG_L1", "jumps", 0.25},
    {"PCG", "AMG_POLY", "jumps", 0.31},
    {"PCG", "AMG_SIZE_4", "poisson2d", 0.35},
    {"PCG", "AMG_SIZE_8", "poisson3d", 0.33},
    {"PCG", "AMG_SIZE_4", "jumps", 0.49},
    {"PCG", "AMG_NOTAY", "anisotropic", 0.57},
    {"PCG", "AMG_GREEDY", "poisson2d", 0.52},
    {"PCG", "AMG_smoothed", "poisson2d", 0.22},
    {"PCG", "AMG_smoothed", "poisson3d", 0.22},
    {"PCG", "AMG_smoothed", "anisotropic", 0.18},
    {"PCG", "AMG_smoothed", "jumps", 0.19},
    {"PBICGSTAB", "AMG_smoothed", "convection", 0.12},
    {"AMG_smoothed", "", "poisson2d", 0.49},
    {"PBICGSTAB", "AMG_SPAI0", "convection", 0.13},
    {"PBICGSTAB", "AMG_HYBRID", "convection", 0.05},
    {"PBICGSTAB", "AMG_CF", "convection", 0.09},
    {"AMG_D1", "", "poisson2d", 0.67},
    {"AMG_D2", "", "poisson2d", 0.42},
    {"AMG_SIZE_2", "", "poisson2d", 0.74},
    {"AMG_D1", "", "poisson3d", 0.48},
    {"AMG_D2", "", "poisson3d", 0.4},
    {"AMG_SIZE_2", "", "poisson3d", 0.56},
    {"AMG_D2", "", "anisotropic", 0.39},
    {"AMG_D2", "", "jumps", 0.47},
    {"AMG_D2", "", "convection", 0.39},
    {"AMG_D2", "", "random", 0.16},
    {"DENSE_LU_SOLVER", "", "poisson2d", 1e-4},
    {"DENSE_LU_SOLVER", "", "convection", 1e-4},
    {"DENSE_LU_SOLVER", "", "random", 1e-4},
};

class MethodsTest : public testing::TestWithParam<std::tuple<Row, Setting>> {};

INSTANTIATE_TEST_SUITE_P(, MethodsTest,
                         testing::Combine(testing::ValuesIn(rows), testing::ValuesIn(every_setting())),
                         [](const auto& instance) {
                           return std::get<0>(instance.param).name() + "_" +
                                  std::get<1>(instance.param).name();
                         });

TEST_P(MethodsTest, ConvergesAtItsRate) {
  const auto& [row, setting] = GetParam();
  Site site(setting);
  Space& space = site.space();
  const double tolerance = setting.dtype == DType::f32 ? 1e-4 : 1e-8;
  const double eps = epsilon(setting.dtype);
  const Sparse stored = site.rounded(gallery.at(row.problem)()), AT = stored.transpose();
  const CsrMatrix matrix = site.upload(stored), transpose = site.upload(AT);
  const OwnedVector b = site.upload(problems::random_lanes(stored.rows(), 1));

  LinearSolver solver(Config::parse(row.config(tolerance)));
  solver.setup(space, matrix);
  solver.prepare_transpose(space, {matrix, transpose, Mode::transposed});
  for (const Mode mode : {Mode::plain, Mode::transposed}) {
    SCOPED_TRACE(mode == Mode::plain ? "plain" : "transposed");
    const Sparse& A = mode == Mode::plain ? stored : AT;
    const OwnedVector x = site.vector(A.rows(), 1);
    space.fill(x, 0.0);
    const SolveInfo info = solver.solve(space, {matrix, transpose, mode}, b, x);
    ASSERT_EQ(info.status[0], Status::success) << explain(info.reason[0]);
    EXPECT_EQ(info.reason[0], Reason::none);
    EXPECT_EQ(info.history[0].size(), static_cast<std::size_t>(info.iterations[0]) + 1);
    EXPECT_EQ(info.history[0].back(), info.residual[0]);
    EXPECT_LE(info.residual[0], tolerance * info.history[0][0]);
    EXPECT_LE(std::pow(info.residual[0] / info.history[0][0], 1.0 / info.iterations[0]), row.rate)
        << info.iterations[0] << " iterations";

    // The residual is that of x: b − A x in double, rounded once to the precision of the vectors.
    const Lanes solution = site.download(x), rhs = site.download(b);
    const Lanes r = rhs - A * solution;
    const double scale = (Sparse(A.cwiseAbs()) * solution.cwiseAbs() + rhs.cwiseAbs()).norm();
    EXPECT_NEAR(info.residual[0], r.norm(), eps * r.norm() + 20 * epsilon(DType::f64) * scale);
    EXPECT_NEAR(info.history[0][0], rhs.norm(), 1000 * epsilon(DType::f64) * rhs.norm());
  }
}

TEST(MethodsTableTest, HasARowForEveryRegisteredMethod) {
  std::set<std::string> tested;
  for (const Row& row : rows)
    for (const std::string& name : {row.outer, row.preconditioner}) {
      const std::string filling = fill(name, 'o');
      tested.insert(filling.substr(0, filling.find(',')));
    }
  for (const std::string& method : registered_methods()) EXPECT_TRUE(tested.contains(method)) << method;
}

// ---- what the theory says

class TheoryTest : public SpaceTest {
 protected:
  struct Solution {
    SolveInfo info;
    Lanes x;
  };

  Solution solve(const std::string& config, const Sparse& A, const Lanes& b) {
    const CsrMatrix matrix = site.upload(A);
    const OwnedVector rhs = site.upload(b), x = site.vector(b.rows(), b.cols());
    LinearSolver solver(Config::parse(config));
    solver.setup(space, matrix);
    space.fill(x, 0.0);
    SolveInfo info = solver.solve(space, {matrix, {}, Mode::plain}, rhs, x);
    return {std::move(info), site.download(x)};
  }

  Solution solve(const Row& row, const Sparse& A, const Lanes& b) {
    return solve(row.config(GetParam().dtype == DType::f32 ? 1e-4 : 1e-8), A, b);
  }
};
AMG_IN_EVERY_SPACE(TheoryTest);

// Saad, theorem 6.29: |e_k|_A <= 2 ((√κ - 1) / (√κ + 1))^k |e_0|_A, so |r_k| <= √κ times that. The condition
// number of Poisson's matrix is cot²(π / 2(n + 1)).
TEST_P(TheoryTest, ConjugateGradientsKeepTheirBoundInEveryIteration) {
  const int n = 40;
  const Sparse A = problems::poisson2d(n);
  const double root = 1 / std::tan(std::numbers::pi / (2 * (n + 1)));
  const auto [info, x] = solve(Row{"CG", "", "", 1}, A, problems::random_lanes(A.rows(), 1));
  ASSERT_EQ(info.status[0], Status::success);
  for (std::size_t k = 1; k < info.history[0].size(); ++k)
    EXPECT_LE(info.history[0][k] / info.history[0][0],
              2 * root * std::pow((root - 1) / (root + 1), static_cast<double>(k)));
}

// The eigenvectors of Poisson's matrix are those of Jacobi's iteration: each step multiplies the smoothest of
// them by 1 - ω (1 - cos(π / (n + 1))).
TEST_P(TheoryTest, JacobiContractsAnEigenvectorByItsEigenvalue) {
  const int n = 20;
  const double angle = std::numbers::pi / (n + 1), omega = 0.8;
  const Lanes b = Lanes::NullaryExpr(n * n, 1, [&](Eigen::Index i, Eigen::Index) {
    return std::sin(angle * static_cast<double>(i % n + 1)) *
           std::sin(angle * static_cast<double>(i / n + 1));
  });
  const auto [info, x] =
      solve("solver(o)=BLOCK_JACOBI, o:relaxation_factor=0.8, o:max_iters=30, o:tolerance=0",
            problems::poisson2d(n), b);
  EXPECT_EQ(info.status[0], Status::not_converged);
  ASSERT_EQ(info.history[0].size(), 31u);
  // Rounding of x, of size 1 / λ b, is multiplied by A in every residual.
  const double rounding = 10 * eps / (1 - std::cos(angle));
  for (std::size_t k = 1; k < 31; ++k)
    EXPECT_NEAR(info.history[0][k] / info.history[0][k - 1], 1 - omega * (1 - std::cos(angle)), rounding);
}

// The residual of GMRES is the least in r₀ + A K_k(A, r₀), restart after restart; Eigen's, by least squares.
TEST_P(TheoryTest, GmresMinimizesTheResidualInEveryCycle) {
  const Sparse A = problems::convection_diffusion2d(12, 2.0);
  const int restart = 7;
  Lanes r = problems::random_lanes(A.rows(), 1);
  const auto [info, x] = solve(
      "solver(o)=GMRES, o:preconditioner=NOSOLVER, o:max_iters=21, o:tolerance=0, o:gmres_n_restart=7", A, r);
  ASSERT_EQ(info.history[0].size(), 22u);
  for (std::size_t k = 1; k < info.history[0].size();) {
    Eigen::MatrixXd AK(A.rows(), restart);
    Eigen::VectorXd v = r.normalized(), least = r;
    for (int j = 0; j < restart; ++j, ++k) {
      AK.col(j) = A * v;
      v = AK.col(j).normalized();
      const auto K = AK.leftCols(j + 1);
      least = r - K * K.householderQr().solve(Eigen::VectorXd(r));
      EXPECT_NEAR(info.history[0][k], least.norm(), 100 * eps * info.history[0][0]) << k;
    }
    r = least;
  }
}

// DQGMRES with two vectors: on a symmetric matrix Arnoldi is Lanczos, so that nothing is lost.
TEST_P(TheoryTest, TruncatedGmresOfASymmetricMatrixIsGmres) {
  const Sparse A = problems::poisson2d(10);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  const std::string full = "solver(o)=GMRES, o:preconditioner=NOSOLVER, o:max_iters=12, o:tolerance=0";
  const auto all = solve(full, A, b), two = solve(full + ", o:gmres_krylov_dim=2", A, b);
  ASSERT_EQ(two.info.history[0].size(), 13u);
  for (std::size_t k = 0; k < 13; ++k)
    EXPECT_NEAR(two.info.history[0][k], all.info.history[0][k], 1000 * eps * b.norm()) << k;
}

// A rotation, on which conjugate gradients break down at once: the Krylov space of two dimensions is all there is.
TEST_P(TheoryTest, GmresSolvesWhereConjugateGradientsBreakDown) {
  Eigen::MatrixXd rotation(2, 2);
  rotation << 0, 1, -1, 0;
  Lanes b(2, 1);
  b << 3, -4;
  const auto [info, x] = solve(Row{"GMRES", "NOSOLVER", "", 1}, Sparse(rotation.sparseView()), b);
  EXPECT_EQ(info.status[0], Status::success);
  EXPECT_EQ(info.iterations[0], 2);
  EXPECT_LE((rotation * x - b).norm(), 10 * eps * b.norm());
}

// Finite termination: IDR(s) needs at most n + n / s products (Sonneveld and van Gijzen, theorem 2.1), also
// where the shadow space is all of a small system.
TEST_P(TheoryTest, InducedDimensionReductionEndsInFiniteTime) {
  for (const int n : {1, 3, 12}) {
    const Sparse A = problems::grid(n, 1, 1, {{0, 0, 0, 3}, {-1, 0, 0, -1}, {1, 0, 0, -0.5}});
    for (const int s : {1, 4, 8}) {
      const Row row{"IDR", "NOSOLVER", "", 1};
      const double tolerance = GetParam().dtype == DType::f32 ? 1e-4 : 1e-8;
      const auto [info, x] = solve(row.config(tolerance) + ", o:subspace_dim_s=" + std::to_string(s), A,
                                   problems::random_lanes(n, 1));
      EXPECT_EQ(info.status[0], Status::success) << n << ' ' << s;
      EXPECT_LE(info.iterations[0], n + (n + s - 1) / s) << n << ' ' << s;
    }
  }
}

// A preconditioner that does not change makes flexible conjugate gradients the plain ones.
TEST_P(TheoryTest, FlexibleConjugateGradientsAreTheSameWithAFixedPreconditioner) {
  const Sparse A = problems::jumps2d(16, 10.0);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  const auto plain = solve(Row{"PCG", "BLOCK_JACOBI", "", 1}, A, b);
  const auto flexible = solve(Row{"PCGF", "BLOCK_JACOBI", "", 1}, A, b);
  ASSERT_GE(flexible.info.history[0].size(), 10u);
  for (std::size_t k = 0; k < 10; ++k)
    EXPECT_NEAR(flexible.info.history[0][k], plain.info.history[0][k], 1000 * eps * b.norm()) << k;
}

TEST_P(TheoryTest, MultigridTakesAsManyIterationsOnAnyMesh) {
  for (const char* multigrid : {"AMG_D2", "AMG_HMIS", "AMG_CR"}) {
    std::vector<int> iterations;
    for (const int n : {16, 128}) {
      const Sparse A = problems::poisson2d(n);
      const auto [info, x] = solve(Row{"PCG", multigrid, "", 1}, A, problems::random_lanes(A.rows(), 1));
      ASSERT_EQ(info.status[0], Status::success);
      iterations.push_back(info.iterations[0]);
    }
    EXPECT_LE(iterations[1], iterations[0] + 3) << multigrid;
  }
}

TEST_P(TheoryTest, NoPreconditionerIsTheIdentity) {
  const Sparse A = problems::poisson2d(20);
  const Lanes b = problems::random_lanes(A.rows(), 3);
  for (const auto& [plain, preconditioned] : {std::pair{"CG", "PCG"}, {"BICGSTAB", "PBICGSTAB"}}) {
    const auto without = solve(Row{plain, "", "", 1}, A, b),
               identity = solve(Row{preconditioned, "NOSOLVER", "", 1}, A, b);
    EXPECT_EQ(without.info.history, identity.info.history);
    EXPECT_TRUE(same_bits(without.x, identity.x));
  }
}

// Neumann: A has the constants for its null space, b is in its range, and the solution of least norm is A⁺ b.
TEST_P(TheoryTest, DirectSolveOfASingularSystemHasTheLeastNorm) {
  const int n = 30;
  Sparse A = problems::grid(n, 1, 1, {{0, 0, 0, 2}, {-1, 0, 0, -1}, {1, 0, 0, -1}});
  A.coeffRef(0, 0) = A.coeffRef(n - 1, n - 1) = 1;
  const Lanes b = A * problems::random_lanes(n, 1);
  const auto [info, x] = solve(Row{"DENSE_LU_SOLVER", "", "", 1}, A, b);
  const Lanes least = Eigen::MatrixXd(A).completeOrthogonalDecomposition().solve(Eigen::MatrixXd(b));
  EXPECT_EQ(info.status[0], Status::success);
  // The smallest nonzero eigenvalue is 4 sin²(π / 2n): a relative error of eps in A⁺ and b is κ eps in x.
  const double condition = 1 / std::pow(std::sin(std::numbers::pi / (2 * n)), 2);
  EXPECT_LE((x - least).norm(), 10 * eps * condition * least.norm());
}

TEST_P(TheoryTest, WholeSolvesHaveTheSameBitsAtAnyNumberOfThreads) {
  const Sparse A = problems::convection_diffusion2d(80, 0.5);
  const Lanes b = problems::random_lanes(A.rows(), 2);
  for (const std::string preconditioner :
       {"AMG_D1", "AMG_D2", "AMG_HMIS", "AMG_CR", "AMG_ENERGYMIN", "AMG_SIZE_2"}) {
    const Row row{"PBICGSTAB", preconditioner, "", 1};
    Arena::instance().resize(1);
    const auto alone = solve(row, A, b);
    for (const int threads : {2, 4}) {
      Arena::instance().resize(threads);
      const auto shared = solve(row, A, b);
      EXPECT_EQ(shared.info.history, alone.info.history) << preconditioner << threads;
      EXPECT_TRUE(same_bits(shared.x, alone.x)) << preconditioner << threads;
    }
  }
}

}  // namespace
}  // namespace amg
