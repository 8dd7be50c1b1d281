// SIZE_2 against a greedy matching, and the laws that aggregates obey.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/host/host_space.h"
#include "core/arena.h"
#include "core/row_hash.h"
#include "setup/hierarchy.h"

namespace amg {
namespace {

using Rows = std::vector<std::map<int, double>>;
using Aggregates = std::vector<int>;

const MatchingOptions defaults{};
// Pairs only, and as many as there can be.
const MatchingOptions pairs{
    .max_matching_iterations = 1000, .max_unassigned_percentage = 0, .merge_singletons = false};

// ---- problems

// Fluxes between the cells of a box, between i and its neighbour j coefficient(i, j); Dirichlet boundary.
Rows grid(int nx, int ny, int nz, const std::function<double(int axis, int i, int j)>& coefficient) {
  Rows A(static_cast<std::size_t>(nx * ny * nz));
  const int size[] = {nx, ny, nz}, stride[] = {1, nx, nx * ny};
  for (int i = 0; i < static_cast<int>(A.size()); ++i)
    for (int axis = 0; axis < 3; ++axis)
      for (const int step : {-1, 1}) {
        if (size[axis] == 1) continue;
        const int j = i + step * stride[axis], place = i / stride[axis] % size[axis] + step;
        const double c = coefficient(axis, std::min(i, j), std::max(i, j));
        A[i][i] += c;
        if (place >= 0 && place < size[axis]) A[i][j] = -c;
      }
  return A;
}

Rows poisson(int nx, int ny, int nz) {
  return grid(nx, ny, nz, [](int, int, int) { return 1.0; });
}

Rows renumbered(const Rows& A, unsigned seed) {
  std::vector<int> to(A.size());
  std::iota(to.begin(), to.end(), 0);
  std::shuffle(to.begin(), to.end(), std::mt19937(seed));
  Rows B(A.size());
  for (int i = 0; i < static_cast<int>(A.size()); ++i)
    for (const auto& [j, a] : A[i]) B[to[i]][to[j]] = a;
  return B;
}

// Symmetric neither in values nor in signs, nor all of it in pattern; some rows without a diagonal, some with
// nothing else, some empty.
Rows random_matrix(int n, int per_row, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution normal;
  Rows A(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    A[i][i] = 4.0 + normal(random);
    for (int e = 0; e < per_row; ++e)
      A[i][static_cast<int>(random() % static_cast<unsigned>(n))] = normal(random);
  }
  for (int i = 0; i < n; ++i) {
    if (i % 17 == 5) A[i].erase(i);
    if (i % 23 == 7) A[i] = {{i, 1.0}};
    if (i % 29 == 11) A[i].clear();
  }
  return A;
}

std::map<std::string, Rows> problems() {
  std::mt19937 random(3);
  std::lognormal_distribution jump(0.0, 2.0);
  return {
      {"line", poisson(101, 1, 1)},
      {"square", poisson(20, 21, 1)},
      {"cube", poisson(9, 8, 7)},
      {"renumbered cube", renumbered(poisson(8, 8, 8), 4)},
      {"anisotropic", grid(15, 15, 1, [](int axis, int, int) { return axis == 0 ? 1e-3 : 1.0; })},
      {"smooth", grid(40, 10, 1, [](int, int i, int) { return 1.0 + 0.01 * i; })},
      {"jumps", renumbered(grid(18, 17, 1, [&](int, int, int) { return jump(random); }), 5)},
      {"random", random_matrix(500, 4, 6)},
      {"diagonal", {{{0, 1.0}}, {{1, 2.0}}, {}}},
      {"no rows", {}},
  };
}

// ---- the engine

class AggregationTest : public testing::Test {
 protected:
  ~AggregationTest() override { Arena::instance().resize(threads_); }

