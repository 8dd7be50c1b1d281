// Scaled systems: what the scaling makes of a matrix, and that a solver's answers are those of the system as
// given.
#include "setup/scaling.h"

#include <cmath>
#include <string>

#include "linear_solver.h"
#include "space_fixture.h"

namespace amg {
namespace {

// Factors over several orders of magnitude.
Lanes spread(std::int64_t rows, unsigned seed) {
  return (1.5 * problems::random_lanes(rows, 1, seed)).array().exp();
}

Sparse scaled_by(const Lanes& left, const Sparse& A, const Lanes& right) {
  return left.col(0).asDiagonal() * A * right.col(0).asDiagonal();
}

class ScalingTest : public SpaceTest {
 protected:
  struct Scaled {
    Sparse plain, transposed;  // both as downloaded
    Lanes left, right;
  };

  Scaled scale(const std::string& kind, const Sparse& A) {
    const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
    Scaling scaling(Config::parse("scaling=" + kind).outer().scope);
    scaling.setup(space, matrix);
    const ScaledOperator plain(space, scaling, {matrix, {}, Mode::plain});
    const ScaledOperator both(space, scaling, {matrix, transpose, Mode::transposed});
    const auto fetch = [&](const Buffer& diagonal) {
      return site.download({diagonal.data(), site.dtype, A.rows(), 1});
    };
    for (const Scaling::Diagonal* side : {&scaling.left(), &scaling.right()}) {
      const Lanes product = fetch(side->scale).cwiseProduct(fetch(side->inverse));
      EXPECT_LE((product - problems::ones(A.rows())).cwiseAbs().maxCoeff(), 40 * eps);
    }
    const Operator& of_plain = plain;
    const Operator& of_both = both;
    return {site.download(of_plain.matrix), site.download(of_both.transpose), fetch(scaling.left().scale),
            fetch(scaling.right().scale)};
  }

