// What HMIS, CR, ALL, AFFINITY and EM promise, each against its definition.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "reference_classical.h"
#include "setup/classical/affinity_row.h"
#include "setup/classical/cr_rule.h"
#include "setup/classical/energy_row.h"
#include "setup/classical/pmis_rule.h"
#include "space_fixture.h"

namespace amg {
namespace {

using reference::Graph;
using reference::Points;

class SplittingsTest : public SpaceTest {
 protected:
  template <class T>
  std::vector<T> fetch(const Array<T>& array) {
    std::vector<T> out(static_cast<std::size_t>(array.size()));
    space.download(array.data(), std::as_writable_bytes(std::span(out)));
    return out;
  }

  Graph graph(const Sparse& A, const Array<std::uint8_t>& strong) {
    const std::vector<std::uint8_t> marks = fetch(strong);
    Graph S(static_cast<std::size_t>(A.rows()));
    for (int i = 0; i < A.rows(); ++i)
      for (int e = A.outerIndexPtr()[i]; e < A.outerIndexPtr()[i + 1]; ++e)
        if (marks[static_cast<std::size_t>(e)] != 0)
          S[static_cast<std::size_t>(i)].insert(A.innerIndexPtr()[e]);
    return S;
  }

  Points points(const Array<std::int32_t>& coarse) {
    Points C;
    const std::vector<std::int32_t> numbers = fetch(coarse);
    std::int32_t next = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (numbers[i] != -1) {
        EXPECT_EQ(numbers[i], next++);
        C.insert(static_cast<int>(i));
      }
    return C;
  }