  template <class T = double>
  CsrMatrix sparse(const Rows& A, std::int64_t cols = -1) {
    auto pattern = std::make_shared<Pattern>();
    pattern->rows = static_cast<std::int64_t>(A.size());
    pattern->cols = cols < 0 ? pattern->rows : cols;
    std::int64_t entries = 0;
    for (const auto& row : A) entries += static_cast<std::int64_t>(row.size());
    pattern->offsets = space_.array<std::int64_t>(pattern->rows + 1);
    pattern->columns = space_.array<std::int32_t>(entries);
    CsrMatrix result = space_.matrix(pattern, dtype_of<T>);
    std::int64_t k = 0;
    for (std::size_t i = 0; i < A.size(); ++i) {
      pattern->offsets[static_cast<std::int64_t>(i)] = k;
      for (const auto& [j, a] : A[i]) {
        pattern->columns[k] = j;
        result.as<T>()[k++] = static_cast<T>(a);
      }
    }
    pattern->offsets[pattern->rows] = k;
    return result;
  }

  Aggregates match(const CsrMatrix& A, const MatchingOptions& options = defaults) {
    const auto aggregates = space_.match_size_2(A, options);
    return {aggregates.span().begin(), aggregates.span().end()};
  }
  Aggregates match(const Rows& A, const MatchingOptions& options = defaults) {
    return match(sparse(A), options);
  }

  // R A P of the aggregates.
  Rows coarse(const Rows& A, const Aggregates& aggregates, int count) {
    Rows C(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < A.size(); ++i)
      for (const auto& [j, a] : A[i]) C[aggregates[i]][aggregates[j]] += a;
    return C;
  }

