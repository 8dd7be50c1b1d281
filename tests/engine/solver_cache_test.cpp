// What the cache reuses, what it lets go, and that threads that share it get right answers.
//
// Under the thread sanitizer this file is also the test of the entries' locks.
#include "solver_cache.h"

#include <atomic>
#include <barrier>
#include <cmath>
#include <limits>
#include <thread>

#include "amg/error.h"
#include "space_fixture.h"

namespace amg {
namespace {

const std::string pcg = Config::parse(
                            "solver(o)=PCG, o:convergence=RELATIVE_INI, o:tolerance=1e-8, "
                            "o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D2, p:max_iters=1, "
                            "p:dense_lu_num_rows=10")
                            .canonical();
const std::string bicgstab = Config::parse(
                                 "solver(o)=PBICGSTAB, o:convergence=RELATIVE_INI, o:tolerance=1e-8, "
                                 "o:preconditioner(p)=AMG, p:algorithm=AGGREGATION, p:selector=SIZE_2, "
                                 "p:max_iters=1, p:dense_lu_num_rows=10")
                                 .canonical();
const std::string bicgstab_d1 = Config::parse(
                                    "solver(o)=PBICGSTAB, o:convergence=RELATIVE_INI, o:tolerance=1e-8, "
                                    "o:preconditioner(p)=AMG, p:selector=PMIS, p:interpolator=D1, "
                                    "p:max_iters=1, p:dense_lu_num_rows=10")
                                    .canonical();

// A system that owns its arrays, in CSR.
struct System {
  explicit System(Sparse matrix, unsigned seed = 1)
      : A(std::move(matrix)),
        b(problems::random_lanes(A.rows(), 1, seed)),
        floats(A.valuePtr(), A.valuePtr() + A.nonZeros()) {}

  InputMatrix input(DType dtype = DType::f64) const {
    InputMatrix in;
    in.rows = A.rows();
    in.row_index = {A.outerIndexPtr(), A.rows() + 1, false};
    in.col_index = {A.innerIndexPtr(), A.nonZeros(), false};
    in.dtype = dtype;
    in.values = dtype == DType::f64 ? static_cast<const void*>(A.valuePtr()) : floats.data();
    in.stored = A.nonZeros();
    return in;
  }

