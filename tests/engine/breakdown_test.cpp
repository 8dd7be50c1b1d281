// Where a pivot of GMRES is zero, or A singular: it solves what has a solution, and says so where nothing
// has.
#include <cmath>
#include <string>

#include "linear_solver.h"
#include "space_fixture.h"

namespace amg {
namespace {

class BreakdownTest : public SpaceTest {
 protected:
  struct Solution {
    SolveInfo info;
    Lanes x;
  };

  Solution solve(const std::string& method, const Sparse& A, const Lanes& b) {
    const std::string tolerance = GetParam().dtype == DType::f32 ? "1e-4" : "1e-10";
    LinearSolver solver(Config::parse("solver(o)=" + method +
                                      ", o:convergence=RELATIVE_INI, o:max_iters=200, " +
                                      "o:tolerance=" + tolerance));
    const CsrMatrix matrix = site.upload(A);
    const OwnedVector rhs = site.upload(b), x = site.vector(b.rows(), b.cols());
    solver.setup(space, matrix);
    space.fill(x, 0.0);
    SolveInfo info = solver.solve(space, {matrix, {}, Mode::plain}, rhs, x);
    return {std::move(info), site.download(x)};
  }
};
AMG_IN_EVERY_SPACE(BreakdownTest);

const std::vector<std::string> methods{
    "GMRES, o:preconditioner=NOSOLVER", "FGMRES, o:preconditioner=NOSOLVER",
    "GMRES, o:gmres_n_restart=40, o:preconditioner(p)=BLOCK_JACOBI, p:max_iters=2",
    "GMRES, o:gmres_krylov_dim=5, o:preconditioner=NOSOLVER"};

// A cyclic shift: <v, A v> is zero in every iteration but the last, so that nothing is gained until then.
TEST_P(BreakdownTest, ZeroPivotsUntilTheLastIteration) {
  const int n = 12;
  problems::Entries entries;
  for (int i = 0; i < n; ++i) entries.emplace_back(i, (i + 1) % n, 1.0);
  const Sparse shift = problems::from_entries(n, entries);
  Lanes b = Lanes::Zero(n, 1);
  b(0, 0) = 2;
  const auto [info, x] = solve(methods[0], shift, b);
  EXPECT_EQ(info.status[0], Status::success);
  EXPECT_EQ(info.iterations[0], n);
  for (int k = 0; k < n; ++k) EXPECT_NEAR(info.history[0][static_cast<std::size_t>(k)], 2, 100 * eps) << k;
  EXPECT_LE((shift * x - b).norm(), 10 * eps * b.norm());
}

// Neumann on an interval: the constants are the null space of A and of its transpose.
Sparse singular(int n) {
  Sparse A = problems::grid(n, 1, 1, {{0, 0, 0, 2}, {-1, 0, 0, -1}, {1, 0, 0, -1}});
  A.coeffRef(0, 0) = A.coeffRef(n - 1, n - 1) = 1;
  return A;
}

TEST_P(BreakdownTest, SingularButConsistentIsSolved) {
  const Sparse A = singular(30);
  const Lanes b = site.rounded(Lanes(A * site.rounded(problems::random_lanes(30, 1))));
  for (const std::string& method : methods) {
    const auto [info, x] = solve(method, A, b);
    EXPECT_EQ(info.status[0], Status::success) << method;
    EXPECT_LE((A * x - b).norm(), (site.dtype == DType::f32 ? 2e-4 : 2e-10) * b.norm()) << method;
  }
}

// What b has of the null space stays: least squares, and no success.
TEST_P(BreakdownTest, InconsistentIsNotClaimedToBeSolved) {
  const Sparse A = singular(30);
  Lanes b = A * problems::random_lanes(30, 2);
  b.col(1).array() += 1;
  b = site.rounded(b);
  const double rest = std::abs(b.col(1).sum()) / std::sqrt(30.0);
  for (const std::string& method : {methods[0], methods[1], methods[3]}) {
    const auto [info, x] = solve(method, A, b);
    EXPECT_EQ(info.status[0], Status::success) << method;  // its neighbour's breakdown is none of its own
    EXPECT_EQ(info.status[1], Status::not_converged) << method;
    EXPECT_TRUE(x.allFinite()) << method;
    EXPECT_GE(info.residual[1], rest * (1 - 100 * eps)) << method;
    EXPECT_NEAR(info.residual[1], (b - A * x).col(1).norm(), 1e-3 * rest) << method;
  }
}

// The recurrences of all methods drift there, those of a long GMRES cycle by the inverse of rounding. What is reported is
// b − A x nevertheless, and x has not lost what was gained.
TEST_P(BreakdownTest, DriftingRecurrencesAreFoundOut) {
  const Sparse A = singular(200);
  Lanes b = A * problems::random_lanes(200, 2);
  b.col(0) *= 2 / b.col(0).norm();
  b.array() += 1 / std::sqrt(200.0);
  b = site.rounded(b);
  const std::string amg = ", o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D2, p:max_iters=1";
  for (const std::string& preconditioner : {std::string(", o:preconditioner=NOSOLVER"), amg})
    for (const std::string method :
         {"PCG", "PCGF", "PBICGSTAB", "IDR", "GMRES", "FGMRES, o:gmres_n_restart=200"}) {
      const auto [info, x] = solve(method + preconditioner, A, b);
      SCOPED_TRACE(method + preconditioner);
      for (int l = 0; l < 2; ++l) {
        const auto lane = static_cast<std::size_t>(l);
        EXPECT_EQ(info.status[lane], Status::not_converged);
        const double r = (b - A * x).col(l).norm();
        const double rounding = eps * (Sparse(A.cwiseAbs()) * x.cwiseAbs() + b.cwiseAbs()).col(l).norm();
        EXPECT_NEAR(info.residual[lane], r, rounding + 1e-3 * r);
        EXPECT_LE(r, 10 * b.col(l).norm() + rounding);
      }
    }
}

// Rounding of A x at the size of b itself is not convergence, though no better x need exist in this precision.
TEST_P(BreakdownTest, AnXOfNothingButRoundingIsNoSolution) {
  Sparse A = singular(400);
  const Lanes D = (problems::random_lanes(400, 1)).array().exp();
  A = site.rounded(Sparse(D.col(0).asDiagonal() * A * D.col(0).asDiagonal()));
  const Lanes b = site.rounded(Lanes(A * problems::random_lanes(400, 1, 4) + 0.1 * problems::ones(400)));
  for (const std::string method : {"PCG", "PCGF", "PBICGSTAB", "IDR", "GMRES"}) {
    const auto [info, x] = solve(method + ", o:preconditioner(p)=MULTICOLOR_DILU, p:max_iters=1", A, b);
    EXPECT_TRUE(info.status[0] != Status::success || (b - A * x).norm() <= 0.2 * b.norm()) << method;
  }
}

// A residual that grew beyond all bounds and came back with an older x is not small beside what it grew to.
TEST_P(BreakdownTest, TheLargestResidualIsNoneThatWasGivenUp) {
  const Sparse A = problems::poisson2d(12);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  LinearSolver solver(
      Config::parse("solver(o)=BLOCK_JACOBI, o:relaxation_factor=2, o:max_iters=40, "
                    "o:convergence=RELATIVE_MAX, o:tolerance=1e-3"));
  const CsrMatrix matrix = site.upload(A);
  const OwnedVector rhs = site.upload(b), y = site.vector(b.rows(), 1);
  solver.setup(space, matrix);
  space.fill(y, 0.0);
  const SolveInfo info = solver.solve(space, {matrix, {}, Mode::plain}, rhs, y);
  EXPECT_EQ(info.status[0], Status::not_converged);
  EXPECT_LE((b - A * site.download(y)).norm(), 10 * b.norm());
}

// An eigenvector: the Krylov space has one dimension, and the next vector of the basis is nothing.
TEST_P(BreakdownTest, AnEigenvectorTakesOneIteration) {
  problems::Entries entries;
  for (int i = 0; i < 6; ++i) entries.emplace_back(i, i, i + 1.0);
  const Sparse A = problems::from_entries(6, entries);
  Lanes b = Lanes::Zero(6, 1);
  b(3, 0) = 4;
  const auto [info, x] = solve(methods[0], A, b);
  EXPECT_EQ(info.status[0], Status::success);
  EXPECT_EQ(info.iterations[0], 1);
  EXPECT_NEAR(x(3, 0), 1, 10 * eps);
}

}  // namespace
}  // namespace amg
