// SMOOTHED_AGGREGATION: its aggregates, its bases of the near null space, its prolongations and its rates.
#include <cmath>
#include <map>
#include <set>

#include "linear_solver.h"
#include "setup/hierarchy.h"
#include "smoothers/spectrum.h"
#include "space_fixture.h"

namespace amg {
namespace {

using Aggregates = std::vector<int>;
using Graph = std::vector<std::set<int>>;

Graph strong_graph(const Sparse& A, double threshold) {
  Graph graph(static_cast<std::size_t>(A.rows()));
  for (int i = 0; i < A.rows(); ++i)
    for (Sparse::InnerIterator a(A, i); a; ++a) {
      const auto j = static_cast<int>(a.col());
      const double there = std::abs(a.value()), back = std::abs(A.coeff(j, i));
      const double bar = threshold * std::sqrt(std::abs(A.coeff(i, i) * A.coeff(j, j)));
      if (i != j && there != 0 && back != 0 && std::max(there, back) > bar) graph[i].insert(j);
    }
  return graph;
}

// A with its negligible entries on the diagonal instead: those below the threshold beside both diagonals.
Sparse filtered(const Sparse& A, double threshold) {
  problems::Entries entries;
  for (int i = 0; i < A.rows(); ++i)
    for (Sparse::InnerIterator a(A, i); a; ++a) {
      const auto j = static_cast<int>(a.col());
      const double largest = std::max(std::abs(a.value()), std::abs(A.coeff(j, i)));
      const bool kept = largest > threshold * std::min(std::abs(A.coeff(i, i)), std::abs(A.coeff(j, j)));
      entries.emplace_back(i, kept ? j : i, a.value());
    }
  return problems::from_entries(static_cast<int>(A.rows()), entries);
}

// Vaněk's two passes, one row after the other.
Aggregates vanek(const Graph& graph) {
  const auto n = static_cast<int>(graph.size());
  Aggregates taken(graph.size(), -1);
  for (int i = 0; i < n; ++i) {
    const auto is_taken = [&](int j) { return taken[j] >= 0; };
    if (graph[i].empty() || is_taken(i) || std::ranges::any_of(graph[i], is_taken)) continue;
    taken[i] = i;
    for (const int j : graph[i]) taken[j] = i;
  }
  Aggregates roots = taken;
  for (int i = 0; i < n; ++i)
    for (const int j : graph[i])
      if (roots[i] < 0 && taken[j] >= 0) roots[i] = taken[j];
  std::map<int, int> number;
  for (int& root : roots)
    if (root >= 0) root = number.try_emplace(root, static_cast<int>(number.size())).first->second;
  return roots;
}

const std::map<std::string, Sparse>& systems() {
  static const std::map<std::string, Sparse> all{
      {"poisson2d", problems::poisson2d(24)},
      {"poisson3d", problems::poisson3d(9)},
      {"anisotropic", problems::anisotropic2d(24, 0.01)},
      {"jumps", problems::jumps2d(24, 1e3)},
      {"convection", problems::convection_diffusion2d(24, 2.0)},
      {"random", problems::random_dominant(500)},
  };
  return all;
}

class SmoothedAggregationTest : public SpaceTest {
 protected:
  template <class T>
  std::vector<T> fetch(const Array<T>& array) {
    std::vector<T> out(array.span().size());
    space.download(array.data(), std::as_writable_bytes(std::span(out)));
    return out;
  }