  Sparse A;
  Lanes b;
  std::vector<float> floats;
};

struct Answer {
  SolveOutcome outcome;
  Lanes x;
};

Answer solve(SolverCache& cache, const System& system, const std::string& config = pcg,
             Mode mode = Mode::plain, Reuse reuse = Reuse::refresh) {
  Answer answer{{}, Lanes::Zero(system.A.rows(), 1)};
  SolveRequest request;
  request.config = config;
  request.A = system.input();
  request.mode = mode;
  request.reuse = reuse;
  request.b = {system.b.data(), DType::f64, system.A.rows(), 1};
  request.x = {answer.x.data(), DType::f64, system.A.rows(), 1};
  answer.outcome = cache.solve(HostDevice(), request);
  return answer;
}

bool is_solved(const System& system, const Answer& answer, Mode mode = Mode::plain) {
  const Sparse A = mode == Mode::plain ? system.A : Sparse(system.A.transpose());
  return answer.outcome.info.status[0] == Status::success &&
         (system.b - A * answer.x).norm() <= 1.0000001e-8 * system.b.norm();
}

struct Expected {
  std::int64_t hits = 0, refreshes = 0, rebuilds = 0, setups = 0, evictions = 0, entries = 0;
};

void expect_info(const SolverCache& cache, const Expected& expected) {
  const SolverCache::Info info = cache.info();
  EXPECT_EQ(info.hits, expected.hits);
  EXPECT_EQ(info.refreshes, expected.refreshes);
  EXPECT_EQ(info.rebuilds, expected.rebuilds);
  EXPECT_EQ(info.setups, expected.setups);
  EXPECT_EQ(info.evictions, expected.evictions);
  EXPECT_EQ(std::ssize(info.entries), expected.entries);
  EXPECT_EQ(info.bytes > 0, expected.entries > 0);
}

const System poisson(problems::poisson2d(20));
const System doubled(Sparse(2 * problems::poisson2d(20)));
const System stretched(problems::anisotropic2d(20, 0.01));  // the same pattern, other decisions
const System flow(problems::convection_diffusion2d(20, 1.0));

TEST(SolverCacheTest, CountsWhatItFinds) {
  SolverCache cache(4);
  expect_info(cache, {});
  EXPECT_TRUE(is_solved(poisson, solve(cache, poisson)));
  expect_info(cache, {.setups = 1, .entries = 1});
  EXPECT_TRUE(is_solved(poisson, solve(cache, poisson)));
  expect_info(cache, {.hits = 1, .setups = 1, .entries = 1});
  EXPECT_TRUE(is_solved(doubled, solve(cache, doubled)));
  expect_info(cache, {.hits = 1, .refreshes = 1, .setups = 1, .entries = 1});
  EXPECT_TRUE(is_solved(stretched, solve(cache, stretched)));
  expect_info(cache, {.hits = 1, .refreshes = 2, .rebuilds = 1, .setups = 1, .entries = 1});
  cache.clear();
  expect_info(cache, {});
  EXPECT_EQ(cache.info().capacity, 4);
}

// Whatever the cache held before.
TEST(SolverCacheTest, AnswersHaveTheBitsOfAFreshSetup) {
  for (const std::string& config : {pcg, bicgstab}) {
    SolverCache cache(4);
    for (const System* system : {&poisson, &doubled, &stretched, &flow, &poisson, &flow})
      for (const Mode mode : {Mode::plain, Mode::transposed}) {
        SolverCache fresh(0);
        const Answer expected = solve(fresh, *system, config, mode),
                     actual = solve(cache, *system, config, mode);
        EXPECT_TRUE(same_bits(actual.x, expected.x));
        EXPECT_EQ(actual.outcome.info.history, expected.outcome.info.history);
      }
  }
}

// Entries differ in any of configuration, type and pattern. Patterns are compared whole, so those of the same
// sizes, which a poor hash might take for each other, are told apart.
TEST(SolverCacheTest, KeepsApartWhatDiffers) {
  SolverCache cache(8);
  Sparse moved = poisson.A;
  moved.innerIndexPtr()[moved.nonZeros() - 2] -= 1;  // an entry of the last row goes elsewhere: same sizes
  const System other(moved);
  solve(cache, poisson);
  EXPECT_TRUE(is_solved(other, solve(cache, other, bicgstab)));
  expect_info(cache, {.setups = 2, .entries = 2});
  EXPECT_TRUE(is_solved(other, solve(cache, other, bicgstab)));
  EXPECT_TRUE(is_solved(poisson, solve(cache, poisson, bicgstab)));
  expect_info(cache, {.hits = 1, .setups = 3, .entries = 3});

  std::vector<float> b(400, 1.0f), x(400, 0.0f);
  SolveRequest request;
  request.config = Config::parse("solver(o)=CG, o:convergence=RELATIVE_INI, o:tolerance=1e-3").canonical();
  request.A = poisson.input(DType::f32);
  request.b = {b.data(), DType::f32, 400, 1};
  request.x = {x.data(), DType::f32, 400, 1};
  cache.solve(HostDevice(), request);
  request.A.dtype = DType::f32;
  EXPECT_EQ(cache.solve(HostDevice(), request).info.status[0], Status::success);
  expect_info(cache, {.hits = 2, .setups = 4, .entries = 4});
}

TEST(SolverCacheTest, TransposedCallOnTheSameMatrixNeedsNoSetup) {
  SolverCache cache(4);
  EXPECT_TRUE(is_solved(flow, solve(cache, flow, bicgstab)));
  for (const Mode mode : {Mode::transposed, Mode::plain, Mode::transposed}) {
    EXPECT_TRUE(is_solved(flow, solve(cache, flow, bicgstab, mode), mode));
  }
  expect_info(cache, {.hits = 3, .setups = 1, .entries = 1});
}

TEST(SolverCacheTest, TransposeFollowsARefresh) {
  SolverCache cache(4);
  const System faster(problems::convection_diffusion2d(20, 5.0));
  for (const System* system : {&flow, &faster, &flow})
    EXPECT_TRUE(is_solved(*system, solve(cache, *system, bicgstab, Mode::transposed), Mode::transposed));
  EXPECT_EQ(cache.info().refreshes, 2);
}

// It needs no transposes, as long as the values are a symmetric matrix's.
TEST(SolverCacheTest, TransposedCallOnASymmetricMatrixIsThePlainOne) {
  SolverCache cache(4);
  const Answer plain = solve(cache, poisson, bicgstab);
  const std::size_t bytes = cache.info().bytes;
  EXPECT_TRUE(same_bits(solve(cache, poisson, bicgstab, Mode::transposed).x, plain.x));
  EXPECT_EQ(cache.info().bytes, bytes);

  const System mild(problems::convection_diffusion2d(20, 0.1));
  for (const System* system : {&mild, &poisson, &mild})
    for (const Reuse reuse : {Reuse::keep, Reuse::refresh})
      EXPECT_TRUE(
          is_solved(*system, solve(cache, *system, bicgstab, Mode::transposed, reuse), Mode::transposed));
}

// A hierarchy of other values preconditions this matrix, and the answer is this matrix's.
TEST(SolverCacheTest, ReuseSetupTakesTheHierarchyAsItIs) {
  SolverCache cache(4);
  const System near(problems::convection_diffusion2d(20, 1.2));
  EXPECT_TRUE(is_solved(flow, solve(cache, flow, bicgstab)));
  for (const Mode mode : {Mode::plain, Mode::transposed})
    EXPECT_TRUE(is_solved(near, solve(cache, near, bicgstab, mode, Reuse::keep), mode));
  expect_info(cache, {.hits = 2, .setups = 1, .entries = 1});
  // It left nothing behind: the entry is still set up for the first matrix.
  SolverCache fresh(4);
  for (const Mode mode : {Mode::plain, Mode::transposed})
    EXPECT_TRUE(same_bits(solve(cache, flow, bicgstab, mode).x, solve(fresh, flow, bicgstab, mode).x));
  expect_info(cache, {.hits = 4, .setups = 1, .entries = 1});
}

TEST(SolverCacheTest, ReuseSetupWithoutOneSetsUp) {
  SolverCache cache(4);
  EXPECT_TRUE(is_solved(flow, solve(cache, flow, bicgstab, Mode::plain, Reuse::keep)));
  expect_info(cache, {.setups = 1, .entries = 1});
}

// A matrix without a solver leaves none to be reused: the next one is set up.
TEST(SolverCacheTest, ReuseSetupAfterAMatrixThatNoMethodTakes) {
  System broken = flow;
  broken.A.coeffRef(3, 3) = std::numeric_limits<double>::quiet_NaN();
  SolverCache cache(4);
  EXPECT_EQ(solve(cache, broken, bicgstab).outcome.info.status[0], Status::failed);
  EXPECT_TRUE(is_solved(flow, solve(cache, flow, bicgstab, Mode::plain, Reuse::keep)));
}

TEST(SolverCacheTest, CapacityZeroReusesNothing) {
  SolverCache cache(0);
  for (int k = 0; k < 2; ++k) EXPECT_TRUE(is_solved(poisson, solve(cache, poisson)));
  expect_info(cache, {.setups = 2});
}

TEST(SolverCacheTest, LeastRecentlyUsedGoesFirst) {
  SolverCache cache(2);
  const System small(problems::poisson2d(10)), middle(problems::poisson2d(12)),
      large(problems::poisson2d(14));
  solve(cache, small);
  solve(cache, middle);
  solve(cache, small);  // now middle is the older one
  solve(cache, large);
  expect_info(cache, {.hits = 1, .setups = 3, .evictions = 1, .entries = 2});
  solve(cache, small);
  expect_info(cache, {.hits = 2, .setups = 3, .evictions = 1, .entries = 2});
  solve(cache, middle);
  expect_info(cache, {.hits = 2, .setups = 4, .evictions = 2, .entries = 2});
}

TEST(SolverCacheTest, MemoryIsReleasedAndCounted) {
  SolverCache cache(4);
  solve(cache, poisson);
  const std::size_t one = cache.info().bytes;
  // At least the values, and the index arrays twice: as given, to recognise them, and canonical.
  const auto rows = static_cast<std::size_t>(poisson.A.rows()),
             entries = static_cast<std::size_t>(poisson.A.nonZeros());
  EXPECT_GE(one, 16 * entries + 12 * rows);
  solve(cache, flow, bicgstab);
  EXPECT_GT(cache.info().bytes, one);
  cache.release_memory();
  expect_info(cache, {.setups = 2, .evictions = 2});
}

TEST(SolverCacheTest, BytesAreWithinTheirLimit) {
  SolverCache measure(4);
  solve(measure, poisson);
  const std::size_t one = measure.info().bytes;
  const System small(problems::poisson2d(12));

  SolverCache roomy(4, one);
  solve(roomy, small);
  EXPECT_TRUE(is_solved(poisson, solve(roomy, poisson)));  // leaves no room for the other
  expect_info(roomy, {.setups = 2, .evictions = 1, .entries = 1});
  solve(roomy, poisson);
  expect_info(roomy, {.hits = 1, .setups = 2, .evictions = 1, .entries = 1});

  SolverCache narrow(4, one - 1);
  solve(narrow, small);
  for (int k = 0; k < 2; ++k) EXPECT_TRUE(is_solved(poisson, solve(narrow, poisson)));
  expect_info(narrow, {.setups = 3, .evictions = 3});
}

// Aᵀ and the transposes of all levels come with the first adjoint, and count.
TEST(SolverCacheTest, TransposesCountAgainstTheLimit) {
  SolverCache measure(4);
  solve(measure, flow);
  const std::size_t plain = measure.info().bytes;
  solve(measure, flow, pcg, Mode::transposed);
  // Values and sources of Aᵀ, its columns and offsets.
  const auto rows = static_cast<std::size_t>(flow.A.rows()),
             entries = static_cast<std::size_t>(flow.A.nonZeros());
  EXPECT_GE(measure.info().bytes, plain + (8 + 8 + 4) * entries + 8 * (rows + 1));

  SolverCache cache(4, plain);
  solve(cache, flow);
  EXPECT_EQ(cache.info().entries.size(), 1);
  solve(cache, flow, pcg, Mode::transposed);
  expect_info(cache, {.hits = 1, .setups = 1, .evictions = 1});
}

TEST(SolverCacheTest, SharedPatternCountsOnce) {
  SolverCache cache(4), alone(4);
  solve(cache, poisson);
  const std::size_t first = cache.info().bytes;
  solve(alone, poisson, bicgstab);
  solve(cache, poisson, bicgstab);
  const auto entries = static_cast<std::size_t>(poisson.A.nonZeros());
  EXPECT_LE(cache.info().bytes, first + alone.info().bytes - 8 * entries);
  EXPECT_GT(cache.info().bytes, first + 8 * entries);
}

TEST(SolverCacheTest, TellsWhatItHolds) {
  SolverCache cache(4);
  solve(cache, poisson);
  solve(cache, flow, bicgstab);
  solve(cache, poisson);
  const SolverCache::Info info = cache.info();
  ASSERT_EQ(info.entries.size(), 2);
  const SolverCache::EntryInfo &last = info.entries[0], &first = info.entries[1];
  EXPECT_EQ(last.config, pcg);
  EXPECT_EQ(first.config, bicgstab);
  EXPECT_EQ(last.rows, 400);
  EXPECT_EQ(last.entries, poisson.A.nonZeros());
  EXPECT_EQ(last.calls, 2);
  EXPECT_EQ(first.calls, 1);
  EXPECT_GE(last.last_use, first.last_use);
  EXPECT_EQ(info.misses, 2);
}

// ---- what becomes of a hierarchy for other values

TEST(SolverCacheTest, FullSetsUpForOtherValuesOnly) {
  SolverCache cache(4), fresh(0);
  const Answer expected = solve(fresh, doubled);
  solve(cache, poisson);
  EXPECT_TRUE(same_bits(solve(cache, doubled, pcg, Mode::plain, Reuse::full).x, expected.x));
  expect_info(cache, {.setups = 2, .entries = 1});
  EXPECT_EQ(cache.info().misses, 1);
  solve(cache, doubled, pcg, Mode::plain, Reuse::full);
  expect_info(cache, {.hits = 1, .setups = 2, .entries = 1});
}

// The hierarchy of the first matrix serves the next ones until it takes more than 1.2 of the iterations, and one,
// that it took for its own; the call after that refreshes.
TEST(SolverCacheTest, AutomaticKeepsUntilIterationsDrift) {
  std::vector<System> systems;
  for (int k = 0; k < 8; ++k) systems.emplace_back(problems::anisotropic2d(20, std::pow(0.6, k)));
  std::vector<SolverCache::Info> infos(2);
  std::vector<std::vector<Lanes>> answers(2);
  for (std::size_t run = 0; run < 2; ++run) {
    SolverCache cache(4);
    bool refresh_is_due = false;
    double best = 0.0;
    for (const System& system : systems) {
      const std::int64_t before = cache.info().refreshes;
      const Answer answer = solve(cache, system, pcg, Mode::plain, Reuse::automatic);
      EXPECT_TRUE(is_solved(system, answer));
      EXPECT_EQ(cache.info().refreshes - before, refresh_is_due);
      answers[run].push_back(answer.x);
      const SolveInfo& info = answer.outcome.info;
      const double decades = -std::log10(info.residual[0] / info.history[0][0]);
      if (&system == &systems[0] || refresh_is_due) best = info.iterations[0] / decades;
      refresh_is_due = info.iterations[0] > 1.2 * best * decades + 1;
      best = std::min(best, info.iterations[0] / decades);
    }
    infos[run] = cache.info();
  }
  EXPECT_GT(infos[0].hits, 0);
  EXPECT_GT(infos[0].refreshes, 0);
  EXPECT_EQ(infos[0].setups, 1);
  EXPECT_EQ(infos[1].refreshes, infos[0].refreshes);
  for (std::size_t k = 0; k < systems.size(); ++k) EXPECT_TRUE(same_bits(answers[0][k], answers[1][k]));
}

// A kept hierarchy that does not solve is refreshed in the same call, which starts again from its guess.
TEST(SolverCacheTest, AutomaticSolvesWhatAFreshSetupSolves) {
  SolverCache kept(4), cache(4), fresh(0);
  const Answer expected = solve(fresh, stretched);
  const std::string brief =
      Config::parse(
          "solver(o)=PCG, o:convergence=RELATIVE_INI, o:tolerance=1e-8, o:preconditioner(p)=AMG, "
          "p:selector=PMIS, p:interpolator=D2, p:max_iters=1, p:dense_lu_num_rows=10, o:max_iters=" +
          std::to_string(expected.outcome.info.iterations[0]))
          .canonical();
  solve(kept, poisson, brief);
  ASSERT_FALSE(is_solved(stretched, solve(kept, stretched, brief, Mode::plain, Reuse::keep)));

  solve(cache, poisson, brief);
  const Answer answer = solve(cache, stretched, brief, Mode::plain, Reuse::automatic);
  EXPECT_TRUE(same_bits(answer.x, expected.x));
  expect_info(cache, {.hits = 1, .refreshes = 1, .rebuilds = 1, .setups = 1, .entries = 1});
}

TEST(SolverCacheTest, ErrorLeavesNoEntry) {
  SolverCache cache(4);
  Sparse bad = poisson.A;
  bad.innerIndexPtr()[5] = 4000;
  EXPECT_THROW(solve(cache, System(bad)), Error);
  EXPECT_THROW(solve(cache, poisson, "solver=AMG, algorithm=AGGREGATION, selector=GEO"), ConfigError);
  EXPECT_TRUE(cache.info().entries.empty());
  EXPECT_TRUE(is_solved(poisson, solve(cache, poisson)));
}

TEST(SolverCacheTest, ProductWithAndWithoutAnEntry) {
  SolverCache cache(4);
  const Lanes x = problems::random_lanes(400, 3);
  for (int known = 0; known < 2; ++known)
    for (const Mode mode : {Mode::plain, Mode::transposed}) {
      Lanes y(400, 3);
      cache.multiply(HostDevice(), flow.input(), mode, {x.data(), DType::f64, 400, 3},
                     {y.data(), DType::f64, 400, 3});
      const Lanes exact = (mode == Mode::plain ? flow.A : Sparse(flow.A.transpose())) * x;
      EXPECT_LE((y - exact).cwiseAbs().maxCoeff(),
                10 * 0x1p-52 * flow.A.coeffs().abs().maxCoeff() * 5 * x.cwiseAbs().maxCoeff());
      if (mode == Mode::transposed) solve(cache, flow, bicgstab);
    }
}

// ---- held solvers

SolveRequest setup_request(const System& system, const std::string& config) {
  SolveRequest request;
  request.config = config;
  request.A = system.input();
  return request;
}

Answer solve_held(SolverCache& cache, std::int64_t number, const System& system, Mode mode = Mode::plain) {
  Answer answer{{}, Lanes::Zero(system.A.rows(), 1)};
  SolveRequest request = setup_request(system, "");
  request.held = number;
  request.mode = mode;
  request.b = {system.b.data(), DType::f64, system.A.rows(), 1};
  request.x = {answer.x.data(), DType::f64, system.A.rows(), 1};
  answer.outcome = cache.solve(HostDevice(), request);
  return answer;
}

TEST(HeldSolversTest, SolveAsTheyWereSetUp) {
  SolverCache cache(4), fresh(0);
  const SolverCache::Held held = cache.hold(HostDevice(), setup_request(flow, bicgstab));
  EXPECT_EQ(held.fault, Reason::none);
  const System near(problems::convection_diffusion2d(20, 1.2));
  for (const Mode mode : {Mode::plain, Mode::transposed}) {
    EXPECT_TRUE(
        same_bits(solve_held(cache, held.number, flow, mode).x, solve(fresh, flow, bicgstab, mode).x));
    EXPECT_TRUE(is_solved(near, solve_held(cache, held.number, near, mode), mode));
  }
  expect_info(cache, {});
  cache.release_memory();
  EXPECT_TRUE(is_solved(flow, solve_held(cache, held.number, flow)));
  EXPECT_THROW(solve_held(cache, held.number, System(problems::poisson2d(12))), Error);
  cache.let_go(held.number);
  EXPECT_THROW(solve_held(cache, held.number, flow), Error);
}

TEST(HeldSolversTest, ShowTheirMatrices) {
  SolverCache cache(4);
  const std::int64_t number = cache.hold(HostDevice(), setup_request(flow, bicgstab)).number;
  const auto matrix = [&](std::size_t level, LevelMatrix which) {
    const HostMatrix m = cache.matrix(HostDevice(), number, level, which);
    std::vector<Eigen::Triplet<double>> entries;
    for (std::size_t i = 0; i + 1 < m.offsets.size(); ++i)
      for (auto k = static_cast<std::size_t>(m.offsets[i]); k < static_cast<std::size_t>(m.offsets[i + 1]);
           ++k)
        entries.emplace_back(static_cast<int>(i), m.columns[k],
                             reinterpret_cast<const double*>(m.values.data())[k]);
    Sparse A(static_cast<int>(m.offsets.size()) - 1, static_cast<int>(m.cols));
    A.setFromTriplets(entries.begin(), entries.end());
    return A;
  };
  const std::size_t levels = cache.report(number).grid.levels.size();
  ASSERT_GE(levels, 3);
  EXPECT_EQ(Lanes(matrix(0, LevelMatrix::A) - flow.A).norm(), 0.0);
  for (std::size_t l = 0; l + 1 < levels; ++l) {
    const Sparse product = matrix(l, LevelMatrix::R) * matrix(l, LevelMatrix::A) * matrix(l, LevelMatrix::P);
    EXPECT_LE(Lanes(product - matrix(l + 1, LevelMatrix::A)).norm(), 1e-13 * product.norm());
  }
  EXPECT_THROW(matrix(levels - 1, LevelMatrix::P), Error);
  EXPECT_THROW(matrix(levels, LevelMatrix::A), Error);
}

// ---- threads

class SolverCacheThreadsTest : public testing::TestWithParam<int> {
 protected:
  SolverCacheThreadsTest() { Arena::instance().resize(GetParam()); }
  ~SolverCacheThreadsTest() override { Arena::instance().resize(threads_); }

