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
