// Colorings, and the smoothers that run color after color, against what one thread does row by row.
#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "amg/error.h"
#include "core/row_hash.h"
#include "method/method.h"
#include "space_fixture.h"

namespace amg {
namespace {

using Dense = Eigen::MatrixXd;

// Neither its values nor its pattern are symmetric; rows of very different lengths.
Sparse lopsided(int n) {
  std::mt19937 random(3);
  problems::Entries entries;
  for (int i = 0; i < n; ++i) {
    entries.emplace_back(i, i, 8.0);
    for (unsigned e = 0; e < random() % 7; ++e)
      entries.emplace_back(i, static_cast<int>(random() % static_cast<unsigned>(i % 10 == 0 ? 20 : n)), -0.5);
  }
  return problems::from_entries(n, entries);
}

const std::vector<Sparse>& systems() {
  static const std::vector<Sparse> all{problems::poisson2d(17), problems::poisson3d(7),
                                       problems::convection_diffusion2d(15, 2.0), lopsided(400)};
  return all;
}

// ---- colorings

using Graph = std::vector<std::set<int>>;

Graph neighbours(const Sparse& A, int distance) {
  Graph near(static_cast<std::size_t>(A.rows()));
  for (int i = 0; i < A.rows(); ++i)
    for (Sparse::InnerIterator a(A, i); a; ++a)
      if (const auto j = static_cast<int>(a.col()); j != i) {
        near[static_cast<std::size_t>(i)].insert(j);
        near[static_cast<std::size_t>(j)].insert(i);
      }
  if (distance == 1) return near;
  Graph far = near;
  for (std::size_t i = 0; i < near.size(); ++i)
    for (const int j : near[i])
      for (const int k : near[static_cast<std::size_t>(j)])
        if (static_cast<std::size_t>(k) != i) far[i].insert(k);
  return far;
}

// Rows with many stored entries, in A and in Aᵀ where that has another pattern, go first.
std::vector<int> greedy_colors(const Sparse& A, int distance) {
  const Sparse AT = A.transpose();
  const bool symmetric = same_pattern(A, AT);
  const auto length = [](const Sparse& M, int i) { return M.outerIndexPtr()[i + 1] - M.outerIndexPtr()[i]; };
  const auto rank = [&](int i) {
    return std::tuple(-(length(A, i) + (symmetric ? 0 : length(AT, i))), ~(row_hash(i, 11) >> 32), i);
  };
  std::vector<int> order(static_cast<std::size_t>(A.rows()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, rank);
  const Graph graph = neighbours(A, distance);
  std::vector<int> color(order.size(), -1);
  for (const int i : order) {
    std::set<int> taken;
    for (const int j : graph[static_cast<std::size_t>(i)]) taken.insert(color[static_cast<std::size_t>(j)]);
    while (taken.contains(++color[static_cast<std::size_t>(i)])) {
    }
  }
  return color;
}

class ColoredSmoothersTest : public SpaceTest {
 protected:
  std::vector<std::int32_t> fetch(const Array<std::int32_t>& array) {
    std::vector<std::int32_t> out(static_cast<std::size_t>(array.size()));
    space.download(array.data(), std::as_writable_bytes(std::span(out)));
    return out;
  }

  Coloring color(const Sparse& A, const std::string& keys = "") {
    return make_colorer(Config::parse("solver(o)=GS" + keys).outer().scope)(space, site.upload(A));
  }

  // Rows in the order in which a sweep takes them.
  std::vector<int> sweep_order(const Sparse& A, const std::string& keys = "") {
    return fetch(color(A, keys).rows);
  }

  // M of x += M (b − A x), by its columns.
  Dense matrix_of(const std::string& config, const Sparse& A, Mode mode = Mode::plain, int iterations = 1) {
    const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
    const std::unique_ptr<Method> method = make_method(Config::parse(config).outer());
    method->setup(space, matrix);
    method->prepare_transpose(space, {matrix, transpose, Mode::transposed});
    const OwnedVector b = site.upload(Lanes(Lanes::Identity(A.rows(), A.rows()))),
                      x = site.vector(A.rows(), A.rows());
    method->apply(space, {matrix, transpose, mode}, b, {}, x, iterations);
    return site.download(x);
  }

  // Up to the rounding of a few hundred operations.
  void expect_near(const Dense& actual, const Dense& expected) {
    ASSERT_TRUE(actual.allFinite());
    EXPECT_LE((actual - expected).norm(), 100 * eps * expected.norm());
  }
};
AMG_IN_EVERY_SPACE(ColoredSmoothersTest);

TEST_P(ColoredSmoothersTest, ColorsAreThoseOfOneThreadInTheOrderOfPriority) {
  for (const Sparse& A : systems())
    for (const int distance : {1, 2}) {
      const std::vector<int> expected = greedy_colors(A, distance);
      for (const int threads : {1, 2, 4}) {
        Arena::instance().resize(threads);
        const Coloring coloring = color(A, ", o:coloring_level=" + std::to_string(distance));
        EXPECT_EQ(fetch(coloring.color), expected);
        EXPECT_EQ(coloring.colors(), *std::ranges::max_element(expected) + 1);
      }
    }
}

TEST_P(ColoredSmoothersTest, RowsAreGroupedByColor) {
  for (const Sparse& A : systems()) {
    const Coloring coloring = color(A);
    const std::vector<int> colors = fetch(coloring.color);
    std::vector<int> rows(colors.size());
    std::iota(rows.begin(), rows.end(), 0);
    std::ranges::stable_sort(rows, {}, [&](int i) { return colors[static_cast<std::size_t>(i)]; });
    EXPECT_EQ(fetch(coloring.rows), rows);
    for (int c = 0; c <= coloring.colors(); ++c)
      EXPECT_EQ(coloring.first[static_cast<std::size_t>(c)],
                std::ranges::count_if(colors, [&](int other) { return other < c; }));
  }
}

TEST_P(ColoredSmoothersTest, RowsOfOneColorDoNotSeeEachOther) {
  for (const Sparse& A : systems())
    for (const int distance : {1, 2}) {
      const auto colors = fetch(color(A, ", o:coloring_level=" + std::to_string(distance)).color);
      const Graph graph = neighbours(A, distance);
      for (std::size_t i = 0; i < graph.size(); ++i)
        for (const int j : graph[i]) EXPECT_NE(colors[i], colors[static_cast<std::size_t>(j)]);
    }
}

TEST_P(ColoredSmoothersTest, MoreThan64ColorsAreFound) {
  const int n = 150;
  const Sparse full = Dense(Dense::Constant(n, n, -0.001) + Dense::Identity(n, n)).sparseView();
  EXPECT_EQ(color(full).colors(), n);
}

TEST(ColoringTest, SchemesAndLevels) {
  const auto make = [](const std::string& keys) {
    return make_colorer(Config::parse("solver(o)=MULTICOLOR_GS" + keys).outer().scope);
  };
  for (const std::string scheme :
       {"MIN_MAX", "MIN_MAX_2RING", "PARALLEL_GREEDY", "ROUND_ROBIN", "MULTI_HASH", "UNIFORM",
        "GREEDY_MIN_MAX_2RING", "SERIAL_GREEDY_BFS", "GREEDY_RECOLOR", "LOCALLY_DOWNWIND"})
    EXPECT_NO_THROW(make(", o:matrix_coloring_scheme=" + scheme)) << scheme;
  EXPECT_THROW(make(", o:coloring_level=0"), ConfigError);
  EXPECT_THROW(make(", o:coloring_level=3"), ConfigError);
}

// ---- Gauss-Seidel

// One thread's sweep over the rows in this order; d_i is the diagonal, or the l1 norm of the row.
void sweep(const Sparse& A, const std::vector<int>& order, double omega, bool l1, const Dense& b, Dense& x) {
  for (const int i : order) {
    const double d = l1 ? Dense(A.row(i)).cwiseAbs().sum() : A.coeff(i, i);
    x.row(i) += omega / d * (b.row(i) - Dense(A.row(i) * x));
  }
}

TEST_P(ColoredSmoothersTest, SweepsAreGaussSeidels) {
  for (const Sparse& given : systems())
    for (const bool symmetric : {false, true})
      for (const bool l1 : {false, true})
        for (const int iterations : {1, 3}) {
          const Sparse A = site.rounded(given);
          const std::vector<int> order = sweep_order(A), back(order.rbegin(), order.rend());
          const Dense identity = Dense::Identity(A.rows(), A.rows());
          Dense x = Dense::Zero(A.rows(), A.rows());
          for (int k = 0; k < iterations; ++k) {
            sweep(A, order, 0.8, l1, identity, x);
            if (symmetric) sweep(A, back, 0.8, l1, identity, x);
          }
          const std::string keys = std::string(", o:relaxation_factor=0.8") +
                                   (symmetric ? ", o:symmetric_GS=1" : "") +
                                   (l1 ? ", o:GS_L1_variant=1" : "");
          expect_near(matrix_of("solver(o)=MULTICOLOR_GS" + keys, A, Mode::plain, iterations), x);
        }
}

// ---- incomplete factors

// A in the order of its colors.
Dense reordered(const Dense& A, const std::vector<int>& order) { return A(order, order); }

// Saad, algorithm 10.6: ILU(p) row by row, the level of an entry the length of the shortest fill path to it.
Dense ilu_product(const Dense& A, int p) {
  const Eigen::Index n = A.rows();
  constexpr int never = 1000;
  Eigen::MatrixXi level = (A.array() != 0).select(Eigen::MatrixXi::Zero(n, n), never);
  Dense F = A;
  for (Eigen::Index i = 1; i < n; ++i) {
    for (Eigen::Index k = 0; k < i; ++k) {
      if (level(i, k) > p) continue;
      F(i, k) /= F(k, k);
      for (Eigen::Index j = k + 1; j < n; ++j) {
        if (level(k, j) == never) continue;
        F(i, j) -= F(i, k) * F(k, j);
        level(i, j) = std::min(level(i, j), level(i, k) + level(k, j) + 1);
      }
    }
    for (Eigen::Index j = 0; j < n; ++j)
      if (level(i, j) > p) {
        F(i, j) = 0;
        level(i, j) = never;
      }
  }
  return Dense(F.triangularView<Eigen::UnitLower>()) * Dense(F.triangularView<Eigen::Upper>());
}

TEST_P(ColoredSmoothersTest, IluIsTheTextbooksInTheOrderOfTheColors) {
  for (const Sparse& given : systems())
    for (const int p : {0, 1}) {
      const Sparse A = site.rounded(given);
      const std::vector<int> order = sweep_order(A, ", o:coloring_level=" + std::to_string(p + 1));
      const std::string config =
          "solver(o)=MULTICOLOR_ILU, o:relaxation_factor=1, o:ilu_sparsity_level=" + std::to_string(p);
      const Dense expected = ilu_product(reordered(A, order), p).inverse();
      expect_near(reordered(matrix_of(config, A), order), expected);
      expect_near(reordered(matrix_of(config, A, Mode::transposed), order), expected.transpose());
    }
}

// E is what gives M = (E + L) E⁻¹ (E + U) the diagonal of A.
TEST_P(ColoredSmoothersTest, DiluHasTheMatrixsTrianglesAndItsDiagonal) {
  for (const Sparse& given : systems()) {
    const Sparse A = site.rounded(given);
    const std::vector<int> order = sweep_order(A);
    const Dense B = reordered(A, order);
    const Dense L = B.triangularView<Eigen::StrictlyLower>(), U = B.triangularView<Eigen::StrictlyUpper>();
    Eigen::VectorXd e = B.diagonal();
    for (Eigen::Index i = 0; i < e.size(); ++i)
      for (Eigen::Index k = 0; k < i; ++k) e(i) -= L(i, k) / e(k) * U(k, i);
    const Dense E = e.asDiagonal();
    const Dense M = (E + L) * E.inverse() * (E + U);
    ASSERT_LE((M.diagonal() - B.diagonal()).norm(), 100 * epsilon(DType::f64) * B.diagonal().norm());
    const std::string config = "solver(o)=MULTICOLOR_DILU, o:relaxation_factor=1";
    expect_near(reordered(matrix_of(config, A), order), M.inverse());
    expect_near(reordered(matrix_of(config, A, Mode::transposed), order), M.inverse().transpose());
  }
}

TEST_P(ColoredSmoothersTest, IluOfATreeIsExact) {
  // No fill: eliminating a leaf of a tree connects nobody, and any distance-1 coloring of a path in two
  // colors eliminates ends or isolated points first. A diagonal block per point is such a tree.
  const int n = 40;
  problems::Entries entries;
  for (int i = 0; i < n; ++i) {
    entries.emplace_back(i, i, 3.0 + i % 5);
    if (i % 2 == 0) entries.emplace_back(i, i + 1, -1.0);
    if (i % 2 == 1) entries.emplace_back(i, i - 1, 2.0);
  }
  const Sparse A = problems::from_entries(n, entries);
  for (const std::string method : {"MULTICOLOR_ILU", "MULTICOLOR_DILU"})
    expect_near(matrix_of("solver(o)=" + method + ", o:relaxation_factor=1", A), Dense(A).inverse());
}

TEST_P(ColoredSmoothersTest, RowsWithoutADiagonalAreLeftOut) {
  Sparse A = problems::poisson2d(8);
  A.coeffRef(20, 20) = 0;  // stored
  A.prune([](int i, int j, double) { return i != 30 || j != 30; });
  const Lanes b = problems::random_lanes(A.rows(), 2, 1), guess = problems::random_lanes(A.rows(), 2, 2);
  for (const std::string method : {"MULTICOLOR_GS", "MULTICOLOR_GS, o:GS_L1_variant=1"}) {
    SCOPED_TRACE(method);
    const CsrMatrix matrix = site.upload(A);
    const std::unique_ptr<Method> smoother = make_method(Config::parse("solver(o)=" + method).outer());
    smoother->setup(space, matrix);
    const OwnedVector rhs = site.upload(b), x = site.upload(guess);
    smoother->apply(space, {matrix, {}, Mode::plain}, rhs, ConstVector(x), x, 2);
    const Lanes after = site.download(x);
    EXPECT_TRUE(after.allFinite());
    for (const int row : {20, 30})
      EXPECT_TRUE(same_bits(Lanes(after.row(row)), Lanes(site.rounded(guess).row(row))));
  }
}

TEST(IncompleteFactorizationTest, RefusesMoreFill) {
  EXPECT_THROW(make_method(Config::parse("solver(o)=MULTICOLOR_ILU, o:ilu_sparsity_level=2").outer()),
               ConfigError);
}

// Colors of this many rows are split among the threads.
TEST_P(ColoredSmoothersTest, SameBitsAtAnyNumberOfThreads) {
  const Sparse A = problems::convection_diffusion2d(220, 0.5);
  const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
  const OwnedVector b = site.upload(problems::random_lanes(A.rows(), 2)), x = site.vector(A.rows(), 2);
  for (const std::string method : {"MULTICOLOR_GS, o:symmetric_GS=1", "MULTICOLOR_DILU", "MULTICOLOR_ILU",
                                   "MULTICOLOR_ILU, o:ilu_sparsity_level=1"})
    for (const Mode mode : {Mode::plain, Mode::transposed}) {
      std::vector<Lanes> results;
      for (const int threads : {1, 2, 4}) {
        Arena::instance().resize(threads);
        const std::unique_ptr<Method> smoother = make_method(Config::parse("solver(o)=" + method).outer());
        smoother->setup(space, matrix);
        smoother->prepare_transpose(space, {matrix, transpose, Mode::transposed});
        smoother->apply(space, {matrix, transpose, mode}, b, {}, x, 3);
        results.push_back(site.download(x));
        EXPECT_TRUE(same_bits(results.front(), results.back())) << method << threads;
      }
    }
}

}  // namespace
}  // namespace amg