  // Runs body(t) on so many threads, which start together.
  template <class Body>
  static void on_threads(int count, Body body) {
    std::barrier start(count);
    std::vector<std::jthread> threads;
    for (int t = 0; t < count; ++t)
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        body(t);
      });
  }

  int threads_ = Arena::instance().threads();
  static constexpr int callers = 4, rounds = 8;
};
INSTANTIATE_TEST_SUITE_P(Arena, SolverCacheThreadsTest, testing::Values(1, 3),
                         [](const auto& threads) { return "Of" + std::to_string(threads.param); });

// Plain and transposed calls meet in one entry: one makes the transposes while others solve.
TEST_P(SolverCacheThreadsTest, SameMatrix) {
  SolverCache fresh(0);
  const Answer plain = solve(fresh, flow, bicgstab),
               transposed = solve(fresh, flow, bicgstab, Mode::transposed);
  for (int round = 0; round < rounds; ++round) {
    SolverCache cache(4);
    solve(cache, flow, bicgstab);
    std::atomic<int> wrong = 0;
    on_threads(callers, [&](int t) {
      for (int k = 0; k < 3; ++k) {
        const bool plainly = (t + k) % 2 == 0;
        const Answer answer = solve(cache, flow, bicgstab, plainly ? Mode::plain : Mode::transposed);
        wrong += !same_bits(answer.x, plainly ? plain.x : transposed.x);
      }
    });
    EXPECT_EQ(wrong, 0);
    expect_info(cache, {.hits = 3 * callers, .setups = 1, .entries = 1});
  }
}

