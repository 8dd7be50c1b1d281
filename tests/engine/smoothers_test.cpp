// Smoothers against the matrices that their definitions say they are, formed densely by Eigen; and AMG's keys that say
// where and how often they run.
#include <Eigen/Eigenvalues>
#include <cmath>
#include <functional>

#include "amg/error.h"
#include "linear_solver.h"
#include "setup/diagonal_row.h"
#include "setup/hierarchy.h"
#include "smoothers/spectrum.h"
#include "space_fixture.h"

namespace amg {
namespace {

using Dense = Eigen::MatrixXd;

class SmoothersTest : public SpaceTest {
 protected:
  static std::unique_ptr<Method> make(const std::string& config) {
    return make_method(Config::parse(config).outer());
  }

  // M of x += M (b − A x): what one iteration from zero makes of the identity.
  Dense matrix_of(Method& method, const Sparse& A, bool reversed = false) {
    const CsrMatrix matrix = site.upload(A);
    method.setup(space, matrix);
    const auto n = static_cast<std::int64_t>(A.rows());
    const OwnedVector identity = site.upload(Lanes(Lanes::Identity(n, n))), M = site.vector(n, n);
    const Operator op{matrix, {}, Mode::plain};
    if (reversed)
      method.apply_reversed(space, op, identity, {}, M, 1);
    else
      method.apply(space, op, identity, {}, M, 1);
    return site.download(M);
  }
  Dense matrix_of(const std::string& config, const Sparse& A) { return matrix_of(*make(config), A); }

