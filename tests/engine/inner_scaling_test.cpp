// The key `scaling` of a solver inside of another: the method for L A R is one for A.
#include <cmath>
#include <string>

#include "linear_solver.h"
#include "space_fixture.h"

namespace amg {
namespace {

using Dense = Eigen::MatrixXd;

class InnerScalingTest : public SpaceTest {
 protected:
  // What one iteration from zero makes of the identity.
  Dense matrix_of(const std::string& config, const Sparse& A, Mode mode = Mode::plain) {
    const std::unique_ptr<Method> method = make_method(Config::parse(config).outer());
    const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
    const Operator op{matrix, transpose, mode};
    method->setup(space, matrix);
    if (mode != Mode::plain) method->prepare_transpose(space, op);
    const auto n = static_cast<std::int64_t>(A.rows());
    const OwnedVector identity = site.upload(Lanes(Lanes::Identity(n, n))), M = site.vector(n, n);
    method->apply(space, op, identity, {}, M, 1);
    return site.download(M);
  }
};
AMG_IN_EVERY_SPACE(InnerScalingTest);

// A with rows and columns in units of their own.
Sparse in_other_units(const Sparse& A, double spread) {
  const Lanes D = (spread * problems::random_lanes(A.rows(), 1, 7)).array().exp();
  return D.col(0).asDiagonal() * A * D.col(0).asDiagonal();
}

TEST_P(InnerScalingTest, IsTheMethodOfTheScaledMatrix) {
  const Sparse given = site.rounded(in_other_units(problems::convection_diffusion2d(12, 0.5), 1.0));
  const Dense A = given;
  const Dense D = A.diagonal().cwiseAbs().cwiseSqrt().cwiseInverse().asDiagonal();
  const Dense expected =
      0.7 * D * Dense((D * A * D).cwiseAbs().rowwise().sum().cwiseInverse().asDiagonal()) * D;
  const Dense M =
      matrix_of("solver(o)=JACOBI_L1, o:relaxation_factor=0.7, o:scaling=DIAGONAL_SYMMETRIC", given);
  EXPECT_LE((M - expected).norm(), 50 * eps * expected.norm());
  const Dense other = matrix_of("solver(o)=JACOBI_L1, o:relaxation_factor=0.7", given);
  EXPECT_GE((other - expected).norm(), 0.1 * expected.norm());
}

TEST_P(InnerScalingTest, TransposedIsAdjoint) {
  const Sparse A = site.rounded(in_other_units(problems::convection_diffusion2d(10, 0.5), 1.0));
  for (const std::string method :
       {"MULTICOLOR_DILU", "AMG, o:selector=PMIS, o:interpolator=D2, o:dense_lu_num_rows=10"}) {
    const std::string config = "solver(o)=" + method + ", o:scaling=NBINORMALIZATION";
    const Dense M = matrix_of(config, A), MT = matrix_of(config, A, Mode::transposed);
    EXPECT_LE((MT - M.transpose()).norm(), 1000 * eps * M.norm()) << method;
  }
}

// Units that are powers of two leave no trace in a scaled preconditioner, and a deep one in another.
TEST_P(InnerScalingTest, PreconditionerForgetsUnits) {
  const Sparse A = problems::jumps2d(12, 10);
  const Lanes D =
      problems::random_lanes(A.rows(), 1, 7).unaryExpr([](double v) { return std::exp2(std::round(6 * v)); });
  const Sparse scaled = D.col(0).asDiagonal() * A * D.col(0).asDiagonal();
  const auto in_units_of_A = [&](const std::string& keys, const Sparse& of, const Lanes& units) -> Dense {
    const Dense M = matrix_of(
        "solver(o)=AMG, o:selector=PMIS, o:interpolator=D2, o:dense_lu_num_rows=10, "
        "o:smoother(s)=MULTICOLOR_GS" +
            keys,
        of);
    return units.col(0).asDiagonal() * M * units.col(0).asDiagonal();
  };
  const Lanes ones = problems::ones(A.rows());
  const std::string keys = ", o:scaling=DIAGONAL_SYMMETRIC";
  const Dense M = in_units_of_A(keys, A, ones);
  EXPECT_LE((in_units_of_A(keys, scaled, D) - M).norm(), 10 * eps * M.norm());
  EXPECT_GE((in_units_of_A("", scaled, D) - in_units_of_A("", A, ones)).norm(), 0.1 * M.norm());
}

TEST_P(InnerScalingTest, SmootherAndKrylovMethodInItToo) {
  const Sparse A = site.rounded(in_other_units(problems::poisson2d(16), 1.0));
  const Lanes b = problems::random_lanes(A.rows(), 2);
  for (const std::string inner :
       {"o:preconditioner(p)=AMG, p:algorithm=AGGREGATION, p:selector=SIZE_2, p:max_iters=1, "
        "p:smoother(s)=MULTICOLOR_GS, s:scaling=BINORMALIZATION, p:coarse_solver(c)=DENSE_LU_SOLVER, "
        "c:scaling=BINORMALIZATION",
        "o:preconditioner(p)=PCG, p:max_iters=5, p:monitor_residual=1, p:tolerance=1e-30, "
        "p:scaling=DIAGONAL_SYMMETRIC, p:preconditioner=NOSOLVER"}) {
    LinearSolver solver(Config::parse(
        "solver(o)=FGMRES, o:convergence=RELATIVE_INI, o:max_iters=200, o:tolerance=1e-4, " + inner));
    const CsrMatrix matrix = site.upload(A);
    const OwnedVector rhs = site.upload(b), x = site.vector(b.rows(), b.cols());
    solver.setup(space, matrix);
    space.fill(x, 0.0);
    const SolveInfo info = solver.solve(space, {matrix, {}, Mode::plain}, rhs, x);
    for (int l = 0; l < 2; ++l) {
      EXPECT_EQ(info.status[static_cast<std::size_t>(l)], Status::success) << inner;
      EXPECT_LE((b - A * site.download(x)).col(l).norm(), 1.1e-4 * b.col(l).norm()) << inner;
    }
  }
}

}  // namespace
}  // namespace amg