TEST_P(SolverCacheThreadsTest, HeldSolver) {
  SolverCache fresh(0);
  const Answer plain = solve(fresh, flow, bicgstab),
               transposed = solve(fresh, flow, bicgstab, Mode::transposed);
  for (int round = 0; round < rounds; ++round) {
    SolverCache cache(4);
    const std::int64_t number = cache.hold(HostDevice(), setup_request(flow, bicgstab)).number;
    std::atomic<int> wrong = 0;
    on_threads(callers, [&](int t) {
      for (int k = 0; k < 3; ++k) {
        const bool plainly = (t + k) % 2 == 0;
        const Answer answer = solve_held(cache, number, flow, plainly ? Mode::plain : Mode::transposed);
        wrong += !same_bits(answer.x, plainly ? plain.x : transposed.x);
      }
    });
    EXPECT_EQ(wrong, 0);
  }
}

TEST_P(SolverCacheThreadsTest, DifferentValuesOfOnePattern) {
  std::vector<System> systems;
  for (int t = 0; t < callers; ++t) systems.emplace_back(problems::convection_diffusion2d(20, 0.3 * t));
  std::vector<Answer> plain, transposed;
  SolverCache fresh(0);
  for (const System& system : systems) {
    plain.push_back(solve(fresh, system, bicgstab));
    transposed.push_back(solve(fresh, system, bicgstab, Mode::transposed));
  }
  SolverCache cache(4);
  std::atomic<int> wrong = 0;
  on_threads(callers, [&](int t) {
    const auto i = static_cast<std::size_t>(t);
    for (int k = 0; k < rounds; ++k) {
      wrong += !same_bits(solve(cache, systems[i], bicgstab).x, plain[i].x);
      wrong += !same_bits(solve(cache, systems[i], bicgstab, Mode::transposed).x, transposed[i].x);
    }
  });
  EXPECT_EQ(wrong, 0);
  const SolverCache::Info info = cache.info();
  EXPECT_EQ(info.hits + info.refreshes + info.setups, 2 * callers * rounds);
  EXPECT_LE(info.entries.size(), 4);
}

// More patterns than the cache holds: entries are evicted while others solve with them. Two configurations
// and both modes share the patterns.
TEST_P(SolverCacheThreadsTest, DifferentPatternsAndEvictions) {
  std::vector<System> systems;
  for (int n = 8; n < 14; ++n) systems.emplace_back(problems::convection_diffusion2d(n, 0.5));
  SolverCache cache(2);
  std::atomic<int> wrong = 0;
  on_threads(callers, [&](int t) {
    for (int k = 0; k < 3 * rounds; ++k) {
      const System& system = systems[static_cast<std::size_t>((t * 5 + k * (t + 1)) % 6)];
      const Mode mode = (t + k) % 3 ? Mode::plain : Mode::transposed;
      wrong += !is_solved(system, solve(cache, system, k % 2 ? bicgstab : bicgstab_d1, mode), mode);
    }
    if (t == 0) cache.release_memory();
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(cache.info().entries.size(), 2);
  EXPECT_GT(cache.info().evictions, 0);
}

}  // namespace
}  // namespace amg