  void expect_near(const Dense& actual, const Dense& expected) {
    EXPECT_LE((actual - expected).norm(), 200 * eps * expected.norm());
  }
};
AMG_IN_EVERY_SPACE(SmoothersTest);

const Sparse& nonsymmetric() {
  static const Sparse A = problems::random_dominant(300, 3);
  return A;
}

// Symmetric, positive definite, with positive and negative entries of all sizes, not diagonally dominant.
Sparse spd() {
  Sparse B = problems::random_dominant(300, 5);
  for (int i = 0; i < B.rows(); ++i) B.coeffRef(i, i) *= 0.3;
  Sparse A = B.transpose() * B;
  for (int i = 0; i < A.rows(); ++i) A.coeffRef(i, i) += 1e-3;
  return A;
}

Dense row_sums(const Dense& A) { return A.cwiseAbs().rowwise().sum(); }

Dense diagonal(const Dense& entries) { return entries.col(0).asDiagonal(); }

TEST_P(SmoothersTest, DiagonalsAreWhatTheirPapersSay) {
  const Sparse given = site.rounded(nonsymmetric());
  const Dense A = given;
  expect_near(matrix_of("solver(o)=JACOBI_L1, o:relaxation_factor=0.7", given),
              0.7 * diagonal(row_sums(A).cwiseInverse()));
  expect_near(matrix_of("solver(o)=SPAI0", given),
              diagonal(A.diagonal().cwiseQuotient(A.rowwise().squaredNorm())));
  expect_near(matrix_of("solver(o)=SPAI0, o:relaxation_factor=0.5", given),
              0.5 * diagonal(A.diagonal().cwiseQuotient(A.rowwise().squaredNorm())));
  const Dense C = row_sums(A.transpose()).cwiseInverse(), R = row_sums(A).cwiseInverse();
  expect_near(matrix_of("solver(o)=KACZMARZ, o:relaxation_factor=0.9", given),
              0.9 * diagonal(C) * A.transpose() * diagonal(R));
}

TEST_P(SmoothersTest, SignsFollowTheDiagonal) {
  const Sparse A = site.rounded(nonsymmetric()), opposite = -A;
  for (const std::string method : {"JACOBI_L1", "SPAI0", "HYBRID_GS", "BLOCK_JACOBI", "KACZMARZ"}) {
    SCOPED_TRACE(method);
    expect_near(matrix_of("solver(o)=" + method, opposite), -matrix_of("solver(o)=" + method, A));
  }
}

// M = (D' / ω + L)⁻¹ with L what lies below the diagonal inside a block of rows.
TEST_P(SmoothersTest, HybridGaussSeidelSolvesWithItsBlocks) {
  const Sparse given = site.rounded(nonsymmetric());
  const Dense A = given;
  const auto n = A.rows();
  ASSERT_GT(n, 2 * hybrid_block_rows);
  const double omega = 0.8;
  Dense lower = Dense::Zero(n, n), upper = lower;
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) {
      const bool inside = i / hybrid_block_rows == j / hybrid_block_rows;
      if (!inside)
        for (Dense* triangle : {&lower, &upper}) (*triangle)(i, i) += std::abs(A(i, j)) / 2 / omega;
      else if (i == j)
        for (Dense* triangle : {&lower, &upper}) (*triangle)(i, i) += A(i, i) / omega;
      else
        (j < i ? lower : upper)(i, j) = A(i, j);
    }
  const Dense forward = lower.inverse(), backward = upper.inverse();
  expect_near(matrix_of("solver(o)=HYBRID_GS, o:relaxation_factor=0.8", given), forward);
  expect_near(matrix_of("solver(o)=HYBRID_GS, o:relaxation_factor=0.8, o:symmetric_GS=1", given),
              forward + backward - backward * A * forward);
}

// |I − M A|_A < 1 for every symmetric positive definite A.
TEST_P(SmoothersTest, L1DiagonalsConvergeInTheEnergyNorm) {
  const Sparse given = site.rounded(spd());
  const Dense A = given;
  const Eigen::SelfAdjointEigenSolver<Dense> eigen(A);
  ASSERT_GT(eigen.eigenvalues().minCoeff(), 0);
  ASSERT_TRUE((2 * A.diagonal().array() < row_sums(A).array()).any());  // not diagonally dominant
  const Dense root = eigen.operatorSqrt(), inverse_root = eigen.operatorInverseSqrt();
  for (const std::string method : {"JACOBI_L1, o:relaxation_factor=1.9", "HYBRID_GS, o:relaxation_factor=1",
                                   "HYBRID_GS", "HYBRID_GS, o:symmetric_GS=1"}) {
    SCOPED_TRACE(method);
    const Dense error = Dense::Identity(A.rows(), A.cols()) - matrix_of("solver(o)=" + method, given) * A;
    EXPECT_LT((root * error * inverse_root).operatorNorm(), 1.0);
  }
}

// I − M A is T_n((θ − B) / δ) / T_n(θ / δ), B the preconditioned matrix: the smallest polynomial on the interval that is
// 1 at 0. For CHEBYSHEV with a nonsymmetric matrix it is U_n.
TEST_P(SmoothersTest, ChebyshevIsItsPolynomial) {
  for (const bool symmetric : {true, false}) {
    const Sparse given = site.rounded(symmetric ? problems::poisson2d(17) : nonsymmetric());
    const Dense A = given, I = Dense::Identity(A.rows(), A.cols());
    const Dense D = diagonal(A.diagonal().cwiseInverse());
    const auto error = [&](double kind, const Dense& B, double low, double high, int order) -> Dense {
      const double theta = (high + low) / 2, delta = (high - low) / 2;
      Dense before = I, T = kind * (theta * I - B) / delta;  // T₁(x) = x, U₁(x) = 2 x
      double t_before = 1, t = kind * theta / delta;
      for (int k = 1; k < order; ++k) {
        const Dense next = 2 * (theta * I - B) / delta * T - before;
        const double t_next = 2 * theta / delta * t - t_before;
        before = std::exchange(T, next);
        t_before = std::exchange(t, t_next);
      }
      return T / t;
    };
    const auto expect_polynomial = [&](const std::string& config, const Dense& expected) {
      EXPECT_LE((I - matrix_of(config, given) * A - expected).norm(), 2000 * eps * I.norm());
    };
    const double kind = symmetric ? 1 : 2;
    for (const int order : {1, 2, 5}) {
      const std::string keys = ", o:chebyshev_polynomial_order=" + std::to_string(order);
      expect_polynomial(
          "solver(o)=CHEBYSHEV, o:chebyshev_lambda_estimate_mode=3, o:cheby_min_lambda=0.2, "
          "o:cheby_max_lambda=1.8, o:preconditioner(p)=BLOCK_JACOBI, p:relaxation_factor=1, "
          "p:max_iters=1" +
              keys,
          error(kind, D * A, 0.2, 1.8, order));
      const double bound = (D * A).cwiseAbs().rowwise().sum().maxCoeff();
      expect_polynomial("solver(o)=CHEBYSHEV_POLY" + keys,
                        error(1, D * A, bound / std::max(4, order * order), bound, order));
      // The l1 diagonal bounds the spectrum by 1.
      expect_polynomial(
          "solver(o)=CHEBYSHEV, o:chebyshev_lambda_estimate_mode=2, o:preconditioner(p)=JACOBI_L1, "
          "p:relaxation_factor=1, p:max_iters=1" +
              keys,
          error(kind, diagonal(row_sums(A).cwiseInverse()) * A, 1.0 / 8, 1, order));
    }
  }
}

// Of all polynomials of degree n none is nearer to 1 / λ than by the error that theory knows.
TEST_P(SmoothersTest, KpzIsTheBestApproximation) {
  const int size = 400;
  const Sparse given = problems::grid(size, 1, 1, {{0, 0, 0, 2}, {-1, 0, 0, -1}, {1, 0, 0, -1}});
  const double high = 2;  // |D⁻¹ A|_∞
  for (const auto& [order, mu] : {std::pair{1, 4}, {3, 4}, {4, 10}}) {
    const Dense M = matrix_of(
        "solver(o)=KPZ_POLYNOMIAL, o:kpz_order=" + std::to_string(order) + ", o:kpz_mu=" + std::to_string(mu),
        given);
    // M = q(D⁻¹ A) D⁻¹ has the eigenvectors of A.
    const double low = high / mu, theta = (high + low) / 2, delta = (high - low) / 2, a = theta / delta;
    const double root = std::sqrt(a * a - 1), eta = a - root;
    const double best = std::pow(eta, order) / (a * a - 1) / delta;
    double largest = 0;
    for (int k = size; k > 0; --k) {
      const double angle = std::acos(-1.0) * k / (size + 1), lambda = 1 - std::cos(angle);
      if (lambda < low) break;
      const Eigen::VectorXd v = Eigen::VectorXd::NullaryExpr(
          size, [&](Eigen::Index i) { return std::sin(angle * static_cast<double>(i + 1)); });
      const double error = 1 / lambda - 2 * v.dot(M * v) / v.squaredNorm();
      EXPECT_LE(std::abs(error), best * (1 + 1e-9) + 50 * eps / lambda);
      largest = std::max(largest, std::abs(error));
    }
    EXPECT_GE(largest, 0.9 * best);  // eigenvalues need not meet an extremum
  }
}

TEST_P(SmoothersTest, SpectraAreEnclosed) {
  const Sparse A = site.rounded(problems::jumps2d(16, 100.0));
  const Dense D = diagonal(Dense(A).diagonal().cwiseInverse());
  const Eigen::VectorXd eigenvalues = (D * Dense(A)).eigenvalues().real();
  const CsrMatrix matrix = site.upload(A);
  const std::unique_ptr<Method> jacobi = make("solver(o)=BLOCK_JACOBI, o:relaxation_factor=1");
  jacobi->setup(space, matrix);
  const auto M = [&](ConstVector r, Vector z) {
    jacobi->apply(space, {matrix, {}, Mode::plain}, r, {}, z, 1);
  };
  EXPECT_NEAR(row_sum_bound(space, matrix, M), (D * Dense(A)).cwiseAbs().rowwise().sum().maxCoeff(),
              20 * eps);
  const Spectrum ritz = ritz_spectrum(space, matrix, M);
  EXPECT_GE(ritz.low, eigenvalues.minCoeff() * (1 - 100 * eps));
  EXPECT_LE(ritz.low, 0.2 * eigenvalues.maxCoeff());
  EXPECT_GE(ritz.high, eigenvalues.maxCoeff());
  EXPECT_LE(ritz.high, 1.1 * eigenvalues.maxCoeff() * (1 + 100 * eps));
  // One eigenvalue: the space that Arnoldi spans ends at once.
  const CsrMatrix identity = site.upload(Sparse(2 * Dense::Identity(50, 50).sparseView()));
  const auto copy = [&](ConstVector r, Vector z) { space.copy(r, z); };
  EXPECT_NEAR(ritz_spectrum(space, identity, copy).low, 2, 20 * eps);
  EXPECT_NEAR(ritz_spectrum(space, identity, copy).high, 2.2, 20 * eps);
}

// I − M A is a product with one factor for each part.
TEST_P(SmoothersTest, CfJacobiRunsPartAfterPart) {
  const Sparse given = site.rounded(nonsymmetric());
  const Dense A = given, I = Dense::Identity(A.rows(), A.cols());
  std::vector<std::int32_t> coarse(static_cast<std::size_t>(A.rows()), -1);
  Dense of_coarse = Dense::Zero(A.rows(), 1), of_fine = of_coarse;
  for (std::int32_t i = 0, count = 0; i < A.rows(); ++i) {
    const bool stays = i % 3 == 0;
    if (stays) coarse[static_cast<std::size_t>(i)] = count++;
    (stays ? of_coarse : of_fine)(i, 0) = 1 / A(i, i);
  }
  auto on_device = space.array<std::int32_t>(A.rows());
  space.upload(std::as_bytes(std::span(coarse)), on_device.data());
  const Dense C = I - 0.8 * diagonal(of_coarse) * A, F = I - 0.8 * diagonal(of_fine) * A;
  const std::vector<std::pair<Dense, Dense>> expected{
      {F * C, C * F}, {C * F, F * C}, {F * C * F, F * C * F}, {C * F * C, C * F * C}};
  for (std::size_t mode = 0; mode < expected.size(); ++mode) {
    const std::unique_ptr<Method> smoother =
        make("solver(o)=CF_JACOBI, o:relaxation_factor=0.8, o:cf_smoothing_mode=" + std::to_string(mode));
    smoother->split(on_device.span());
    expect_near(I - matrix_of(*smoother, given) * A, expected[mode].first);
    expect_near(I - matrix_of(*smoother, given, true) * A, expected[mode].second);
  }
  // Rows that nobody has split are one part.
  expect_near(matrix_of("solver(o)=CF_JACOBI, o:relaxation_factor=0.8", given),
              matrix_of("solver(o)=BLOCK_JACOBI, o:relaxation_factor=0.8", given));
}

const std::string amg = "solver(o)=AMG, o:dense_lu_num_rows=10, o:interpolator=D2, o:smoother(s)=";
const std::vector<std::string>& cycles() {
  static const std::vector<std::string> all{
      amg + "CF_JACOBI",
      amg + "CF_JACOBI, s:cf_smoothing_mode=1, o:postsweeps=2",
      amg + "CF_JACOBI, s:cf_smoothing_mode=3, o:coarse_solver=NOSOLVER",
      amg + "HYBRID_GS",
      amg + "HYBRID_GS, s:symmetric_GS=1",
      amg + "KACZMARZ",
      amg + "CHEBYSHEV, s:chebyshev_lambda_estimate_mode=2, s:preconditioner(l)=JACOBI_L1, l:max_iters=1",
      amg + "CHEBYSHEV, s:preconditioner(l)=HYBRID_GS, l:max_iters=2, o:presweeps=0",
      amg + "CHEBYSHEV, s:preconditioner=NOSOLVER, o:finest_sweeps=2",
      amg + "CHEBYSHEV_POLY",
      amg + "KPZ_POLYNOMIAL, o:finest_sweeps=0, o:postsweeps=2",
      amg + "POLYNOMIAL, o:intensive_smoothing=1",
      "solver(o)=AMG, o:dense_lu_num_rows=10, o:fine_levels=1, o:fine_smoother(f)=HYBRID_GS, "
      "o:coarse_smoother(c)=CF_JACOBI",
  };
  return all;
}

// <M b, y> = <b, Mᵀ y>, several iterations, from the transposed operator.
TEST_P(SmoothersTest, CyclesAreAdjoint) {
  const Sparse A = problems::convection_diffusion2d(20, 3.0);
  const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
  const Lanes b = problems::random_lanes(A.rows(), 1, 1), y = problems::random_lanes(A.rows(), 1, 2);
  const OwnedVector rhs = site.upload(b), other = site.upload(y), Mb = site.vector(A.rows(), 1),
                    MTy = site.vector(A.rows(), 1);
  for (const std::string& config : cycles())
    for (const int iterations : {1, 2}) {
      SCOPED_TRACE(config + ", " + std::to_string(iterations) + " iterations");
      const std::unique_ptr<Method> method = make(config);
      method->setup(space, matrix);
      method->prepare_transpose(space, {matrix, transpose, Mode::transposed});
      method->apply(space, {matrix, transpose, Mode::plain}, rhs, {}, Mb, iterations);
      method->apply(space, {matrix, transpose, Mode::transposed}, other, {}, MTy, iterations);
      const Lanes left = site.download(Mb), right = site.download(MTy);
      EXPECT_NEAR(left.col(0).dot(y.col(0)), b.col(0).dot(right.col(0)),
                  100 * eps * (left.norm() * y.norm() + b.norm() * right.norm()));
    }
}

// C before F and then F before C: the cycle is symmetric for a symmetric A, as PCG wants it.
TEST_P(SmoothersTest, CfCyclesAreSymmetric) {
  const Sparse A = problems::jumps2d(16, 100.0);
  for (const char* mode : {"0", "1", "2", "3"}) {
    const Dense M = matrix_of(amg + "CF_JACOBI, s:cf_smoothing_mode=" + mode, A);
    EXPECT_LE((M - M.transpose()).norm(), 100 * eps * M.norm()) << mode;
  }
}

TEST_P(SmoothersTest, RefreshGivesTheBitsOfASetup) {
  const Sparse A = problems::anisotropic2d(20, 0.05);
  const Lanes b = problems::random_lanes(A.rows(), 2);
  const OwnedVector rhs = site.upload(b), x = site.vector(A.rows(), 2);
  for (const std::string& config : cycles()) {
    SCOPED_TRACE(config);
    const std::unique_ptr<Method> kept = make(config);
    kept->setup(space, site.upload(problems::poisson2d(20)));
    for (const Sparse& values : {A, Sparse(2 * A), problems::turned(A, 20)}) {
      const CsrMatrix matrix = site.upload(values);
      const std::unique_ptr<Method> fresh = make(config);
      const auto result = [&](Method& method) {
        method.apply(space, {matrix, {}, Mode::plain}, rhs, {}, x, 2);
        return site.download(x);
      };
      fresh->setup(space, matrix);
      kept->refresh(space, matrix);
      EXPECT_TRUE(same_bits(result(*kept), result(*fresh)));
    }
  }
}

TEST_P(SmoothersTest, KeysOfSweepsCount) {
  const Sparse A = problems::poisson2d(16);
  const auto same = [&](const std::string& one, const std::string& other) {
    const std::string common = amg + "JACOBI_L1, o:max_levels=2, ";
    EXPECT_TRUE(same_bits(Lanes(matrix_of(common + one, A)), Lanes(matrix_of(common + other, A)))) << one;
  };
  same("o:finest_sweeps=3", "o:presweeps=3, o:postsweeps=3");
  same("o:finest_sweeps=-1, o:presweeps=2", "o:presweeps=2");
  same("o:intensive_smoothing=1, o:presweeps=0", "o:presweeps=0, o:postsweeps=4");
  same("o:coarse_solver=NOSOLVER, o:intensive_smoothing=1",
       "o:coarse_solver=NOSOLVER, o:presweeps=4, o:postsweeps=4, o:coarsest_sweeps=8");
}

TEST_P(SmoothersTest, FineAndCoarseLevelsMayDiffer) {
  const CsrMatrix A = site.upload(problems::poisson2d(40));
  const auto smoothers = [&](const std::string& keys) {
    const std::unique_ptr<Method> method = make(
        "solver(o)=AMG, o:dense_lu_num_rows=10, o:smoother=SPAI0, o:fine_smoother=JACOBI_L1, "
        "o:coarse_smoother=HYBRID_GS" +
        keys);
    method->setup(space, A);
    std::vector<std::string> names;
    for (const LevelInfo& level : method->hierarchy()->grid().levels) names.push_back(level.smoother);
    names.pop_back();  // the coarse solver
    return names;
  };
  for (const std::string& name : smoothers("")) EXPECT_EQ(name, "SPAI0");
  for (const int fine : {0, 1, 2, 100}) {
    const std::vector<std::string> names = smoothers(", o:fine_levels=" + std::to_string(fine));
    ASSERT_GE(names.size(), 3u);
    for (std::size_t l = 0; l < names.size(); ++l)
      EXPECT_EQ(names[l], static_cast<int>(l) < fine ? "JACOBI_L1" : "HYBRID_GS") << l;
  }
}

TEST(SmoothersConfigTest, AnEmptyIntervalIsRefused) {
  const std::string given =
      "solver(o)=CHEBYSHEV, o:preconditioner=NOSOLVER, o:chebyshev_lambda_estimate_mode=3, ";
  EXPECT_THROW(LinearSolver(Config::parse(given + "o:cheby_min_lambda=1, o:cheby_max_lambda=1")),
               ConfigError);
  EXPECT_THROW(LinearSolver(Config::parse(given + "o:cheby_min_lambda=0")), ConfigError);
}

}  // namespace
}  // namespace amg
