// The public C++ interface: as a program that includes only amg/*.h uses it.
#include "amg/solver.h"

#include <gtest/gtest.h>

#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "amg/error.h"
#include "problems.h"

namespace amg {
namespace {

using problems::Lanes;
using problems::Sparse;

const ConfigValue pcg{{"solver", "PCG"},
                      {"convergence", "RELATIVE_INI"},
                      {"tolerance", 1e-10},
                      {"preconditioner", {{"solver", "AMG"}, {"max_iters", 1}, {"dense_lu_num_rows", 10}}}};
const ConfigValue pbicgstab{
    {"solver", "PBICGSTAB"},
    {"convergence", "RELATIVE_INI"},
    {"tolerance", 1e-10},
    {"preconditioner", {{"solver", "AMG"}, {"max_iters", 1}, {"dense_lu_num_rows", 10}}}};

// A matrix with its arrays, of type T.
template <class T>
struct Arrays {
  explicit Arrays(const Sparse& A)
      : offsets(A.outerIndexPtr(), A.outerIndexPtr() + A.rows() + 1),
        columns(A.innerIndexPtr(), A.innerIndexPtr() + A.nonZeros()),
        values(A.valuePtr(), A.valuePtr() + A.nonZeros()) {}

  operator MatrixView() const { return {offsets, columns, std::span<const T>(values)}; }