  Aggregates aggregate(const Sparse& given, double threshold) {
    const CsrMatrix A = site.upload(given);
    const auto strong = space.strength_symmetric(A, threshold);
    return fetch(space.aggregate_neighbourhoods(A, strong.span()));
  }
};
AMG_IN_EVERY_SPACE(SmoothedAggregationTest);

TEST_P(SmoothedAggregationTest, AggregatesAreVaneks) {
  for (const auto& [name, given] : systems())
    for (const double threshold : {0.0, 0.08, 0.25}) {
      const Sparse A = site.rounded(given);
      EXPECT_EQ(aggregate(A, threshold), vanek(strong_graph(A, threshold))) << name << ' ' << threshold;
    }
}

// More rows than a stretch of the order of roots has.
TEST_P(SmoothedAggregationTest, AggregatesOfManyRowsAreNeighbourhoodsAndTheSameAtAnyNumberOfThreads) {
  const Sparse A = problems::poisson2d(300);
  const Graph graph = strong_graph(A, 0.08);
  const Aggregates aggregates = aggregate(A, 0.08);
  std::vector<std::set<int>> members(static_cast<std::size_t>(std::ranges::max(aggregates)) + 1);
  for (int i = 0; i < A.rows(); ++i) members[aggregates[i]].insert(i);
  for (const auto& rows : members) {
    // A root has all its neighbours with it, and nobody else is further than two steps away.
    const bool has_root = std::ranges::any_of(rows, [&](int i) {
      if (!std::ranges::includes(rows, graph[i])) return false;
      return std::ranges::all_of(rows, [&](int j) {
        return j == i || std::ranges::any_of(graph[j], [&](int k) { return k == i || graph[i].contains(k); });
      });
    });
    EXPECT_TRUE(has_root);
  }
  for (const int threads : {1, 2, 4}) {
    Arena::instance().resize(threads);
    EXPECT_EQ(aggregate(A, 0.08), aggregates) << threads;
  }
}

TEST_P(SmoothedAggregationTest, RowsWithoutNeighboursStayOutAndTheGraphIsSymmetric) {
  Sparse A = problems::poisson2d(4);
  for (int i = 0; i < A.rows(); ++i)
    for (Sparse::InnerIterator a(A, i); a; ++a)
      if (i == 5 && a.col() != 5) a.valueRef() = 0;  // and its neighbours still depend on it
  A.prune(1.0, 0.0);
  EXPECT_EQ(aggregate(A, 0.0)[5], -1);
  EXPECT_EQ(aggregate(A, 0.0),
            vanek(strong_graph(problems::from_entries(16,
                                                      [&] {
                                                        problems::Entries entries;
                                                        for (int i = 0; i < 16; ++i)
                                                          for (Sparse::InnerIterator a(A, i); a; ++a)
                                                            if (i == a.col() || (i != 5 && a.col() != 5))
                                                              entries.emplace_back(i, a.col(), a.value());
                                                        return entries;
                                                      }()),
                               0.0)));
}

// B = T R with orthonormal columns on every aggregate; a vector that depends on others there has a column of zeros.
TEST_P(SmoothedAggregationTest, TentativeProlongationReproducesTheNearNullSpace) {
  const int nodes = 40, k = 2;
  std::vector<std::int32_t> group(nodes);
  for (int i = 0; i < nodes; ++i) group[i] = i == 7 ? -1 : (i * i) % 9;
  std::vector<std::int32_t> number(9, -1);
  int count = 0;
  for (auto& g : group)
    if (g >= 0) g = number[g] < 0 ? number[g] = count++ : number[g];
  Array<std::int32_t> aggregates = space.array<std::int32_t>(nodes);
  space.upload(std::as_bytes(std::span(group)), aggregates.data());

  Lanes B = problems::random_lanes(nodes * k, 3);
  B.col(2) = B.col(0) - 2 * B.col(1);  // of no use where the first two are there
  for (int i = 0; i < nodes; ++i)
    if (group[i] == 1) B.col(2).segment(i * k, k).setRandom();
  B = site.rounded(B);

  const CsrMatrix groups = space.piecewise_constant(aggregates.span(), GetParam().dtype);
  const auto members = space.transpose(*groups.pattern()).pattern;
  CsrMatrix T = space.matrix(space.block_pattern(*groups.pattern(), k, 3), GetParam().dtype);
  const OwnedVector R = site.vector(count * 3, 3);
  space.orthonormalize(*members, k, site.upload(B), T, R);

  const Sparse t = site.download(T);
  Lanes expected = B;
  expected.middleRows(7 * k, k).setZero();
  EXPECT_EQ(t.middleRows(7 * k, k).nonZeros(), 0);
  EXPECT_LE((t * site.download(R) - expected).cwiseAbs().maxCoeff(), 100 * eps);
  const Lanes gram = Sparse(t.transpose() * t);
  for (int a = 0; a < count; ++a)
    for (int j = 0; j < 3; ++j) {
      const bool independent = j < 2 || a == 1;
      for (int l = 0; l < count * 3; ++l) {
        const double unit = l == a * 3 + j && independent ? 1 : 0;
        EXPECT_NEAR(gram(l, a * 3 + j), unit, 10 * eps) << a << ' ' << j << ' ' << l;
      }
    }
}

// P = (I − ω D⁻¹ F) T on the finest level, and 1 in its range wherever A 1 = 0.
TEST_P(SmoothedAggregationTest, ProlongationIsSmoothedAndKeepsConstantsWhereAHasThem) {
  for (const auto& [name, given] : systems()) {
    const Sparse A = site.rounded(given);
    const CsrMatrix matrix = site.upload(A);
    Hierarchy hierarchy(
        Config::parse("solver=AMG, algorithm=SMOOTHED_AGGREGATION, dense_lu_num_rows=10").outer().scope);
    hierarchy.setup(space, matrix);
    const Sparse P = site.download(hierarchy[0].P);

    const Aggregates aggregates = vanek(strong_graph(A, 0.08));
    std::vector<int> size(static_cast<std::size_t>(P.cols()));
    for (const int a : aggregates)
      if (a >= 0) ++size[a];
    problems::Entries entries;
    Lanes coarse_ones(P.cols(), 1);
    for (int a = 0; a < P.cols(); ++a) coarse_ones(a) = std::sqrt(size[a]);
    for (int i = 0; i < A.rows(); ++i)
      if (aggregates[i] >= 0) entries.emplace_back(i, aggregates[i], 1 / std::sqrt(size[aggregates[i]]));
    Sparse T(A.rows(), P.cols());
    T.setFromTriplets(entries.begin(), entries.end());
    const Sparse F = filtered(A, 0.08);
    const Eigen::VectorXd D = F.diagonal();
    const Lanes DFT = D.cwiseInverse().asDiagonal() * Lanes(F * T);
    // The spectral radius by the engine's estimate: all else is independent of it.
    const Lanes difference = Lanes(T) - Lanes(P);
    const double omega = (difference.array() * DFT.array()).sum() / DFT.squaredNorm();
    EXPECT_LE((difference - omega * DFT).cwiseAbs().maxCoeff(), 10 * eps) << name;
    const double radius =
        (D.cwiseInverse().asDiagonal() * Lanes(F)).eval().eigenvalues().cwiseAbs().maxCoeff();
    EXPECT_GE(omega * radius, 4.0 / 3 / 1.15) << name;
    EXPECT_LE(omega * radius, 4.0 / 3 / 0.95) << name;

    const Lanes ones = P * coarse_ones;
    const Lanes A1 = A * problems::ones(A.rows());
    for (int i = 0; i < A.rows(); ++i)
      if (aggregates[i] >= 0 && A1(i) == 0) {
        EXPECT_NEAR(ones(i), 1, 20 * eps) << name;
      }
  }
}

// ---- elasticity

struct Elastic {
  Sparse A;  // all blocks full
  Lanes modes;
  int dim;
};

// ∫ λ div u div v + 2 μ ε(u) : ε(v) on cubes of side 1 with linear shape functions in each direction, clamped at x = 0.
Elastic elasticity(const std::vector<int>& cells, double lambda = 1.0, double mu = 0.8) {
  const int dim = static_cast<int>(cells.size()), corners = 1 << dim;
  const auto bit = [](int corner, int axis) { return corner >> axis & 1; };
  Lanes stiffness = Lanes::Zero(corners * dim, corners * dim);
  for (int point = 0; point < corners; ++point) {
    Lanes grad(corners, dim);
    for (int c = 0; c < corners; ++c)
      for (int d = 0; d < dim; ++d) {
        grad(c, d) = bit(c, d) ? 1 : -1;
        for (int e = 0; e < dim; ++e) {
          const double x = 0.5 + (bit(point, e) ? 0.5 : -0.5) / std::sqrt(3.0);
          if (e != d) grad(c, d) *= bit(c, e) ? x : 1 - x;
        }
      }
    for (int a = 0; a < corners; ++a)
      for (int b = 0; b < corners; ++b)
        for (int i = 0; i < dim; ++i)
          for (int j = 0; j < dim; ++j)
            stiffness(a * dim + i, b * dim + j) +=
                (lambda * grad(a, i) * grad(b, j) + mu * grad(a, j) * grad(b, i) +
                 (i == j ? mu * grad.row(a).dot(grad.row(b)) : 0.0)) /
                corners;
  }

  // Nodes with x > 0, x fastest.
  std::vector<int> stride(cells.size());
  int nodes = 1, elements = 1;
  for (int d = 0; d < dim; ++d) {
    stride[d] = nodes;
    nodes *= d == 0 ? cells[d] : cells[d] + 1;
    elements *= cells[d];
  }
  problems::Entries entries;
  for (int element = 0; element < elements; ++element) {
    std::vector<int> node(static_cast<std::size_t>(corners));
    for (int c = 0; c < corners; ++c)
      for (int d = 0, rest = element; d < dim; rest /= cells[d++]) {
        const int at = rest % cells[d] + bit(c, d) - (d == 0 ? 1 : 0);
        node[c] = at < 0 || node[c] < 0 ? -1 : node[c] + at * stride[d];
      }
    for (int a = 0; a < corners * dim; ++a)
      for (int b = 0; b < corners * dim; ++b)
        if (node[a / dim] >= 0 && node[b / dim] >= 0)
          entries.emplace_back(node[a / dim] * dim + a % dim, node[b / dim] * dim + b % dim, stiffness(a, b));
  }
  Elastic problem{problems::from_entries(nodes * dim, entries), Lanes::Zero(nodes * dim, dim == 2 ? 3 : 6),
                  dim};
  for (int i = 0; i < nodes; ++i)
    for (int d = 0; d < dim; ++d) {
      problem.modes(i * dim + d, d) = 1;
      for (int r = 0; r < (dim == 2 ? 1 : 3); ++r) {
        const int p = dim == 2 ? 0 : (r + 1) % 3, q = dim == 2 ? 1 : (r + 2) % 3;
        const auto x = [&](int e) { return i / stride[e] % (e == 0 ? cells[e] : cells[e] + 1) / 10.0; };
        if (d == q) problem.modes(i * dim + d, dim + r) = x(p);
        if (d == p) problem.modes(i * dim + d, dim + r) = -x(q);
      }
    }
  return problem;
}

const std::string three_levels = "solver=AMG, algorithm=SMOOTHED_AGGREGATION, dense_lu_num_rows=10";

// P B_c = B − ω D⁻¹ A B, which is B wherever A has no boundary.
TEST_P(SmoothedAggregationTest, RigidModesStayInTheRangeOfProlongations) {
  const Elastic problem = elasticity({8, 5, 5});
  const CsrMatrix matrix = site.upload(problem.A);
  ASSERT_TRUE(space.in_blocks(matrix.pattern(), 3));
  const OwnedVector modes = site.upload(problem.modes);
  Matrix A = matrix;
  A.near_nullspace = modes;
  Hierarchy hierarchy(Config::parse(three_levels).outer().scope);
  hierarchy.setup(space, A);
  ASSERT_GE(hierarchy.size(), 2u);
  Matrix coarse = hierarchy[1].A;
  EXPECT_EQ(coarse.block_dim, 6);
  hierarchy[0].coarsener->annotate(coarse);
  const Lanes interpolated = site.download(hierarchy[0].P) * site.download(coarse.near_nullspace);
  const Lanes forces = problem.A * problem.modes;
  int inside = 0;
  for (int i = 0; i < forces.rows(); ++i)
    if (forces.row(i).cwiseAbs().maxCoeff() < 1e-12) {
      EXPECT_LE((interpolated - problem.modes).row(i).cwiseAbs().maxCoeff(), 100 * eps);
      ++inside;
    }
  EXPECT_GT(inside, 100);
}

// Also for other vectors, of which there may be more or fewer.
TEST_P(SmoothedAggregationTest, RefreshWithOtherVectorsIsSetup) {
  const Elastic before = elasticity({8, 5, 5}, 1.0), after = elasticity({8, 5, 5}, 2.0, 1.6);
  const auto blocks = [&](const Elastic& problem) {
    CsrMatrix matrix = site.upload(problem.A);
    EXPECT_TRUE(space.in_blocks(matrix.pattern(), 3));
    return matrix;
  };
  const CsrMatrix first = blocks(before), second = blocks(after);
  const OwnedVector six = site.upload(before.modes), three = site.upload(Lanes(before.modes.leftCols(3))),
                    others = site.upload(Lanes(2 * before.modes));
  const auto with = [](Matrix A, ConstVector modes) {
    A.near_nullspace = modes;
    return A;
  };
  for (const auto& [A, builds] :
       {std::pair{with(second, others), 1}, {with(second, three), 2}, {Matrix(second), 2}}) {
    Hierarchy refreshed(Config::parse(three_levels).outer().scope),
        fresh(Config::parse(three_levels).outer().scope);
    refreshed.setup(space, with(first, six));
    refreshed.refresh(space, A);
    fresh.setup(space, A);
    EXPECT_EQ(refreshed.grid().builds, builds);
    ASSERT_EQ(refreshed.size(), fresh.size());
    for (std::size_t l = 0; l + 1 < fresh.size(); ++l) {
      EXPECT_TRUE(same_bits(site.download(refreshed[l].P), site.download(fresh[l].P)));
      EXPECT_TRUE(same_bits(site.download(refreshed[l + 1].A), site.download(fresh[l + 1].A)));
    }
  }
}

// PCG with one V cycle a step.
TEST_P(SmoothedAggregationTest, ElasticityTakesAsManyIterationsOnAnyMesh) {
  const auto iterations = [&](const Elastic& problem) {
    const CsrMatrix matrix = site.upload(problem.A);
    EXPECT_TRUE(space.in_blocks(matrix.pattern(), problem.dim));
    const OwnedVector modes = site.upload(problem.modes);
    Matrix A = matrix;
    A.near_nullspace = modes;
    LinearSolver solver(
        Config::parse("solver(o)=PCG, o:convergence=RELATIVE_INI, o:tolerance=1e-5, o:use_scalar_norm=1, "
                      "o:preconditioner(p)=AMG, "
                      "p:max_iters=1, p:algorithm=SMOOTHED_AGGREGATION, p:dense_lu_num_rows=60, "
                      "p:smoother(s)=MULTICOLOR_GS, "
                      "s:symmetric_GS=1, s:relaxation_factor=1"));
    solver.setup(space, A);
    const OwnedVector b = site.upload(problems::random_lanes(A.rows, 1)), x = site.vector(A.rows, 1);
    space.fill(x, 0.0);
    const SolveInfo info = solver.solve(space, {A, {}, Mode::plain}, b, x);
    EXPECT_EQ(info.status[0], Status::success);
    EXPECT_LE(solver.grid().operator_complexity(), 1.4);
    return info.iterations[0];
  };
  EXPECT_LE(iterations(elasticity({20, 20})), 7);
  EXPECT_LE(iterations(elasticity({120, 120})), 9);
  EXPECT_LE(iterations(elasticity({12, 4, 4})), 8);
  EXPECT_LE(iterations(elasticity({40, 8, 8})), 10);
}

// PCG with one V cycle a step.
TEST_P(SmoothedAggregationTest, IterationsStayFlat) {
  const auto iterations = [&](const Sparse& A) {
    const CsrMatrix matrix = site.upload(A);
    LinearSolver solver(
        Config::parse("solver(o)=PCG, o:convergence=RELATIVE_INI, o:tolerance=1e-5, o:preconditioner(p)=AMG, "
                      "p:max_iters=1, "
                      "p:algorithm=SMOOTHED_AGGREGATION, p:dense_lu_num_rows=20, "
                      "p:smoother(s)=MULTICOLOR_GS, s:symmetric_GS=1, "
                      "s:relaxation_factor=1"));
    solver.setup(space, matrix);
    const OwnedVector b = site.upload(problems::random_lanes(A.rows(), 1)), x = site.vector(A.rows(), 1);
    space.fill(x, 0.0);
    const SolveInfo info = solver.solve(space, {matrix, {}, Mode::plain}, b, x);
    EXPECT_EQ(info.status[0], Status::success);
    EXPECT_LE(solver.grid().operator_complexity(), 2.2);
    return info.iterations[0];
  };
  EXPECT_LE(iterations(problems::poisson2d(32)), 6);
  EXPECT_LE(iterations(problems::poisson2d(300)), 7);
  EXPECT_LE(iterations(problems::poisson3d(12)), 6);
  EXPECT_LE(iterations(problems::poisson3d(36)), 7);
  EXPECT_LE(iterations(problems::anisotropic2d(128, 1e-3)), 9);
  EXPECT_LE(iterations(problems::jumps2d(128, 1e3)), 10);
}

}  // namespace
}  // namespace amg
