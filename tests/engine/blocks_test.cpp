// Matrices of nodes with several unknowns: what smoothers and hierarchies make of them, against dense block algebra.
#include <cmath>
#include <functional>
#include <set>

#include "amg/error.h"
#include "linear_solver.h"
#include "matrix/canonical_pattern.h"
#include "setup/block_row.h"
#include "setup/hierarchy.h"
#include "space_fixture.h"

namespace amg {
namespace {

using Dense = Eigen::MatrixXd;

// Nodes on a ring with some chords, nonsymmetric full blocks of any sign, diagonal blocks that dominate.
using problems::Entries;

Sparse ring(int nodes, int k, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> value;
  std::set<std::pair<int, int>> places;
  for (int i = 0; i < nodes; ++i)
    for (const int j : {i, (i + 1) % nodes, (i * 7 + 3) % nodes}) places.insert({{i, j}, {j, i}});
  Entries entries;
  for (const auto& [i, j] : places)
    for (int c = 0; c < k; ++c)
      for (int d = 0; d < k; ++d)
        entries.emplace_back(i * k + c, j * k + d, value(random) + (i == j && c == d ? 12.0 * k : 0.0));
  return problems::from_entries(nodes * k, entries);
}

// A grid's Laplacian K with a full block for each entry a, block(a, c, d).
template <class Block>
Sparse poisson_of_blocks(int n, int k, const Block& block) {
  Entries entries;
  const Sparse K = problems::poisson2d(n);
  for (int i = 0; i < K.rows(); ++i)
    for (Sparse::InnerIterator a(K, i); a; ++a)
      for (int c = 0; c < k; ++c)
        for (int d = 0; d < k; ++d)
          entries.emplace_back(i * k + c, static_cast<int>(a.col()) * k + d, block(a, c, d));
  return problems::from_entries(static_cast<int>(K.rows()) * k, entries);
}

// Whose unknowns are coupled in each node by a symmetric positive definite block, and so between them: K ⊗ B.
Sparse coupled_poisson(int n, int k) {
  Dense B = Dense::Constant(k, k, 0.3);
  B.diagonal() = Dense::Ones(k, 1) + 0.2 * Eigen::VectorXd::LinSpaced(k, 0, 1);
  return poisson_of_blocks(n, k, [&](const auto& a, int c, int d) { return a.value() * B(c, d); });
}

const std::vector<int> block_dims{1, 2, 3, 4, 5, 6, 7, 8, 10};

class BlocksTest : public SpaceTest {
 protected:
  CsrMatrix upload(const Sparse& A, int k) {
    CsrMatrix matrix = site.upload(A);
    EXPECT_TRUE(space.in_blocks(matrix.pattern(), k));
    return matrix;
  }

  static std::unique_ptr<Method> make(const std::string& config) {
    return make_method(Config::parse(config).outer());
  }

  // M of x += M (b − A x), or of the same on Aᵀ.
  Dense matrix_of(Method& method, const CsrMatrix& A, Mode mode = Mode::plain) {
    const OwnedVector identity = site.upload(Lanes(Lanes::Identity(A.rows(), A.rows())));
    const OwnedVector M = site.vector(A.rows(), A.rows());
    CsrMatrix AT;
    if (mode != Mode::plain) {
      const TransposedPattern to_AT = space.transpose(*A.pattern());
      AT = space.matrix(to_AT.pattern, A.dtype());
      space.gather(A.dtype(), A.values(), to_AT.source.span(), AT.values());
      method.prepare_transpose(space, {A, AT, mode});
    }
    method.apply(space, {A, AT, mode}, identity, {}, M, 1);
    return site.download(M);
  }
  Dense matrix_of(const std::string& config, const CsrMatrix& A) {
    const auto method = make(config);
    method->setup(space, A);
    return matrix_of(*method, A);
  }

