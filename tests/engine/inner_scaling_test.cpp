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

// In its units a matrix of 1 000 times the range has the same hierarchy and the same iterations.
TEST_P(InnerScalingTest, PreconditionerForgetsUnits) {
  const Sparse A = problems::poisson2d(24), scaled = site.rounded(in_other_units(A, 3.0));
  const auto iterations = [&](const std::string& keys, const Sparse& of) {
    LinearSolver solver(Config::parse(
        "solver(o)=GMRES, o:gmres_n_restart=60, o:convergence=RELATIVE_INI, o:max_iters=60, "
        "o:tolerance=1e-3, "
        "o:scaling=NONE, o:preconditioner(p)=AMG, p:algorithm=AGGREGATION, p:selector=SIZE_2, p:max_iters=1, "
        "p:dense_lu_num_rows=10, p:smoother(s)=JACOBI_L1, s:relaxation_factor=1" +
        keys));
    const CsrMatrix matrix = site.upload(of);
    const OwnedVector rhs = site.upload(problems::random_lanes(of.rows(), 1)), x = site.vector(of.rows(), 1);
    solver.setup(space, matrix);
    space.fill(x, 0.0);
    const SolveInfo info = solver.solve(space, {matrix, {}, Mode::plain}, rhs, x);
    return info.status[0] == Status::success ? info.iterations[0] : 1000;
  };
  const int plain = iterations("", A);
  EXPECT_LE(iterations(", p:scaling=DIAGONAL_SYMMETRIC", scaled), 2 * plain);
  EXPECT_GT(iterations("", scaled), 2 * plain);
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