  // The splitting of A, as a word makes it, and the graph it was made in.
  std::pair<Graph, Points> split(const Sparse& A,
                                 Array<std::int32_t> (Space::*select)(const Matrix&,
                                                                      std::span<const std::uint8_t>),
                                 double threshold = 0.25) {
    const CsrMatrix matrix = site.upload(A);
    const auto strong = space.strength_ahat(matrix, {threshold, 1.1});
    return {graph(A, strong), points((space.*select)(matrix, strong.span()))};
  }
};
AMG_IN_EVERY_SPACE(SplittingsTest);

bool meets(const Points& a, const Points& b) {
  return std::ranges::any_of(a, [&](int i) { return b.contains(i); });
}

Sparse nine_points(int n) {
  std::vector<problems::Arm> stencil;
  for (const int dx : {-1, 0, 1})
    for (const int dy : {-1, 0, 1}) stencil.push_back({dx, dy, 0, dx == 0 && dy == 0 ? 8.0 : -1.0});
  return problems::grid(n, n, 1, stencil);
}

// One-sided connections of every length, and rows that influence nobody.
Sparse arrows(int n) {
  std::mt19937 random(5);
  std::uniform_int_distribution<int> place(0, n - 1);
  problems::Entries entries;
  for (int i = 0; i < n; ++i) {
    entries.emplace_back(i, i, 8.0);
    for (int e = 0; e < i % 7; ++e)
      if (const int j = place(random); j != i && j % 5 != 0) entries.emplace_back(i, j, -1.0);
  }
  return problems::from_entries(n, entries);
}

const std::map<std::string, Sparse>& systems() {
  static const std::map<std::string, Sparse> all{
      {"poisson2d", problems::poisson2d(30)},     {"nine_points", nine_points(25)},
      {"poisson3d", problems::poisson3d(10)},     {"anisotropic", problems::anisotropic2d(30, 0.01)},
      {"jumps", problems::jumps2d(24, 1e3)},      {"convection", problems::convection_diffusion2d(24, 2.0)},
      {"random", problems::random_dominant(700)}, {"arrows", arrows(700)}};
  return all;
}

// ---- strength

TEST_P(SplittingsTest, AllIsThePatternWithoutDominatedRows) {
  for (const auto& [name, A] : systems())
    for (const double max_row_sum : {1.1, 0.4}) {
      SCOPED_TRACE(name);
      Graph expected(static_cast<std::size_t>(A.rows()));
      const Sparse stored = site.rounded(A);
      for (int i = 0; i < A.rows(); ++i) {
        if (max_row_sum < 1 &&
            std::abs(Lanes(stored.row(i)).sum()) > max_row_sum * std::abs(stored.coeff(i, i)))
          continue;
        for (Sparse::InnerIterator a(A, i); a; ++a)
          if (a.col() != i) expected[static_cast<std::size_t>(i)].insert(static_cast<int>(a.col()));
      }
      EXPECT_EQ(graph(A, space.strength_all(site.upload(A), {.max_row_sum = max_row_sum})), expected);
    }
}

// In double, where the engine stores floats: decisions that this rounding could turn are left out.
TEST_P(SplittingsTest, AffinityIsTheInverseOfTheAlgebraicDistance) {
  const StrengthOptions options{.strength_threshold = 0.3, .affinity_iterations = 5, .affinity_vectors = 6};
  for (const auto& [name, A] : systems()) {
    SCOPED_TRACE(name);
    Lanes x = Lanes::NullaryExpr(A.rows(), options.affinity_vectors, [](Eigen::Index i, Eigen::Index v) {
      return static_cast<double>(test_vector(i, static_cast<std::int32_t>(v)));
    });
    const Lanes row_norms = Sparse(A.cwiseAbs()) * problems::ones(A.rows());
    for (int sweep = 0; sweep < sweeps_per_iteration * options.affinity_iterations; ++sweep)
      x -= row_norms.col(0).cwiseInverse().asDiagonal() * (A * x);
    const auto distance = [&](int i, int j) {
      const double product = x.row(i).dot(x.row(j)), norms = x.row(i).squaredNorm() * x.row(j).squaredNorm();
      return norms > 0 ? 1 - product * product / norms : 1;
    };
    const Graph S = graph(A, space.strength_affinity(site.upload(A), options));
    int compared = 0;
    for (int i = 0; i < A.rows(); ++i) {
      double nearest = 1;
      for (Sparse::InnerIterator a(A, i); a; ++a)
        if (a.col() != i) nearest = std::min(nearest, distance(i, static_cast<int>(a.col())));
      for (Sparse::InnerIterator a(A, i); a; ++a) {
        const int j = static_cast<int>(a.col());
        if (j == i) {
          EXPECT_FALSE(S[static_cast<std::size_t>(i)].contains(j));
          continue;
        }
        const double bar = options.strength_threshold * distance(i, j);
        if (std::abs(nearest - bar) < 1e-4) continue;
        ++compared;
        EXPECT_EQ(S[static_cast<std::size_t>(i)].contains(j), nearest > bar) << i << ' ' << j;
      }
    }
    EXPECT_GT(compared, A.nonZeros() / 2);
  }
}

// Relaxation smooths along strong couplings only, whatever their sign: AHAT, which goes by the sign, sees
// nothing here.
TEST_P(SplittingsTest, AffinityFindsTheDirectionOfAnAnisotropy) {
  const int n = 40;
  for (const double sign : {-1.0, 1.0}) {
    const double epsilon = 1e-3;
    const Sparse A = problems::grid(n, n, 1,
                                    {{0, 0, 0, 2 + 2 * epsilon},
                                     {-1, 0, 0, sign},
                                     {1, 0, 0, sign},
                                     {0, -1, 0, -epsilon},
                                     {0, 1, 0, -epsilon}});
    const Graph S = graph(
        A, space.strength_affinity(site.upload(A), {.affinity_iterations = 10, .affinity_vectors = 10}));
    int along = 0, across = 0;
    for (int i = 0; i < A.rows(); ++i)
      for (const int j : S[static_cast<std::size_t>(i)]) ++(std::abs(i - j) == 1 ? along : across);
    EXPECT_GT(along, 2 * n * (n - 1) * 9 / 10);
    EXPECT_LT(across, 2 * n * (n - 1) / 10);
  }
}

// ---- HMIS

// Ruge and Stüben's first pass from the definition of λ, counted anew for every choice, and PMIS for who is
// left.
Points first_pass_and_pmis(const Graph& S, const std::vector<reference::Real>& random) {
  const Graph T = reference::transpose(S);
  const int n = static_cast<int>(S.size());
  std::vector<PmisState> state(S.size(), candidate);
  std::vector<int> arrived(S.size());
  for (int i = 0; i < n; ++i) arrived[static_cast<std::size_t>(i)] = i;
  int time = n;
  const auto lambda = [&](int i) {
    int sum = 0;
    for (const int j : T[static_cast<std::size_t>(i)]) {
      const PmisState s = state[static_cast<std::size_t>(j)];
      sum += s == candidate ? 1 : s == fine_point ? 2 : 0;
    }
    return sum;
  };
  std::vector<int> counts(S.size());
  for (int i = 0; i < n; ++i) counts[static_cast<std::size_t>(i)] = lambda(i);
  for (;;) {
    int best = -1;
    for (int i = 0; i < n; ++i) {
      const auto k = static_cast<std::size_t>(i);
      if (state[k] != candidate || counts[k] == 0) continue;
      const auto b = static_cast<std::size_t>(best);
      if (best < 0 || std::pair(counts[k], -arrived[k]) > std::pair(counts[b], -arrived[b])) best = i;
    }
    if (best < 0) break;
    const auto update = [&](const Points& changed) {
      for (const int k : changed) {
        counts[static_cast<std::size_t>(k)] = lambda(k);
        arrived[static_cast<std::size_t>(k)] = time++;
      }
    };
    state[static_cast<std::size_t>(best)] = coarse_point;
    for (const int j : T[static_cast<std::size_t>(best)]) {
      if (state[static_cast<std::size_t>(j)] != candidate) continue;
      state[static_cast<std::size_t>(j)] = fine_point;
      update(S[static_cast<std::size_t>(j)]);
    }
    update(S[static_cast<std::size_t>(best)]);
  }
  Graph left(S.size());
  Points C;
  const auto undecided = [&](int i) {
    return state[static_cast<std::size_t>(i)] == candidate && !T[static_cast<std::size_t>(i)].empty();
  };
  // Among the undecided alone, with the weights of all: PMIS has no use for the decided ones.
  std::vector<reference::Real> weight = random;
  for (int i = 0; i < n; ++i) {
    if (state[static_cast<std::size_t>(i)] == coarse_point) C.insert(i);
    if (!undecided(i)) continue;
    for (const int j : S[static_cast<std::size_t>(i)])
      if (undecided(j)) left[static_cast<std::size_t>(i)].insert(j);
  }
  const Graph left_T = reference::transpose(left);
  for (int i = 0; i < n; ++i)
    weight[static_cast<std::size_t>(i)] +=
        static_cast<reference::Real>(T[static_cast<std::size_t>(i)].size()) -
        static_cast<reference::Real>(left_T[static_cast<std::size_t>(i)].size());
  for (const int c : reference::pmis(left, weight, true))
    if (undecided(c)) C.insert(c);
  return C;
}

TEST_P(SplittingsTest, HmisIsTheFirstPassAndPmisOfWhoIsLeft) {
  for (const auto& [name, A] : systems()) {
    SCOPED_TRACE(name);
    const auto [S, C] = split(A, &Space::select_hmis);
    std::vector<reference::Real> random;
    for (int i = 0; i < A.rows(); ++i)
      random.push_back(static_cast<reference::Real>(pmis_weight(0, i)) / 4294967296.0L);
    EXPECT_EQ(C, first_pass_and_pmis(S, random));
  }
}

TEST_P(SplittingsTest, HmisCoversWhoInfluencesAnybody) {
  for (const auto& [name, A] : systems()) {
    SCOPED_TRACE(name);
    const auto [S, C] = split(A, &Space::select_hmis);
    const Graph T = reference::transpose(S);
    for (int i = 0; i < A.rows(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      if (!C.contains(i)) {
        EXPECT_TRUE(meets(S[k], C) || T[k].empty()) << i;
      } else if (S == T) {
        EXPECT_FALSE(meets(S[k], C)) << i;
      }
    }
  }
}

// Ruge and Stüben 1987, §4.6.1: a checkerboard for the five-point stencil, every other line and column for
// that of nine points.
TEST_P(SplittingsTest, HmisOnAGridIsTheTextbooks) {
  const int n = 31;
  const Points five = split(problems::poisson2d(n), &Space::select_hmis).second;
  const Points nine = split(nine_points(n), &Space::select_hmis).second;
  for (const int c : five) EXPECT_EQ((c % n + c / n) % 2, (*five.begin() % n + *five.begin() / n) % 2) << c;
  EXPECT_GE(static_cast<int>(five.size()), n * n / 2);
  for (const int c : nine) {
    EXPECT_EQ(c % n % 2, 1) << c;
    EXPECT_EQ(c / n % 2, 1) << c;
  }
  EXPECT_EQ(static_cast<int>(nine.size()), (n / 2) * (n / 2));
}

// Two strong steps lead from every coarse point of HMIS to one of the aggressive selection that it depends
// on, unless it depends on none.
TEST_P(SplittingsTest, AggressiveHmisSelectsAmongHmis) {
  for (const auto& [name, A] : systems()) {
    SCOPED_TRACE(name);
    const auto [S, first] = split(A, &Space::select_hmis);
    const Points C = split(A, &Space::select_aggressive_hmis).second;
    EXPECT_TRUE(std::ranges::includes(first, C));
    EXPECT_LT(C.size(), first.size());
    for (const int i : first) {
      if (C.contains(i)) continue;
      Points reached = reference::distance_two(S, first, i);
      reached.erase(i);
      EXPECT_TRUE(meets(reached, C)) << i;
    }
  }
}

// ---- CR

// Of an M-matrix, ℓ1 relaxation on the fine rows is a nonnegative matrix, whose largest row sum is its norm:
// no error shrinks more slowly than a constant one. What starts at 3/4 or more everywhere bounds that.
TEST_P(SplittingsTest, CompatibleRelaxationIsFastInTheEnd) {
  for (const auto& [name, A] : systems()) {
    if (name == "random") continue;  // entries of both signs
    SCOPED_TRACE(name);
    const auto [S, C] = split(A, &Space::select_cr);
    EXPECT_LE(C.size(), static_cast<std::size_t>(A.rows()) / 2);
    Lanes fine = problems::ones(A.rows());
    for (const int c : C) fine(c, 0) = 0;
    const Lanes norm = Sparse(A.cwiseAbs()) * fine;
    const auto slowest = [&, &A = A](Lanes e) {
      for (int sweep = 0; sweep < cr_sweeps; ++sweep)
        e = (e - norm.cwiseInverse().cwiseProduct(A * e)).cwiseProduct(fine).eval();
      return e.cwiseAbs().maxCoeff();
    };
    EXPECT_LE(slowest(fine), cr_bar / 0.75 * (1 + 1e-5));
    const Lanes start = Lanes::NullaryExpr(
        A.rows(), 1, [](Eigen::Index i, Eigen::Index) { return static_cast<double>(cr_start(i)); });
    EXPECT_LE(slowest(start.cwiseProduct(fine)), cr_bar * (1 + 1e-5));
    EXPECT_GT(start.minCoeff(), 0.75);
    EXPECT_LE(start.maxCoeff(), 1.0);
  }
}

// Where relaxation alone is fast, nothing is left for a coarse level.
TEST_P(SplittingsTest, CompatibleRelaxationLeavesDominatedRowsFine) {
  Sparse A = problems::poisson2d(20);
  for (int i = 0; i < A.rows(); ++i) A.coeffRef(i, i) += 10;
  EXPECT_TRUE(split(A, &Space::select_cr).second.empty());
}

TEST_P(SplittingsTest, CompatibleRelaxationComesToAnEndWhateverTheNumbersAre) {
  Sparse broken = problems::poisson2d(12);
  broken.coeffRef(17, 17) = std::numeric_limits<double>::quiet_NaN();
  Sparse empty = problems::poisson2d(12);
  empty.coeffs().setZero();
  for (const Sparse& A : {broken, empty}) {
    const CsrMatrix matrix = site.upload(A);
    const auto strong = space.strength_all(matrix, {});
    EXPECT_FALSE(points(space.select_cr(matrix, strong.span())).empty());
  }
}

// ---- EM

class EnergyTest : public SplittingsTest {
 protected:
  struct Result {
    Points C;
    Sparse P;
  };

  Result minimise(const Sparse& A) {
    const CsrMatrix matrix = site.upload(A);
    const auto strong = space.strength_ahat(matrix, {0.25, 1.1});
    const auto coarse = space.select_cr(matrix, strong.span());
    CsrMatrix P = space.matrix(space.pattern_d2(matrix, strong.span(), coarse.span()), site.dtype);
    space.values_em(matrix, strong.span(), coarse.span(), P);
    return {points(coarse), site.download(P)};
  }

  static int length(const Sparse& P, int i) { return P.outerIndexPtr()[i + 1] - P.outerIndexPtr()[i]; }
};
AMG_IN_EVERY_SPACE(EnergyTest);

// The Laplacian of the same graph: rows sum to 0, exactly for small integers.
Sparse without_boundary(Sparse A) {
  for (int i = 0; i < A.rows(); ++i) A.coeffRef(i, i) -= Lanes(A.row(i)).sum();
  return A;
}

// s relaxes on the fine rows, from 1: a partition of unity where A annihilates constants, and elsewhere what
// A makes of a 1 on the coarse rows. Weights are stored once a sweep.
TEST_P(EnergyTest, RowSumsRelaxWithA) {
  for (const auto& [name, given] : systems()) {
    if (name == "random" || name == "arrows") continue;  // fine rows that follow nobody
    for (const bool closed : {false, true}) {
      SCOPED_TRACE(name + (closed ? ", closed" : ""));
      const Sparse A = site.rounded(closed ? without_boundary(given) : given);
      const auto [C, P] = minimise(A);
      Lanes fine = problems::ones(A.rows());
      for (const int c : C) fine(c, 0) = 0;
      const Lanes norm = Sparse(A.cwiseAbs()) * fine;
      Lanes s = problems::ones(A.rows());
      for (int sweep = 0; sweep < energy_sweeps; ++sweep)
        s -= Lanes(fine.array() * (A * s).array() / norm.array());
      for (int i = 0; i < A.rows(); ++i) {
        ASSERT_GT(length(P, i), 0) << i;
        const double sum = Lanes(P.row(i)).sum(), rounding = 2 * energy_sweeps * (length(P, i) + 2) * eps;
        EXPECT_NEAR(sum, s(i, 0), rounding) << i;
        if (closed) {
          EXPECT_NEAR(sum, 1, rounding) << i;
        }
        if (C.contains(i)) {
          EXPECT_EQ(length(P, i), 1) << i;
        }
      }
    }
  }
}

// The least energy of rows that sum to 1, by the equations of Lagrange; descent on a quadratic, with the ℓ1
// diagonal of the fine rows' block for a metric, shrinks the distance to it in every sweep by the square of 1
// − λ, λ the smallest eigenvalue of that block.
TEST_P(EnergyTest, DescendsToTheLeastEnergy) {
  for (const Sparse& given : {problems::poisson2d(12), nine_points(11), problems::poisson3d(6),
                              problems::anisotropic2d(12, 0.25)}) {
    const Sparse A = without_boundary(given);
    const int n = static_cast<int>(A.rows());
    const auto [C, P] = minimise(A);
    const std::vector<int> row_of(C.begin(), C.end());

    std::map<std::pair<int, int>, int> unknown;  // the weights of the fine rows
    std::map<int, int> multiplier;               // and one for each of these rows
    Sparse start = P;
    for (int i = 0; i < n; ++i) {
      ASSERT_GT(length(P, i), 0);
      for (Sparse::InnerIterator w(start, i); w; ++w) w.valueRef() = 1.0 / length(P, i);
      if (C.contains(i)) continue;
      multiplier.emplace(i, static_cast<int>(multiplier.size()));
      for (Sparse::InnerIterator w(P, i); w; ++w)
        unknown.emplace(std::pair(i, static_cast<int>(w.col())), static_cast<int>(unknown.size()));
    }
    const int size = static_cast<int>(unknown.size() + multiplier.size());
    Eigen::MatrixXd equations = Eigen::MatrixXd::Zero(size, size);
    Eigen::VectorXd rhs = Eigen::VectorXd::Zero(size);
    for (const auto& [place, u] : unknown) {
      for (Sparse::InnerIterator a(A, place.first); a; ++a) {
        const auto found = unknown.find({static_cast<int>(a.col()), place.second});
        if (found != unknown.end()) equations(u, found->second) = a.value();
        if (a.col() == row_of[static_cast<std::size_t>(place.second)]) rhs(u) -= a.value();
      }
      const int k = static_cast<int>(unknown.size()) + multiplier.at(place.first);
      equations(u, k) = equations(k, u) = rhs(k) = 1;
    }
    const Eigen::VectorXd solution = equations.partialPivLu().solve(rhs);
    Sparse least = P;
    for (const auto& [place, u] : unknown) least.coeffRef(place.first, place.second) = solution(u);

    Eigen::MatrixXd A_ff = A;
    for (const int c : C) {
      A_ff.row(c).setZero();
      A_ff.col(c).setZero();
      A_ff(c, c) = 1;
    }
    const Eigen::VectorXd root = A_ff.cwiseAbs().rowwise().sum().cwiseSqrt().cwiseInverse();
    const Eigen::MatrixXd scaled = root.asDiagonal() * A_ff * root.asDiagonal();
    const double lambda = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(scaled).eigenvalues()(0);
    const auto energy = [&](const Sparse& weights) {
      const Eigen::MatrixXd W = weights;
      return (W.transpose() * (A * W)).trace();
    };
    const double bottom = energy(least), gap = energy(start) - bottom, rounding = 100 * eps * energy(start);
    EXPECT_GT(gap, 1000 * rounding);
    EXPECT_GE(energy(P), bottom - rounding);
    EXPECT_LE(energy(P) - bottom, std::pow(1 - lambda, 2 * energy_sweeps) * gap + rounding);
  }
}

}  // namespace
}  // namespace amg