  Workspace workspace_{std::pmr::new_delete_resource()};
  HostSpace space_{workspace_};
  int threads_ = Arena::instance().threads();
};

int count(const Aggregates& aggregates) {
  return aggregates.empty() ? 0 : *std::ranges::max_element(aggregates) + 1;
}

std::vector<std::vector<int>> members(const Aggregates& aggregates) {
  std::vector<std::vector<int>> rows(static_cast<std::size_t>(count(aggregates)));
  for (std::size_t i = 0; i < aggregates.size(); ++i) rows[aggregates[i]].push_back(static_cast<int>(i));
  return rows;
}

// ---- reference: edges from the best to the worst, each taken if both its rows are still free

double stored(const Rows& A, int i, int j) {
  const auto at = A[i].find(j);
  return at == A[i].end() ? 0.0 : at->second;
}

// To 8 significant bits.
double rounded(double weight) {
  int exponent = 0;
  const double fraction = std::frexp(weight, &exponent);
  return std::isfinite(weight) ? std::ldexp(std::round(fraction * 256), exponent - 8) : weight;
}

double sum(const std::map<int, double>& row) {
  return std::accumulate(row.begin(), row.end(), 0.0,
                         [](double s, const auto& entry) { return s + entry.second; });
}

constexpr std::int64_t notay = 2;  // in place of a weight_formula

double weight(const Rows& A, int i, int j, std::int64_t formula) {
  if (!A[i].contains(j) || !A[j].contains(i)) return 0.0;
  const double a_ii = stored(A, i, i), a_jj = stored(A, j, j), a_ij = stored(A, i, j), a_ji = stored(A, j, i);
  if (formula == notay) {
    const double joint = -0.5 * (a_ij + a_ji);
    const auto in_parallel = [](double x, double y) { return x > 0 && y > 0 ? 1 / (1 / x + 1 / y) : 0.0; };
    return joint > 0 ? rounded((joint + in_parallel(sum(A[i]), sum(A[j]))) / (2 * in_parallel(a_ii, a_jj)))
                     : 0.0;
  }
  const double attraction = a_ij + a_ji == 0 || (a_ij + a_ji < 0) == (a_ii > 0) ? 1 : std::ldexp(1.0, -30);
  const double w = formula == 1 ? -0.5 * (a_ij / a_ii + a_ji / a_jj)
                                : attraction * 0.5 * (std::abs(a_ij) + std::abs(a_ji)) /
                                      std::max(std::abs(a_ii), std::abs(a_jj));
  return w > 0 ? rounded(w) : 0.0;
}

// Of rows where damped Jacobi may not converge.
bool is_scattered(const Rows& A, int i) {
  const double others = std::accumulate(A[i].begin(), A[i].end(), 0.0, [&](double s, const auto& entry) {
    return entry.first == i ? s : s + std::abs(entry.second);
  });
  return others > 1.2 * std::abs(stored(A, i, i));
}

Aggregates greedy_pairs(const Rows& A, std::int64_t formula) {
  std::vector<std::tuple<double, bool, int, std::uint64_t, int, int>> edges;
  for (int i = 0; i < static_cast<int>(A.size()); ++i)
    for (int j = i + 1; j < static_cast<int>(A.size()); ++j)
      if (const double w = weight(A, i, j, formula); w > 0) {
        const bool scattered = is_scattered(A, i) || is_scattered(A, j);
        edges.emplace_back(-w, !scattered, j - i, scattered ? ~row_hash(i, 12) : i / (j - i) % 2, i, j);
      }
  std::ranges::sort(edges);
  std::vector<int> partner(A.size(), -1);
  for (const auto& [w, aligned, distance, turn, i, j] : edges)
    if (partner[i] < 0 && partner[j] < 0) {
      partner[i] = j;
      partner[j] = i;
    }
  Aggregates aggregates(A.size());
  int next = 0;
  for (int i = 0; i < static_cast<int>(A.size()); ++i)
    aggregates[i] = partner[i] >= 0 && partner[i] < i ? aggregates[partner[i]] : next++;
  return aggregates;
}

// ---- tests

// Where both ends rank edges alike, without ties at a row, handshaking finds what greedy matching finds.
TEST_F(AggregationTest, HandshakingIsGreedyMatching) {
  for (const auto& [name, A] : problems())
    for (const std::int64_t formula : {std::int64_t{0}, std::int64_t{1}, notay}) {
      MatchingOptions options = pairs;
      options.weight_formula = formula;
      options.notay_weights = formula == notay;
      EXPECT_EQ(match(A, options), greedy_pairs(A, formula)) << name << ", formula " << formula;
    }
}

TEST_F(AggregationTest, WithoutMergingThereArePairsAndSingles) {
  for (const auto& [name, A] : problems()) {
    MatchingOptions options = defaults;
    options.merge_singletons = false;
    for (const auto& rows : members(match(A, options))) {
      ASSERT_LE(rows.size(), 2u) << name;
      if (rows.size() == 2) {
        EXPECT_GT(weight(A, rows[0], rows[1], 0), 0) << name;
      }
    }
  }
}

// Along lines of 15 cells one is left over; it pairs with the next line unless such edges are dropped.
TEST_F(AggregationTest, FilteredEdgesPairNobody) {
  const Rows A = problems().at("anisotropic");
  const auto weak_pairs = [&](double alpha) {
    MatchingOptions options = pairs;
    options.filter_weights_alpha = alpha;
    return std::ranges::count_if(members(match(A, options)), [&](const auto& rows) {
      return rows.size() == 2 && weight(A, rows[0], rows[1], 0) < 0.01;
    });
  };
  EXPECT_GT(weak_pairs(0), 0);
  EXPECT_GT(weak_pairs(1e-4), 0);
  EXPECT_EQ(weak_pairs(0.5), 0);
}

// Pairs of pairs of pairs on a uniform box are its cubes of 2 × 2 × 2 cells, in one level.
TEST_F(AggregationTest, Size8IsThreeTimesSize2) {
  const int n = 8;
  const CsrMatrix A = sparse(poisson(n, n, n));
  for (const std::string selector : {"SIZE_8", "MULTI_PAIRWISE", "SIZE_4"}) {
    Hierarchy hierarchy(
        Config::parse("solver=AMG, algorithm=AGGREGATION, dense_lu_num_rows=4, selector=" + selector)
            .outer()
            .scope);
    hierarchy.setup(space_, A);
    const CsrMatrix& P = hierarchy[0].P;
    ASSERT_EQ(P.entries(), n * n * n);
    const int height = selector == "SIZE_4" ? 1 : 2;
    for (int i = 0; i < n * n * n; ++i) {
      const int x = i % n, y = i / n % n, z = i / (n * n);
      EXPECT_EQ(P.pattern()->columns[i], x / 2 + n / 2 * (y / 2 + n / 2 * (z / height))) << selector;
      EXPECT_EQ(P.as<double>()[i], 1);
    }
  }
}

TEST_F(AggregationTest, EveryRowIsAssignedAndAggregatesAreNumberedByTheirFirstRows) {
  for (const auto& [name, A] : problems()) {
    const Aggregates aggregates = match(A);
    ASSERT_EQ(aggregates.size(), A.size()) << name;
    int next = 0;
    for (const int aggregate : aggregates) {
      ASSERT_GE(aggregate, 0) << name;
      ASSERT_LE(aggregate, next) << name;
      if (aggregate == next) ++next;
    }
  }
}

TEST_F(AggregationTest, MergedAggregatesAreConnectedAndOnlyIsolatedRowsStayAlone) {
  for (const auto& [name, A] : problems())
    for (const auto& rows : members(match(A))) {
      std::set<int> reached{rows[0]}, left(rows.begin() + 1, rows.end());
      for (bool grows = true; grows;) {
        grows = false;
        for (const int i : std::vector(left.begin(), left.end()))
          if (std::ranges::any_of(reached, [&, &A = A](int j) { return weight(A, i, j, 0) > 0; })) {
            reached.insert(i);
            left.erase(i);
            grows = true;
          }
      }
      EXPECT_TRUE(left.empty()) << name;
      if (rows.size() > 1) continue;
      for (const auto& entry : A[rows[0]]) {
        EXPECT_TRUE(entry.first == rows[0] || weight(A, rows[0], entry.first, 0) == 0) << name;
      }
    }
}

// An unassigned row joins its strongest neighbour's aggregate: rows 1, 2 pair, and 0 and 3 have one neighbour
// each.
TEST_F(AggregationTest, SinglesJoinTheirNeighbours) {
  const Rows A = grid(4, 1, 1, [](int, int i, int) { return i == 1 ? 10.0 : 1.0; });
  EXPECT_EQ(match(A, pairs), (Aggregates{0, 1, 1, 2}));
  EXPECT_EQ(match(A), (Aggregates{0, 0, 0, 0}));
}

TEST_F(AggregationTest, NoRoundsNoPairs) {
  MatchingOptions options = defaults;
  options.max_matching_iterations = 0;
  EXPECT_EQ(match(poisson(3, 1, 1), options), (Aggregates{0, 1, 2}));
}

// A renumbered cube takes several rounds; each leaves fewer rows over, and the share asked for ends them.
TEST_F(AggregationTest, RoundsEndWhenFewRowsAreLeft) {
  const Rows A = renumbered(poisson(12, 12, 12), 8);
  const auto singles = [&](std::int64_t rounds, double share) {
    MatchingOptions options = pairs;
    options.max_matching_iterations = rounds;
    options.max_unassigned_percentage = share;
    return 2 * count(match(A, options)) - static_cast<int>(A.size());
  };
  EXPECT_GT(singles(1, 0), singles(2, 0));
  EXPECT_GT(singles(2, 0), singles(1000, 0));
  EXPECT_EQ(singles(1000, 0.9), singles(1, 0));
  const int some = singles(1000, 0.2);
  EXPECT_LT(some, 0.2 * static_cast<double>(A.size()));
  EXPECT_GT(some, singles(1000, 0));
}

// Three levels of pairs on a uniform box are its cubes of 2 × 2 × 2 cells.
TEST_F(AggregationTest, PairsLineUp) {
  const int n = 8;
  Rows A = poisson(n, n, n);
  std::vector<int> cube(A.size());
  std::iota(cube.begin(), cube.end(), 0);
  for (int level = 0; level < 3; ++level) {
    const Aggregates aggregates = match(A);
    A = coarse(A, aggregates, count(aggregates));
    for (int& c : cube) c = aggregates[c];
  }
  for (int i = 0; i < n * n * n; ++i) {
    const int x = i % n, y = i / n % n, z = i / (n * n);
    EXPECT_EQ(cube[i], x / 2 + n / 2 * (y / 2 + n / 2 * (z / 2)));
  }
}

// Rows i ± 1 and i ± 2 are coupled by `near` and `far`.
Rows line(int n, double near, double far) {
  Rows A(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    A[i][i] = 1;
    for (const auto& [step, a] : {std::pair{1, near}, std::pair{2, far}})
      for (const int j : {i - step, i + step})
        if (j >= 0 && j < n) A[i][j] = a;
  }
  return A;
}

// Where Jacobi leaves (-1)^i, aggregates must see it, as no pair that lines up does: D⁻¹ A takes it to 2.4 times itself.
TEST_F(AggregationTest, WhatJacobiLeavesIsSeenByAggregates) {
  const int n = 400;
  const auto seen = [&](const Rows& A) {
    double square = 0;
    for (const auto& rows : members(match(A))) {
      double sum = 0;
      for (const int i : rows) sum += i % 2 ? -1 : 1;
      square += sum * sum / static_cast<double>(rows.size());
    }
    return square / n;
  };
  EXPECT_EQ(seen(line(n, -0.5, 0.0)), 0);
  EXPECT_GT(seen(line(n, -0.5, 0.2)), 0.02);
}

// The nearest neighbours have the largest entries, but they repel: whoever has another to pair with takes that one.
TEST_F(AggregationTest, RowsThatRepelComeLast) {
  MatchingOptions first_round = pairs;
  first_round.max_matching_iterations = 1;
  for (const double sign : {1.0, -1.0}) {
    Rows A = line(400, 0.5, -0.3);
    for (auto& row : A)
      for (auto& [j, a] : row) a *= sign;
    const auto aggregates = members(match(A, first_round));
    EXPECT_LT(aggregates.size(), 300u);
    for (const auto& rows : aggregates)
      EXPECT_TRUE(rows.size() == 1 || rows[1] - rows[0] == 2) << sign << ' ' << rows[0];
  }
}

// Each level has half the rows of the one before, give or take what max_unassigned_percentage leaves over.
TEST_F(AggregationTest, LevelsHalve) {
  for (const auto& [name, fine] : std::map<std::string, Rows>{
           {"odd cube", poisson(21, 21, 21)},
           {"renumbered cube", renumbered(poisson(20, 20, 20), 9)},
           {"smooth",
            grid(300, 40, 1,
                 [](int axis, int i, int) { return 1.0 + 0.01 * (axis == 0 ? i % 300 : i / 300); })},
           {"anisotropic", grid(100, 100, 1, [](int axis, int, int) { return axis == 0 ? 1e-3 : 1.0; })}}) {
    Rows A = fine;
    for (int level = 0; level < 5; ++level) {
      const Aggregates aggregates = match(A);
      const double ratio = static_cast<double>(count(aggregates)) / static_cast<double>(A.size());
      EXPECT_LE(ratio, 0.5) << name << ", level " << level;
      EXPECT_GE(ratio, 0.5 * (1 - 0.15)) << name << ", level " << level;
      A = coarse(A, aggregates, count(aggregates));
    }
  }
}

// Row 1 depends on row 2 most, which knows nothing of it, as a Dirichlet row does not.
TEST_F(AggregationTest, NobodyWaitsForARowThatIsNotCoupledBack) {
  Rows A = poisson(3, 1, 1);
  A[1][2] = -100.0;
  A[2] = {{2, 1.0}};
  EXPECT_EQ(match(A), (Aggregates{0, 0, 1}));
}

TEST_F(AggregationTest, GhostsAreNotPaired) {
  Rows A = poisson(6, 1, 1);
  const Aggregates alone = match(A);
  A[0][6] = -100.0;
  A[5][7] = -100.0;
  EXPECT_EQ(match(sparse(A, 8)), alone);
}

TEST_F(AggregationTest, WeightsThatAreNotNumbersPairNobody) {
  Rows A = poisson(4, 1, 1);
  A[1][2] = A[2][1] = std::nan("");
  EXPECT_EQ(match(A), (Aggregates{0, 0, 1, 1}));
  for (auto& row : A)
    for (auto& entry : row) entry.second = std::nan("");
  EXPECT_EQ(match(A), (Aggregates{0, 1, 2, 3}));
}

TEST_F(AggregationTest, Float32PairsAsFloat64) {
  for (const auto& [name, A] : problems())
    EXPECT_EQ(match(sparse<float>(A)), match(sparse<double>(A))) << name;
}

TEST_F(AggregationTest, SameAggregatesAtAnyNumberOfThreads) {
  for (const auto& [name, A] :
       std::map<std::string, Rows>{{"renumbered cube", renumbered(poisson(24, 24, 24), 10)},
                                   {"random", random_matrix(20000, 4, 12)}}) {
    const CsrMatrix matrix = sparse(A);
    Arena::instance().resize(1);
    const Aggregates one = match(matrix);
    for (const int threads : {2, 3, 4}) {
      Arena::instance().resize(threads);
      EXPECT_EQ(match(matrix), one) << name << ", " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace amg