  SolveInfo solve(LinearSolver& solver, const Operator& A, const Lanes& b, Lanes& x) {
    const OwnedVector rhs = site.upload(b), solution = site.upload(x);
    const SolveInfo info = solver.solve(space, A, rhs, solution);
    x = site.download(solution);
    return info;
  }
};
AMG_IN_EVERY_SPACE(ScalingTest);

Lanes row_norms(const Sparse& A) {
  return (Sparse(A.cwiseProduct(A)) * problems::ones(A.cols())).cwiseSqrt();
}

TEST_P(ScalingTest, ScalesBothSidesOfAMatrixAndOfItsTranspose) {
  const Sparse A = site.rounded(problems::random_dominant(300));
  for (const std::string kind : {"DIAGONAL_SYMMETRIC", "BINORMALIZATION", "NBINORMALIZATION"}) {
    const auto [plain, transposed, left, right] = scale(kind, A);
    const Sparse expected = scaled_by(left, A, right);
    EXPECT_LE((plain - expected).norm(), 2 * eps * expected.norm()) << kind;
    EXPECT_LE((Sparse(transposed.transpose()) - expected).norm(), 2 * eps * expected.norm()) << kind;
  }
}

TEST_P(ScalingTest, DiagonalSymmetricBringsTheDiagonalToOne) {
  Sparse A = problems::poisson2d(12);
  const Lanes D = spread(A.rows(), 3);
  A = scaled_by(D, A, D);
  A.coeffRef(5, 5) *= -1;
  A.coeffRef(7, 7) = 0;  // stays
  const Sparse scaled = scale("DIAGONAL_SYMMETRIC", site.rounded(A)).plain;
  for (int i = 0; i < A.rows(); ++i)
    EXPECT_NEAR(scaled.coeff(i, i), i == 7 ? 0 : i == 5 ? -1 : 1, 8 * eps) << i;
}

TEST_P(ScalingTest, BinormalizationBringsRowsToNormOneAndKeepsSymmetry) {
  const Lanes D = spread(20 * 20, 3);
  const Sparse A = site.rounded(scaled_by(D, problems::poisson2d(20), D));
  const auto [scaled, transposed, left, right] = scale("BINORMALIZATION", A);
  EXPECT_GT(row_norms(A).maxCoeff(), 1e3 * row_norms(A).minCoeff());
  EXPECT_LE((row_norms(scaled) - problems::ones(A.rows())).cwiseAbs().maxCoeff(), 0.01);
  EXPECT_TRUE(same_bits(left, right));
  EXPECT_LE((Sparse(scaled.transpose()) - scaled).norm(), 2 * eps * scaled.norm());
}

TEST_P(ScalingTest, NbinormalizationBringsRowsAndColumnsNearToNormOne) {
  const Sparse A = site.rounded(scaled_by(spread(400, 3), problems::random_dominant(400), spread(400, 4)));
  const Sparse scaled = scale("NBINORMALIZATION", A).plain;
  for (const bool rows : {true, false}) {
    const Lanes before = row_norms(rows ? A : Sparse(A.transpose())),
                after = row_norms(rows ? scaled : Sparse(scaled.transpose()));
    EXPECT_GT(before.maxCoeff(), 1e3 * before.minCoeff());
    EXPECT_LT((after.array() - 1).abs().maxCoeff(), 0.2);
  }
}

// D S D is as hard as D makes it; scaled, it is about as hard as S. The residual and its norm are the given
// system's.
TEST_P(ScalingTest, SolversAnswerForTheSystemAsGiven) {
  const Sparse S = problems::poisson2d(16);
  const Lanes D = spread(S.rows(), 5), b = site.rounded(problems::random_lanes(S.rows(), 2));
  const Sparse A = site.rounded(scaled_by(D, S, D)), AT = A.transpose();
  const CsrMatrix matrix = site.upload(A), transpose = site.upload(AT);
  const double tolerance = 1e3 * eps;
  const std::string plain =
      "solver(o)=PCG, o:preconditioner=NOSOLVER, o:convergence=RELATIVE_INI, "
      "o:max_iters=3000, o:tolerance=" +
      std::to_string(tolerance * 1e12) + "e-12";
  LinearSolver unscaled(Config::parse(plain));
  unscaled.setup(space, matrix);
  Lanes x = Lanes::Zero(A.rows(), 2);
  const int slow = solve(unscaled, {matrix, {}, Mode::plain}, b, x).iterations[0];

  for (const std::string norm : {"L1", "L2", "LMAX"})
    for (const std::string kind : {"DIAGONAL_SYMMETRIC", "BINORMALIZATION", "NBINORMALIZATION"}) {
      SCOPED_TRACE(kind + " " + norm);
      LinearSolver solver(Config::parse(plain + ", o:scaling=" + kind + ", o:norm=" + norm));
      solver.setup(space, matrix);
      solver.prepare_transpose(space, {matrix, transpose, Mode::transposed});
      for (const Mode mode : {Mode::plain, Mode::transposed}) {
        x = site.rounded(problems::random_lanes(A.rows(), 2, 9));  // also a guess is the given system's
        const Lanes before = b - A * x;
        const SolveInfo info = solve(solver, {matrix, transpose, mode}, b, x);
        const Lanes r = b - A * x;
        for (int l = 0; l < 2; ++l) {
          const auto of = [&](const Lanes& v) {
            const auto column = v.col(l).cwiseAbs();
            return norm == "L1" ? column.sum() : norm == "L2" ? column.norm() : column.maxCoeff();
          };
          const auto lane = static_cast<std::size_t>(l);
          ASSERT_EQ(info.status[lane], Status::success);
          EXPECT_LT(info.iterations[lane], slow / 2);
          EXPECT_NEAR(info.history[lane][0], of(before), 1e3 * eps * of(before));
          // What b − A x rounds to: a few eps of its terms.
          const Lanes terms = b.cwiseAbs() + Sparse(A.cwiseAbs()) * x.cwiseAbs();
          EXPECT_NEAR(info.residual[lane], of(r), 20 * eps * of(terms));
          EXPECT_TRUE(info.reason[lane] == Reason::rounding || info.residual[lane] <= tolerance * of(before));
        }
      }
    }
}

TEST_P(ScalingTest, RefreshAndTransposeKeepTheirLaws) {
  const Sparse A = problems::convection_diffusion2d(14, 2.0);
  const Lanes L = spread(A.rows(), 6), R = spread(A.rows(), 7);
  const Sparse first = A, second = site.rounded(scaled_by(L, A, R)), transposed = second.transpose();
  const CsrMatrix old = site.upload(first), matrix = site.upload(second), transpose = site.upload(transposed);
  const OwnedVector b = site.upload(problems::random_lanes(A.rows(), 1, 1)),
                    y = site.upload(problems::random_lanes(A.rows(), 1, 2));
  const OwnedVector Mb = site.vector(A.rows(), 1), Mb_fresh = site.vector(A.rows(), 1),
                    MTy = site.vector(A.rows(), 1);
  for (const std::string kind : {"DIAGONAL_SYMMETRIC", "BINORMALIZATION", "NBINORMALIZATION"}) {
    const Config config =
        Config::parse("solver(o)=AMG, o:max_iters=2, o:dense_lu_num_rows=8, o:scaling=" + kind);
    LinearSolver solver(config), fresh(config);
    solver.setup(space, old);
    solver.refresh(space, matrix);
    fresh.setup(space, matrix);
    solver.prepare_transpose(space, {matrix, transpose, Mode::transposed});
    solver.apply(space, {matrix, {}, Mode::plain}, b, Mb);
    fresh.apply(space, {matrix, {}, Mode::plain}, b, Mb_fresh);
    solver.apply(space, {matrix, transpose, Mode::transposed}, y, MTy);
    EXPECT_TRUE(same_bits(site.download(Mb), site.download(Mb_fresh))) << kind;
    const auto inner = [&](const OwnedVector& u, const OwnedVector& v) {
      return site.download(u).col(0).dot(site.download(v).col(0));
    };
    const double scale = site.download(Mb).norm() * site.download(y).norm() +
                         site.download(MTy).norm() * site.download(b).norm();
    EXPECT_NEAR(inner(Mb, y), inner(b, MTy), 100 * eps * scale) << kind;
  }
}

}  // namespace
}  // namespace amg