  std::vector<std::int64_t> offsets;
  std::vector<std::int32_t> columns;
  std::vector<T> values;
};

Values view(const Lanes& b) { return std::span(b.data(), static_cast<std::size_t>(b.size())); }
MutableValues into(Lanes& x) { return std::span(x.data(), static_cast<std::size_t>(x.size())); }

Solver solver_for(const Sparse& A, const ConfigValue& config) {
  Solver solver(Config::from_tree(config));
  solver.setup(Arrays<double>(A));  // copied: the arrays end here
  return solver;
}

Lanes solve(Solver& solver, const Lanes& b, SolveOptions options = {}) {
  Lanes x = Lanes::Zero(b.rows(), b.cols());
  options.lanes = static_cast<std::int32_t>(b.cols());
  const SolveInfo info = solver.solve(view(b), into(x), options);
  EXPECT_EQ(info.status, std::vector(static_cast<std::size_t>(b.cols()), Status::success));
  return x;
}

void expect_solution(const Sparse& A, const Lanes& x, const Lanes& b) {
  for (int l = 0; l < b.cols(); ++l) EXPECT_LE((b - A * x).col(l).norm(), 1.0000001e-10 * b.col(l).norm());
}

template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(SolverTest, SolvesForManyRightHandSides) {
  const Sparse A = problems::poisson2d(20);
  Solver solver = solver_for(A, pcg);
  for (const int lanes : {1, 2, 9}) {
    const Lanes b = problems::random_lanes(A.rows(), lanes);
    expect_solution(A, solve(solver, b), b);
  }
}

TEST(SolverTest, SolvesTransposed) {
  const Sparse A = problems::convection_diffusion2d(20, 2.0);
  Solver solver = solver_for(A, pbicgstab);
  const Lanes b = problems::random_lanes(A.rows(), 2);
  expect_solution(A, solve(solver, b), b);
  expect_solution(A.transpose(), solve(solver, b, {.transposed = true}), b);
  const Sparse faster = problems::convection_diffusion2d(20, 6.0);
  solver.setup(Arrays<double>(faster));
  expect_solution(faster.transpose(), solve(solver, b, {.transposed = true}), b);
  expect_solution(faster, solve(solver, b), b);
}

TEST(SolverTest, SinglePrecision) {
  const Sparse A = problems::poisson2d(20);
  Solver solver(Config::from_tree({{"solver", "CG"}, {"convergence", "RELATIVE_INI"}, {"tolerance", 1e-4}}));
  solver.setup(Arrays<float>(A));
  const std::vector<float> b(400, 1.0f);
  std::vector<float> x(400, 0.0f);
  const SolveInfo info = solver.solve(std::span<const float>(b), std::span<float>(x));
  EXPECT_EQ(info.status[0], Status::success);
  const Lanes solution = Eigen::Map<const Eigen::VectorXf>(x.data(), 400).cast<double>();
  const Lanes r = problems::ones(400) - A * solution;
  EXPECT_LE(r.norm(), 1e-4 * 20 * (1 + 0x1p-20));
}

// Columns in any order, duplicates summed.
TEST(SolverTest, TakesUnsortedColumnsAndDuplicates) {
  const std::vector<std::int64_t> offsets{0, 3, 5};
  const std::vector<std::int32_t> columns{1, 0, 0, 1, 0};
  const std::vector<double> values{-1, 1.5, 0.5, 3, -1};  // (2, -1; -1, 3)
  Solver solver(Config::from_tree({{"solver", "DENSE_LU_SOLVER"}, {"tolerance", 1e-10}}));
  solver.setup({offsets, columns, std::span(values)});
  Lanes b(2, 1), x = Lanes::Zero(2, 1);
  b << 1, 2;
  solver.solve(view(b), into(x));
  EXPECT_NEAR(x(0), 1.0, 1e-14);
  EXPECT_NEAR(x(1), 1.0, 1e-14);
}

TEST(SolverTest, SolutionHoldsTheGuess) {
  const Sparse A = problems::poisson2d(10);
  Solver solver = solver_for(A, pcg);
  Lanes x = Lanes::Constant(100, 1, 0.5);
  const Lanes b = A * x;
  const SolveInfo info = solver.solve(view(b), into(x));
  EXPECT_EQ(info.iterations[0], 0);
  EXPECT_TRUE((x.array() == 0.5).all());
}

TEST(SolverTest, SecondSetupGivesTheResultOfAFirst) {
  const Sparse A = problems::poisson2d(16), B = problems::anisotropic2d(16, 0.01),
               C = problems::poisson2d(12);
  Solver kept(Config::from_tree(pcg));
  std::int64_t builds = 0;
  // The same pattern with the same decisions, with others, another pattern, and back.
  for (const auto& [matrix, structure_changes] :
       {std::pair{A, true}, {Sparse(4 * A), false}, {B, true}, {C, true}, {A, true}}) {
    kept.setup(Arrays<double>(matrix));
    const std::int64_t now = kept.grid().builds;
    EXPECT_EQ(now > builds, structure_changes);
    builds = now;
    Solver fresh = solver_for(matrix, pcg);
    const Lanes b = problems::random_lanes(matrix.rows(), 1);
    EXPECT_EQ(solve(kept, b), solve(fresh, b));
  }
}

TEST(SolverTest, SecondSetupOfAnotherType) {
  const Sparse A = problems::poisson2d(10);
  Solver solver(Config::from_tree(pcg));
  solver.setup(Arrays<float>(A));
  solver.setup(Arrays<double>(A));
  const Lanes b = problems::random_lanes(100, 1);
  expect_solution(A, solve(solver, b), b);
}

TEST(SolverTest, ObserverSeesTheHistory) {
  const Sparse A = problems::poisson2d(16);
  Solver solver = solver_for(A, pcg);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  Lanes x = Lanes::Zero(A.rows(), 1);
  std::vector<double> seen;
  const Observer observer = [&](int iteration, std::span<const double> residual) {
    EXPECT_EQ(iteration, static_cast<int>(seen.size()));
    seen.push_back(residual[0]);
  };
  SolveInfo info = solver.solve(view(b), into(x), {.observer = observer});
  ASSERT_EQ(seen.size(), info.history[0].size());
  seen.back() = info.history[0].back();  // which is the true residual, found after the last iteration
  EXPECT_EQ(seen, info.history[0]);
}

TEST(SolverTest, ReportsItsGridAndMemory) {
  const Sparse A = problems::poisson2d(30);
  Solver solver(Config::from_tree(pcg));
  EXPECT_TRUE(solver.grid().levels.empty());
  solver.setup(Arrays<double>(A));
  const GridInfo grid = solver.grid();
  ASSERT_GE(grid.levels.size(), 3u);
  EXPECT_EQ(grid.levels[0].rows, 900);
  EXPECT_EQ(grid.levels[0].entries, A.nonZeros());
  EXPECT_EQ(grid.levels[0].smoother, "BLOCK_JACOBI");
  EXPECT_EQ(grid.levels.back().smoother, "DENSE_LU_SOLVER");
  EXPECT_EQ(grid.builds, 1);
  EXPECT_GT(grid.operator_complexity(), 1.0);
  EXPECT_GT(grid.grid_complexity(), 1.0);
  // All entries of all levels, at least.
  std::int64_t entries = 0;
  for (const LevelInfo& level : grid.levels) entries += level.entries;
  EXPECT_GE(solver.bytes(), static_cast<std::size_t>(12 * entries));
  EXPECT_EQ(GridInfo{}.operator_complexity(), 0.0);
}

TEST(SolverTest, MovesAndIsAssigned) {
  const Sparse A = problems::poisson2d(10), B = problems::poisson2d(8);
  Solver first = solver_for(A, pcg);
  Solver second = std::move(first);
  const Lanes b = problems::random_lanes(100, 1), c = problems::random_lanes(64, 1);
  expect_solution(A, solve(second, b), b);
  first = solver_for(B, pcg);  // a moved-from solver can be given another
  expect_solution(B, solve(first, c), c);
  second = std::move(first);
  expect_solution(B, solve(second, c), c);
}

TEST(SolverTest, SingularAndNonfiniteMatricesAreAStatus) {
  const Lanes b = problems::ones(25);
  Sparse empty_row = problems::poisson2d(5), broken = empty_row;
  empty_row.prune([](int i, int, double) { return i != 7; });
  broken.coeffRef(7, 7) = std::numeric_limits<double>::infinity();
  const Sparse nothing(25, 25);
  for (const auto& [A, reason] : {std::pair{empty_row, Reason::zero_row},
                                  {nothing, Reason::zero_row},
                                  {broken, Reason::nonfinite_matrix}})
    for (const bool transposed : {false, true}) {
      Solver solver = solver_for(A, pcg);
      Lanes x = Lanes::Zero(25, 1);
      const SolveInfo info = solver.solve(view(b), into(x), {.transposed = transposed});
      EXPECT_EQ(info.status[0], Status::failed);
      EXPECT_EQ(info.reason[0], reason);
      EXPECT_TRUE(x.array().isNaN().all());
    }
}

// ---- misuse

TEST(SolverTest, UnknownConfigurationsThrowAtOnce) {
  for (const char* algorithm : {"CLASSICAL", "AGGREGATION"}) {
    EXPECT_THROW(
        Solver(Config::from_tree({{"solver", "AMG"}, {"algorithm", algorithm}, {"selector", "DUMMY"}})),
        ConfigError);
    EXPECT_EQ(error_of([&] {
                Solver(Config::from_tree({{"solver", "AMG"}, {"algorithm", algorithm}, {"selector", "GEO"}}));
              }),
              "solver.selector: GEO groups unknowns by their coordinates, which a matrix does not carry; "
              "choose PMIS or HMIS with algorithm CLASSICAL, SIZE_2 with AGGREGATION");
  }
  EXPECT_EQ(error_of([] { Solver(Config::from_tree({{"solver", "GS"}, {"coloring_level", 3}})); }),
            "solver.coloring_level: 3 is not available; rows are colored at distance 1 or 2");
}

TEST(SolverTest, SolveNeedsASetup) {
  Solver solver(Config::from_tree(pcg));
  const Lanes b = problems::ones(3);
  Lanes x = b;
  EXPECT_EQ(error_of([&] { solver.solve(view(b), into(x)); }), "solve: setup has not been called");
}

TEST(SolverTest, SizesAndTypesMustMatch) {
  Solver solver = solver_for(problems::poisson2d(10), pcg);
  const Lanes b = problems::ones(100), short_b = problems::ones(99);
  Lanes x = b, short_x = short_b;
  const std::vector<float> floats(100);
  EXPECT_EQ(error_of([&] { solver.solve(view(short_b), into(x)); }), "b: 99 values, expected 100");
  EXPECT_EQ(error_of([&] { solver.solve(view(b), into(short_x)); }), "x: 99 values, expected 100");
  EXPECT_EQ(error_of([&] { solver.solve(view(b), into(x), {.lanes = 2}); }), "b: 100 values, expected 200");
  EXPECT_EQ(error_of([&] { solver.solve(std::span<const float>(floats), into(x)); }),
            "b: type differs from A's");
}

TEST(SolverTest, LanesMustBePositive) {
  Solver solver = solver_for(problems::poisson2d(10), pcg);
  Lanes x(0, 0);
  for (const int lanes : {0, -1})
    EXPECT_EQ(error_of([&] { solver.solve(view(x), into(x), {.lanes = lanes}); }),
              "lanes: " + std::to_string(lanes) + " right-hand sides; at least 1 is needed");
}

TEST(SolverTest, MalformedMatricesThrowAndLeaveNoSetup) {
  const Lanes b = problems::ones(100);
  Lanes x = b;
  Solver solver = solver_for(problems::poisson2d(10), pcg);
  Arrays<double> bad(problems::poisson2d(10));
  bad.columns[7] = 100;
  EXPECT_EQ(error_of([&] { solver.setup(bad); }), "A: column 100 of entry 7 is outside 0 … 99");
  EXPECT_EQ(error_of([&] { solver.solve(view(b), into(x)); }), "solve: setup has not been called");
  EXPECT_EQ(error_of([&] { solver.setup({}); }), "A: no rows");
  const std::vector<std::int64_t> no_rows{0};
  EXPECT_EQ(error_of([&] { solver.setup({no_rows, {}, std::span<const double>()}); }), "A: no rows");
  solver.setup(Arrays<double>(problems::poisson2d(10)));
  expect_solution(problems::poisson2d(10), solve(solver, b), b);
}

}  // namespace
}  // namespace amg