  // The color of each row's node.
  std::vector<int> colors(const CsrMatrix& A) {
    const Matrix nodes = A.view().by_nodes();
    const Coloring coloring = space.color_matrix(nodes, nullptr, 1);
    std::vector<std::int32_t> of_node(static_cast<std::size_t>(nodes.rows));
    space.download(coloring.color.data(), std::as_writable_bytes(std::span(of_node)));
    std::vector<int> of_row;
    for (const std::int32_t color : of_node)
      of_row.insert(of_row.end(), static_cast<std::size_t>(A.view().block_dim), color);
    return of_row;
  }

  void expect_near(const Dense& actual, const Dense& expected, double factor = 400) {
    EXPECT_LE((actual - expected).norm(), factor * eps * expected.norm());
  }
};
AMG_IN_EVERY_SPACE(BlocksTest);

// The entries of A where keep(i, j).
template <class Keep>
Dense part(const Dense& A, Keep keep) {
  return Dense::NullaryExpr(A.rows(), A.cols(),
                            [&](Eigen::Index i, Eigen::Index j) { return keep(i, j) ? A(i, j) : 0.0; });
}

Dense diagonal_blocks(const Dense& A, int k) {
  return part(A, [k](auto i, auto j) { return i / k == j / k; });
}

TEST_P(BlocksTest, PatternsOfNodesAreThoseOfFullBlocks) {
  for (const int k : {2, 3, 7}) {
    const Sparse A = site.rounded(ring(40, k));
    const CsrMatrix matrix = upload(A, k);
    const Matrix nodes = matrix.view().by_nodes();
    EXPECT_EQ(nodes.rows, 40);
    EXPECT_EQ(nodes.entries * k * k, A.nonZeros());
    CsrMatrix norms = space.matrix(space.copy_pattern(nodes), site.dtype);
    space.node_norms(matrix, norms);
    const Sparse N = site.download(norms);
    for (int i = 0; i < N.rows(); ++i)
      for (Sparse::InnerIterator n(N, i); n; ++n) {
        const Dense block = Dense(A).block(i * k, n.col() * k, k, k);
        EXPECT_NEAR(n.value(), (n.col() == i ? 1 : -1) * block.norm(), 10 * eps * block.norm());
      }
    // Nodes and components of them lead back to A's pattern, or to what couples equal components.
    const auto full = space.block_pattern(*matrix.pattern()->nodes, k, k);
    EXPECT_TRUE(same_pattern(site.download(space.matrix(full, site.dtype)), A));
    CsrMatrix same = space.matrix(space.component_pattern(*matrix.pattern()->nodes, k), site.dtype);
    for (int c = 0; c < k; ++c) {
      space.component(matrix, c, norms);
      space.set_component(norms, c, k, same);
    }
    EXPECT_EQ(Dense(site.download(same)), part(Dense(A), [k](auto i, auto j) { return i % k == j % k; }));
    EXPECT_FALSE(space.in_blocks(site.upload(problems::poisson2d(k + 1)).pattern(), k));
  }
}

TEST_P(BlocksTest, BlocksAreFilledWithZeros) {
  const int k = 3;
  Entries entries;
  const Sparse full = site.rounded(ring(30, k));
  for (int i = 0; i < full.rows(); ++i)
    for (Sparse::InnerIterator a(full, i); a; ++a)
      if ((i + a.col()) % 4 != 1 || i == a.col())
        entries.emplace_back(i, static_cast<int>(a.col()), a.value());
  const Sparse A = problems::from_entries(static_cast<int>(full.rows()), entries);
  const CsrMatrix given = site.upload(A);
  InputMatrix input{.rows = A.rows(),
                    .row_index = {given.view().offsets, A.rows() + 1, true},
                    .col_index = {given.view().columns, A.nonZeros(), false},
                    .dtype = site.dtype,
                    .values = given.values(),
                    .stored = A.nonZeros(),
                    .block_dim = k};
  const CanonicalPattern canonical(space, input);
  Buffer storage;
  const Sparse filled = site.download(canonical.matrix(space, input, storage));
  EXPECT_TRUE(same_pattern(filled, full));
  EXPECT_EQ(Dense(filled), Dense(A));
  input.block_dim = 4;
  EXPECT_THROW(CanonicalPattern(space, input), Error);
}

TEST_P(BlocksTest, ProductsAreThoseOfScalarRows) {
  for (const int k : block_dims)
    for (const int lanes : {1, 3}) {
      const Sparse A = site.rounded(ring(300, k));
      const Lanes given = site.rounded(problems::random_lanes(A.rows(), lanes));
      const Lanes right = site.rounded(problems::random_lanes(A.rows(), lanes, 2));
      const CsrMatrix matrix = upload(A, k);
      const OwnedVector x = site.upload(given), b = site.upload(right), y = site.vector(A.rows(), lanes);
      const Lanes scale = Sparse(A.cwiseAbs()) * given.cwiseAbs() + right.cwiseAbs();
      const double bound =
          static_cast<double>(A.nonZeros() / A.rows() + 2) * eps;  // of a sum of so many terms
      const auto error = [&](const Lanes& exact) {
        return (site.download(y) - exact).cwiseAbs().cwiseQuotient(scale).maxCoeff();
      };
      space.multiply({matrix, {}, Mode::plain}, x, y);
      EXPECT_LE(error(A * given), bound);
      space.residual({matrix, {}, Mode::plain}, b, x, y);
      EXPECT_LE(error(right - A * given), bound);
      space.copy(b, y);
      space.multiply_add({matrix, {}, Mode::plain}, x, y);
      EXPECT_LE(error(right + A * given), bound);
    }
}

TEST_P(BlocksTest, DiagonalsInvertBlocks) {
  for (const int k : block_dims) {
    const Sparse given = site.rounded(ring(50, k));
    const CsrMatrix matrix = upload(given, k);
    const Dense A = given, D = diagonal_blocks(A, k);
    const Eigen::VectorXd outside = (A - D).cwiseAbs().rowwise().sum();
    const Dense l1 = D + Dense(outside.asDiagonal());
    expect_near(matrix_of("solver(o)=BLOCK_JACOBI, o:relaxation_factor=0.8", matrix), 0.8 * D.inverse());
    expect_near(matrix_of("solver(o)=CF_JACOBI, o:relaxation_factor=0.8", matrix), 0.8 * D.inverse());
    expect_near(matrix_of("solver(o)=JACOBI_L1, o:relaxation_factor=0.8", matrix), 0.8 * l1.inverse());
    // (D Dᵀ-like) blocks of A Aᵀ: the block of least |I − M A|_F
    expect_near(matrix_of("solver(o)=SPAI0", matrix),
                D.transpose() * diagonal_blocks(A * A.transpose(), k).inverse());
  }
}

TEST_P(BlocksTest, SweepsEliminateNodeByNode) {
  for (const int k : block_dims) {
    const Sparse given = site.rounded(ring(60, k));
    const CsrMatrix matrix = upload(given, k);
    const Dense A = given, D = diagonal_blocks(A, k);
    const std::vector<int> color = colors(matrix);
    const auto c = [&](auto i) { return color[static_cast<std::size_t>(i)]; };
    const Dense L = part(A, [&](auto i, auto j) { return c(j) < c(i); });
    const Dense U = part(A, [&](auto i, auto j) { return c(j) > c(i); });
    expect_near(matrix_of("solver(o)=MULTICOLOR_GS, o:relaxation_factor=1", matrix), (D + L).inverse());

    // E of DILU, color by color
    Dense E = D;
    const int n = static_cast<int>(A.rows()) / k, last = *std::ranges::max_element(color);
    for (int now = 1; now <= last; ++now)
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j)
          if (c(i * k) == now && c(j * k) < now)
            E.block(i * k, i * k, k, k) -= A.block(i * k, j * k, k, k) *
                                           E.block(j * k, j * k, k, k).inverse() *
                                           A.block(j * k, i * k, k, k);
    expect_near(matrix_of("solver(o)=MULTICOLOR_DILU, o:relaxation_factor=1", matrix),
                ((E + L) * E.inverse() * (E + U)).inverse());

    // The factors of ILU(0) multiply to A where A has entries; those of ILU(1) are nearer to A elsewhere.
    const Dense ilu = matrix_of("solver(o)=MULTICOLOR_ILU, o:relaxation_factor=1", matrix).inverse();
    expect_near(part(ilu, [&](auto i, auto j) { return given.coeff(i, j) != 0; }), A, 2000);
    const Dense ilu1 =
        matrix_of("solver(o)=MULTICOLOR_ILU, o:ilu_sparsity_level=1, o:relaxation_factor=1", matrix)
            .inverse();
    expect_near(part(ilu1, [&](auto i, auto j) { return given.coeff(i, j) != 0; }), A, 2000);
    EXPECT_LT((ilu1 - A).norm(), 0.5 * (ilu - A).norm());

    // Gauss-Seidel inside groups of nodes, whose diagonal has half of what lies outside of the group.
    const std::int64_t group = hybrid_block_nodes(k) * k;
    const Dense inside = part(A, [&](auto i, auto j) { return i / group == j / group; });
    Dense lower = part(inside, [&](auto i, auto j) { return j / k <= i / k; });
    lower.diagonal() += 0.5 * (A - inside).cwiseAbs().rowwise().sum();
    expect_near(matrix_of("solver(o)=HYBRID_GS, o:relaxation_factor=1", matrix), lower.inverse());
  }
}

TEST_P(BlocksTest, AnUnknownWithoutPivotIsLeftOut) {
  const int k = 3;
  Sparse A = ring(20, k);
  Dense dense = A;
  dense.row(3 * k + 1).setZero();
  dense.col(3 * k + 1).setZero();                                               // nothing couples this one
  dense.row(5 * k + 2).segment(5 * k, k) = dense.row(5 * k).segment(5 * k, k);  // a singular block
  for (int i = 0; i < A.rows(); ++i)
    for (Sparse::InnerIterator a(A, i); a; ++a) a.valueRef() = dense(i, a.col());
  const Dense M = matrix_of("solver(o)=BLOCK_JACOBI, o:relaxation_factor=1", upload(site.rounded(A), k));
  EXPECT_TRUE(M.allFinite());
  EXPECT_EQ(M.row(3 * k + 1).norm() + M.col(3 * k + 1).norm(), 0.0);
  const Dense rounded = site.rounded(A);
  Dense rest = rounded.block(3 * k, 3 * k, k, k);
  rest(1, 1) = 1;
  Dense expected = rest.inverse();
  expected(1, 1) = 0;
  expect_near(M.block(3 * k, 3 * k, k, k), expected);
  // A generalised inverse of the singular one.
  const Dense B = rounded.block(5 * k, 5 * k, k, k), G = M.block(5 * k, 5 * k, k, k);
  expect_near(B * G * B, B);
}

const std::string aggregation =
    "solver(o)=AMG, o:algorithm=AGGREGATION, o:selector=SIZE_2, o:dense_lu_num_rows=16, "
    "o:smoother(s)=BLOCK_JACOBI, "
    "s:relaxation_factor=0.8";
const std::string classical =
    "solver(o)=AMG, o:selector=PMIS, o:interpolator=D2, o:dense_lu_num_rows=16, o:smoother(s)=BLOCK_JACOBI, "
    "s:relaxation_factor=0.8";
const std::vector<std::string> linear_methods{"solver(o)=BLOCK_JACOBI",
                                              "solver(o)=CF_JACOBI",
                                              "solver(o)=JACOBI_L1",
                                              "solver(o)=SPAI0",
                                              "solver(o)=KACZMARZ",
                                              "solver(o)=MULTICOLOR_GS",
                                              "solver(o)=MULTICOLOR_GS, o:GS_L1_variant=1",
                                              "solver(o)=MULTICOLOR_GS, o:symmetric_GS=1",
                                              "solver(o)=MULTICOLOR_DILU",
                                              "solver(o)=MULTICOLOR_ILU",
                                              "solver(o)=MULTICOLOR_ILU, o:ilu_sparsity_level=1",
                                              "solver(o)=HYBRID_GS",
                                              "solver(o)=CHEBYSHEV_POLY",
                                              "solver(o)=KPZ_POLYNOMIAL",
                                              "solver(o)=POLYNOMIAL",
                                              aggregation,
                                              classical,
                                              "solver(o)=AMG, o:interpolator=D1, o:dense_lu_num_rows=16",
                                              classical + ", o:aggressive_levels=1",
                                              classical + ", o:interp_max_elements=2",
                                              "solver(o)=AMG, o:dense_lu_num_rows=16, o:smoother=CF_JACOBI"};

TEST_P(BlocksTest, TransposedMethodsAreAdjoint) {
  for (const int k : {2, 3, 5})
    for (const std::string& config : linear_methods) {
      const CsrMatrix A = upload(ring(60, k), k);
      const auto method = make(config);
      method->setup(space, A);
      const Dense M = matrix_of(*method, A), MT = matrix_of(*method, A, Mode::transposed);
      EXPECT_LE((MT - M.transpose()).norm(), 1000 * eps * M.norm()) << config << " k = " << k;
    }
}

TEST_P(BlocksTest, RefreshIsSetupToTheBit) {
  for (const int k : {2, 3})
    for (const std::string& config : linear_methods) {
      const CsrMatrix before = upload(coupled_poisson(12, k), k);
      Sparse changed = coupled_poisson(12, k);
      changed.diagonal().array() *= 1.01;
      const CsrMatrix after = upload(changed, k);
      const auto refreshed = make(config), fresh = make(config);
      refreshed->setup(space, before);
      refreshed->refresh(space, after);
      fresh->setup(space, after);
      EXPECT_TRUE(same_bits(Lanes(matrix_of(*refreshed, after)), Lanes(matrix_of(*fresh, after)))) << config;
    }
}

TEST_P(BlocksTest, MethodsAreTheSameAtAnyNumberOfThreads) {
  const CsrMatrix A = upload(coupled_poisson(60, 3), 3);
  const OwnedVector b = site.upload(problems::random_lanes(A.rows(), 2)), x = site.vector(A.rows(), 2);
  for (const std::string& config : linear_methods) {
    std::vector<Lanes> results;
    for (const int threads : {1, 4}) {
      Arena::instance().resize(threads);
      const auto method = make(config);
      method->setup(space, A);
      method->apply(space, {A, {}, Mode::plain}, b, {}, x, 2);
      results.push_back(site.download(x));
    }
    EXPECT_TRUE(same_bits(results[0], results[1])) << config;
  }
}

TEST_P(BlocksTest, CoarseNodesHaveTheComponentsOfFineOnes) {
  for (const int k : {2, 4})
    for (const std::string& config : {aggregation, classical}) {
      const Sparse given = site.rounded(coupled_poisson(16, k));
      const CsrMatrix A = upload(given, k);
      Hierarchy hierarchy(Config::parse(config).outer().scope);
      hierarchy.setup(space, A);
      ASSERT_GT(hierarchy.size(), 2u);
      Dense fine = given;
      for (std::size_t l = 0; l + 1 < hierarchy.size(); ++l) {
        const Dense P = site.download(hierarchy[l].P), coarse = site.download(hierarchy[l + 1].A);
        EXPECT_EQ(hierarchy[l + 1].A.view().block_dim, k);
        EXPECT_EQ(part(P, [k](auto i, auto j) { return i % k == j % k; }), P);
        EXPECT_LE((coarse - P.transpose() * fine * P).norm(), 50 * eps * coarse.norm());
        fine = coarse;
      }
      // K ⊗ B: the components of a node interpolate alike, and as K's points do where they do so without B.
      const Dense P = site.download(hierarchy[0].P);
      for (Eigen::Index i = 0; i < P.rows(); i += k)
        for (Eigen::Index j = 0; j < P.cols(); j += k)
          for (int c = 1; c < k; ++c) EXPECT_NEAR(P(i + c, j + c), P(i, j), 20 * eps);
    }
}

// K ⊗ B without a boundary: the one node that is left of it is zero, for a setup and for a refresh.
TEST_P(BlocksTest, TheLastNodeOfASingularSystemIsNotRounding) {
  for (const int k : {2, 6}) {
    const auto B = [](int c, int d) { return c == d ? 1.3 / 3 : 0.1; };
    Sparse given = poisson_of_blocks(9, k, [&](const auto& a, int c, int d) { return a.value() * B(c, d); });
    const Eigen::VectorXd sums = problems::poisson2d(9) * Eigen::VectorXd::Ones(81);
    for (int i = 0; i < 81; ++i)
      for (int c = 0; c < k; ++c)
        for (int d = 0; d < k; ++d) given.coeffRef(i * k + c, i * k + d) -= sums[i] * B(c, d);
    const CsrMatrix A = upload(site.rounded(given), k);
    Hierarchy hierarchy(Config::parse("solver(o)=AMG, o:selector=PMIS, o:interpolator=D2, "
                                      "o:dense_lu_num_rows=1, o:smoother=BLOCK_JACOBI")
                            .outer()
                            .scope);
    hierarchy.setup(space, A);
    for (const char* const after : {"setup", "refresh"}) {
      const CsrMatrix& last = hierarchy[hierarchy.size() - 1].A;
      ASSERT_EQ(last.rows(), k);
      EXPECT_EQ(site.download(last).norm(), 0.0) << k << " after " << after;
      hierarchy.refresh(space, A);
    }
  }
}

TEST_P(BlocksTest, ComponentsOfTheResidualPassEachByItself) {
  // Two unknowns that know nothing of each other, one of them a thousand times as large.
  const int n = 20, k = 2;
  const CsrMatrix A =
      upload(poisson_of_blocks(n, k,
                               [](const auto& a, int c, int d) {
                                 return c == d ? a.value() + 0.1 * c * (a.row() == a.col()) : 0.0;
                               }),
             k);
  Lanes b = problems::random_lanes(A.rows(), 1);
  for (Eigen::Index i = 1; i < b.rows(); i += k) b(i, 0) *= 1000;
  const auto residuals = [&](const std::string& keys, double& reported) {
    LinearSolver solver(
        Config::parse("solver(o)=PCG, o:preconditioner=NOSOLVER, o:convergence=RELATIVE_INI, "
                      "o:tolerance=1e-3, o:monitor_residual=1" +
                      keys));
    solver.setup(space, A);
    const OwnedVector rhs = site.upload(b), x = site.upload(Lanes(Lanes::Zero(b.rows(), 1)));
    const OwnedVector r = site.vector(b.rows(), 1);
    const Operator op{A, {}, Mode::plain};
    const SolveInfo info = solver.solve(space, op, rhs, x);
    EXPECT_EQ(info.status[0], Status::success);
    reported = info.residual[0];
    space.residual(op, rhs, x, r);
    const Lanes found = site.download(r);
    Eigen::Vector2d norms = Eigen::Vector2d::Zero();
    for (Eigen::Index i = 0; i < found.rows(); ++i) norms[i % k] += found(i, 0) * found(i, 0);
    return Eigen::Vector2d(norms.cwiseSqrt());
  };
  Eigen::Vector2d initial = Eigen::Vector2d::Zero();
  for (Eigen::Index i = 0; i < b.rows(); ++i) initial[i % k] += b(i, 0) * b(i, 0);
  initial = initial.cwiseSqrt();
  double reported = 0;
  const Eigen::Vector2d each = residuals("", reported);
  EXPECT_LE(each[0], 1e-3 * initial[0]);
  EXPECT_LE(each[1], 1e-3 * initial[1]);
  EXPECT_NEAR(reported, each.maxCoeff(), 1e-3 * reported);
  const Eigen::Vector2d together = residuals(", o:use_scalar_norm=1", reported);
  EXPECT_GT(together[0], 1e-3 * initial[0]);
  EXPECT_LE(together.norm(), 1e-3 * initial.norm());
  EXPECT_NEAR(reported, together.norm(), 1e-3 * reported);

  // A component without a right-hand side is measured as the other.
  for (Eigen::Index i = 0; i < b.rows(); i += k) b(i, 0) = 0;
  residuals("", reported);
}

TEST_P(BlocksTest, AggregationAndClassicalAmgConvergeOnCoupledUnknowns) {
  for (const int k : {2, 3})
    for (const std::string& config : {aggregation, classical}) {
      const Sparse given = site.rounded(coupled_poisson(40, k));
      LinearSolver solver(
          Config::parse("solver(p)=PCG, p:convergence=RELATIVE_INI, p:tolerance=1e-5, p:max_iters=40, "
                        "p:monitor_residual=1, "
                        "p:preconditioner(o)=" +
                        config.substr(config.find('=') + 1) + ", o:max_iters=1"));
      const CsrMatrix A = upload(given, k);
      solver.setup(space, A);
      const OwnedVector b = site.upload(problems::random_lanes(given.rows(), 1)),
                        x = site.upload(Lanes(Lanes::Zero(given.rows(), 1)));
      const SolveInfo info = solver.solve(space, {A, {}, Mode::plain}, b, x);
      EXPECT_EQ(info.status[0], Status::success);
      EXPECT_LE(info.iterations[0], config == classical ? 12 : 25);
    }
}

// Components with anisotropies of their own want different coarse nodes: those are kept that some component wants most,
// by all of them, and every row of P has the sum that it had.
TEST_P(BlocksTest, ComponentsKeepTheSameCoarseNodes) {
  const int k = 2, n = 14, most = 2;
  const CsrMatrix A = upload(poisson_of_blocks(n, k,
                                               [n](const auto& a, int c, int d) {
                                                 const auto away = std::abs(a.row() - a.col());
                                                 if (c != d) return away == 0 ? 0.1 : 0.0;
                                                 const double weak = 0.2 + 0.3 * c;
                                                 if (away == 0) return 2.01 + 2 * weak;
                                                 return (away == n) == (c == 0) ? -weak : -1.0;
                                               }),
                             k);
  const auto prolongation = [&](const std::string& keys) {
    Hierarchy hierarchy(Config::parse(classical + keys).outer().scope);
    hierarchy.setup(space, A);
    return Dense(site.download(hierarchy[0].P));
  };
  const Dense before = prolongation("");
  for (const std::string keys : {", o:interp_max_elements=2", ", o:interp_truncation_factor=0.4"}) {
    const Dense after = prolongation(keys);
    ASSERT_EQ(after.cols(), before.cols());
    EXPECT_LT((after.array() != 0).count(), (before.array() != 0).count());
    EXPECT_EQ(part(after, [k](auto i, auto j) { return i % k == j % k; }), after);
    EXPECT_LE((after.rowwise().sum() - before.rowwise().sum()).cwiseAbs().maxCoeff(), 10 * eps);
    for (Eigen::Index i = 0; i < after.rows(); i += k) {
      double least_kept = 2, largest_dropped = 0, largest = 0;
      int kept = 0;
      for (Eigen::Index j = 0; j < after.cols(); j += k) {
        const double norm = std::max(std::abs(before(i, j)), std::abs(before(i + 1, j + 1)));
        const bool stays = after(i, j) != 0;
        EXPECT_EQ(stays, after(i + 1, j + 1) != 0);
        if (stays) least_kept = std::min(least_kept, norm);
        if (!stays) largest_dropped = std::max(largest_dropped, norm);
        largest = std::max(largest, norm);
        kept += stays;
      }
      EXPECT_LE(largest_dropped, least_kept);
      if (keys.ends_with("2")) {
        EXPECT_LE(kept, most);
      } else {
        EXPECT_GE(least_kept, 0.4 * largest * (1 - eps));
        EXPECT_LT(largest_dropped, 0.4 * largest * (1 + eps));
      }
    }
  }
}

}  // namespace
}  // namespace amg
