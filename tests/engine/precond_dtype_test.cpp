// A preconditioner in float32 inside of an iteration in float64 (precond_dtype): the iteration around it converges to
// its own precision, with nearly its own number of iterations, whatever the units.
#include <cmath>
#include <limits>

#include "core/scalar_set.h"
#include "linear_solver.h"
#include "space_fixture.h"

namespace amg {
namespace {

const std::string stopping = ", o:convergence=RELATIVE_INI, o:max_iters=60, o:tolerance=1e-10";
const std::string multigrid =
    ", o:preconditioner(p)=AMG, p:max_iters=1, p:dense_lu_num_rows=10, p:smoother(s)=BLOCK_JACOBI, "
    "s:relaxation_factor=0.8";
const std::string single = ", o:precond_dtype=float32";

class PrecondDtypeTest : public SpaceTest {
 protected:
  struct Solution {
    SolveInfo info;
    Lanes x;
  };

  Solution solve(LinearSolver& solver, const Sparse& A, const Lanes& b, Mode mode = Mode::plain) {
    const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
    const OwnedVector rhs = site.upload(b), x = site.vector(b.rows(), b.cols());
    space.fill(x, 0.0);
    if (mode != Mode::plain) solver.prepare_transpose(space, {matrix, transpose, mode});
    SolveInfo info = solver.solve(space, {matrix, transpose, mode}, rhs, x);
    return {std::move(info), site.download(x)};
  }

  Solution solve(const std::string& config, const Sparse& A, const Lanes& b, Mode mode = Mode::plain) {
    LinearSolver solver(Config::parse(config));
    solver.setup(space, site.upload(A));
    return solve(solver, A, b, mode);
  }

  bool is_double() const { return site.dtype == DType::f64; }
};
AMG_IN_EVERY_SPACE(PrecondDtypeTest);

TEST_P(PrecondDtypeTest, ConvertScalesAndRoundsOnce) {
  for (const std::int64_t rows : {1, 10001})
    for (const std::int32_t lanes : {1, 3, 11}) {
      const Lanes v = site.rounded(problems::random_lanes(rows, lanes));
      const OwnedVector x = site.upload(v);
      const ScalarSet<1> scalars(space, lanes);
      const Lanes c = problems::random_lanes(1, lanes, 5);
      space.write(scalars[0], {c.data(), static_cast<std::size_t>(lanes)});
      for (const DType dtype : {DType::f32, DType::f64}) {
        Site other({GetParam().place, dtype});
        const OwnedVector y = other.vector(rows, lanes);
        space.convert(-scalars[0], x, y);
        EXPECT_EQ(other.download(y), other.rounded(Lanes(-(v.array().rowwise() * c.row(0).array()))));
        space.convert(0.5, x, y);
        EXPECT_EQ(other.download(y), other.rounded(Lanes(0.5 * v)));
      }
    }
}

TEST_P(PrecondDtypeTest, ConvertLooksAtNoLaneWithTheFactorZero) {
  Lanes v = Lanes::Ones(100, 2);
  v.col(1).setConstant(std::numeric_limits<double>::quiet_NaN());
  const ScalarSet<1> scalars(space, 2);
  space.write(scalars[0], std::vector{2.0, 0.0});
  const OwnedVector x = site.upload(v);
  space.convert(scalars[0], x, x);
  v.col(0).setConstant(2.0);
  v.col(1).setZero();
  EXPECT_EQ(site.download(x), v);
}

TEST_P(PrecondDtypeTest, ConvergesLikeDouble) {
  if (!is_double()) GTEST_SKIP() << "float32 is single as it is";
  const Sparse poisson = problems::poisson3d(12), convection = problems::convection_diffusion2d(24, 3.0);
  const std::vector<std::pair<const Sparse*, std::string>> rows{{&poisson, "PCG"},
                                                                {&poisson, "PCGF"},
                                                                {&convection, "PBICGSTAB"},
                                                                {&convection, "FGMRES"},
                                                                {&convection, "IDR"}};
  for (const auto& [A, method] : rows)
    for (const Mode mode : {Mode::plain, Mode::transposed})
      for (const std::int64_t lanes : {1, 3}) {
        SCOPED_TRACE(method);
        const Lanes b = problems::random_lanes(A->rows(), lanes);
        const std::string config = "solver(o)=" + method + multigrid + stopping;
        const Solution expected = solve(config, *A, b, mode), actual = solve(config + single, *A, b, mode);
        const Sparse map = mode == Mode::plain ? *A : Sparse(A->transpose());
        for (std::size_t l = 0; l < actual.info.status.size(); ++l) {
          EXPECT_EQ(actual.info.status[l], Status::success);
          EXPECT_LE(actual.info.iterations[l], expected.info.iterations[l] + 1);
          const auto column = static_cast<std::int64_t>(l);
          EXPECT_LE((b.col(column) - map * actual.x.col(column)).norm(), 2e-10 * b.col(column).norm());
        }
        EXPECT_NE(actual.info.history, expected.info.history);  // it is in float32
      }
}

TEST_P(PrecondDtypeTest, UnitsDoNotMatter) {
  if (!is_double()) GTEST_SKIP() << "float32 is single as it is";
  const Sparse A = problems::poisson3d(10);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  const std::string config = "solver(o)=PCG" + multigrid + stopping + single;
  const std::vector<std::int32_t> expected = solve(config, A, b).info.iterations;
  for (const double size_of_A : {0x1p-300, 1.0, 0x1p300})
    for (const double size_of_b : {0x1p-300, 1.0, 0x1p300}) {
      const Solution found = solve(config, Sparse(size_of_A * A), Lanes(size_of_b * b));
      EXPECT_EQ(found.info.status[0], Status::success);
      EXPECT_EQ(found.info.iterations, expected) << size_of_A << " " << size_of_b;
    }
}

TEST_P(PrecondDtypeTest, RefreshGivesTheBitsOfASetup) {
  const Sparse A = problems::anisotropic2d(20, 0.05);
  const Lanes b = problems::random_lanes(A.rows(), 2);
  const std::string config = "solver(o)=PBICGSTAB" + multigrid + stopping + single;
  LinearSolver kept(Config::parse(config));
  kept.setup(space, site.upload(A));
  for (const Sparse& values : {Sparse(3 * A), problems::poisson2d(20), A}) {
    LinearSolver fresh(Config::parse(config));
    fresh.setup(space, site.upload(values));
    kept.refresh(space, site.upload(values));
    for (const Mode mode : {Mode::plain, Mode::transposed})
      EXPECT_TRUE(same_bits(solve(kept, values, b, mode).x, solve(fresh, values, b, mode).x));
  }
}

TEST_P(PrecondDtypeTest, TakesLessMemoryInDoubleAndChangesNothingInSingle) {
  const Sparse A = problems::poisson3d(16);
  const std::string config = "solver(o)=PCG" + multigrid + stopping;
  LinearSolver same(Config::parse(config)), in_single(Config::parse(config + single));
  for (LinearSolver* solver : {&same, &in_single}) solver->setup(space, site.upload(A));
  if (is_double()) {
    EXPECT_LT(in_single.bytes(), same.bytes());
  } else {
    EXPECT_EQ(in_single.bytes(), same.bytes());
    const Lanes b = problems::random_lanes(A.rows(), 1);
    EXPECT_TRUE(same_bits(solve(same, A, b).x, solve(in_single, A, b).x));
  }
}

}  // namespace
}  // namespace amg
