// The words of Space for vectors and products with them, against Eigen in double.
//
// The bounds: a combination is formed in the vectors' precision, a sum over rows or entries in double and
// rounded once.
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/scalar_set.h"
#include "space_fixture.h"

namespace amg {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double eps64 = 0x1p-52;

// On either side of what a kernel takes at once.
const std::vector<std::int64_t> lane_counts{1, 3, 8, 11};
const std::vector<std::int64_t> row_counts{1, 7, 4096, 10001};

class VectorsTest : public SpaceTest {
 protected:
  std::vector<double> norm(ConstVector x, Norm kind) {
    const ScalarSet<1> scalars(space, x.lanes);
    space.norm(x, kind, scalars[0]);
    return space.read(scalars.all());
  }

  void combine(std::size_t count, Vector y, const std::array<Term, 4>& t, Dots dots = {}) {
    switch (count) {
      case 1:
        return space.combine(y, {t[0]}, dots);
      case 2:
        return space.combine(y, {t[0], t[1]}, dots);
      case 3:
        return space.combine(y, {t[0], t[1], t[2]}, dots);
      default:
        return space.combine(y, {t[0], t[1], t[2], t[3]}, dots);
    }
  }
};
AMG_IN_EVERY_SPACE(VectorsTest);

TEST_P(VectorsTest, FillAndCopy) {
  for (const std::int64_t rows : row_counts)
    for (const std::int64_t lanes : lane_counts) {
      const OwnedVector x = site.vector(rows, lanes), y = site.vector(rows, lanes);
      space.fill(x, 1.5);
      space.copy(x, y);
      EXPECT_EQ(site.download(y), Lanes::Constant(rows, lanes, 1.5));
    }
}

// |fl(Σ c v) - Σ c v| <= (m + 1) eps Σ |c| |v| for m terms; c is rounded to the precision of v.
TEST_P(VectorsTest, CombinationOfOneToFourTerms) {
  const double numbers[4] = {1.0, -0.75, std::numbers::pi, -1e-3};
  for (const std::int64_t rows : row_counts)
    for (const std::int64_t lanes : lane_counts) {
      const ScalarSet<2> scalars(space, static_cast<std::int32_t>(lanes));
      const Lanes factors = problems::random_lanes(2, lanes, 5);
      for (std::size_t k = 0; k < 2; ++k)
        space.write(scalars[k], {factors.row(static_cast<int>(k)).data(), static_cast<std::size_t>(lanes)});
      std::array<Lanes, 4> v;
      for (unsigned k = 0; k < 4; ++k) v[k] = site.rounded(problems::random_lanes(rows, lanes, k));
      const OwnedVector v0 = site.upload(v[0]), v1 = site.upload(v[1]), v2 = site.upload(v[2]),
                        v3 = site.upload(v[3]);
      const std::array<Term, 4> terms{
          {{numbers[0], v0}, {scalars[0], v1}, {-scalars[1], v2}, {numbers[3], v3}}};
      const auto coefficient = [&](std::size_t k, std::int64_t l) {
        return k == 1 ? factors(0, l) : k == 2 ? -factors(1, l) : numbers[k];
      };
      for (std::size_t count = 1; count <= 4; ++count) {
        SCOPED_TRACE(testing::Message() << rows << " rows, " << lanes << " lanes, " << count << " terms");
        Lanes exact = Lanes::Zero(rows, lanes), size = exact;
        for (std::size_t k = 0; k < count; ++k)
          for (std::int64_t l = 0; l < lanes; ++l) {
            exact.col(l) += coefficient(k, l) * v[k].col(l);
            size.col(l) += std::abs(coefficient(k, l)) * v[k].col(l).cwiseAbs();
          }
        const Lanes bound = static_cast<double>(count + 1) * eps * size;
        const OwnedVector y = site.vector(rows, lanes);
        combine(count, y, terms);
        EXPECT_TRUE(((site.download(y) - exact).cwiseAbs().array() <= bound.array()).all());

        // y may be any of the terms, and that changes no bit.
        for (std::size_t k = 0; k < count; ++k) {
          const OwnedVector alias = site.upload(v[k]);
          std::array<Term, 4> aliased = terms;
          aliased[k].v = alias;
          combine(count, alias, aliased);
          EXPECT_TRUE(same_bits(site.download(alias), site.download(y)));
        }
      }
    }
}

TEST_P(VectorsTest, ScalarsOfAnyNumberOfLanesAreReadTogether) {
  const ScalarSet<1> one(space, 1), seven(space, 7), wide(space, 300);
  std::vector<double> expected(308);
  std::iota(expected.begin(), expected.end(), 1.0);
  const std::span<const double> all = expected;
  space.write(one[0], all.first(1));
  space.write(seven[0], all.subspan(1, 7));
  space.write(wide[0], all.last(300));
  EXPECT_EQ(space.read(std::vector{one[0], seven[0], wide[0]}), expected);
  expected.insert(expected.begin(), 20, 1.0);  // more than one launch gathers
  std::vector<Scalar> many(20, one[0]);
  many.insert(many.end(), {one[0], seven[0], wide[0]});
  EXPECT_EQ(space.read(many), expected);
}

TEST_P(VectorsTest, TermWithCoefficientZeroIsNotLookedAt) {
  for (const std::int64_t lanes : lane_counts) {
    const std::int64_t rows = 50, stopped = lanes / 2;
    const ScalarSet<1> scalars(space, static_cast<std::int32_t>(lanes));
    std::vector<double> factors(static_cast<std::size_t>(lanes), 2.0);
    factors[static_cast<std::size_t>(stopped)] = 0.0;
    space.write(scalars[0], factors);
    const Lanes v = site.rounded(problems::random_lanes(rows, lanes));
    Lanes w = Lanes::Constant(rows, lanes, 0.5), expected = v.array() + 1.0;
    w.col(stopped).setConstant(nan);
    w(3, stopped) = infinity;
    expected.col(stopped) = v.col(stopped);
    const OwnedVector x = site.upload(v), direction = site.upload(w);
    space.combine(x, {{1, x}, {scalars[0], direction}});
    EXPECT_LE((site.download(x) - expected).cwiseAbs().maxCoeff(), eps * expected.cwiseAbs().maxCoeff());
    EXPECT_TRUE(same_bits(Lanes(site.download(x).col(stopped)), Lanes(v.col(stopped))));
  }
}

// |fl(<w, y>) - <w, y>| <= n eps64 <|w|, |y|>: products and sums in double.
TEST_P(VectorsTest, DotsAloneAndFused) {
  for (const std::int64_t rows : row_counts)
    for (const std::int64_t lanes : lane_counts) {
      const Lanes v = site.rounded(problems::random_lanes(rows, lanes, 1)),
                  w = site.rounded(problems::random_lanes(rows, lanes, 2));
      const OwnedVector x = site.upload(v), z = site.upload(w), y = site.vector(rows, lanes);
      const ScalarSet<2> scalars(space, static_cast<std::int32_t>(lanes));
      const auto expect_dots_with = [&](const Lanes& result, ConstVector itself) {
        const std::vector<double> dots = space.read(scalars.all());
        for (std::int64_t l = 0; l < lanes; ++l) {
          const double bound = static_cast<double>(rows) * eps64;
          EXPECT_NEAR(dots[static_cast<std::size_t>(l)], w.col(l).dot(result.col(l)),
                      bound * w.col(l).cwiseAbs().dot(result.col(l).cwiseAbs()));
          EXPECT_NEAR(dots[static_cast<std::size_t>(lanes + l)], result.col(l).squaredNorm(),
                      bound * result.col(l).squaredNorm());
        }
        EXPECT_EQ(site.download(itself), result);
      };
      space.dot(x, {{z, scalars[0]}, {x, scalars[1]}});
      expect_dots_with(v, x);
      space.combine(y, {{0.3, x}, {-2, z}}, {{z, scalars[0]}, {y, scalars[1]}});
      expect_dots_with(site.download(y), y);
    }
}

TEST_P(VectorsTest, Norms) {
  for (const std::int64_t rows : row_counts)
    for (const std::int64_t lanes : lane_counts) {
      const Lanes v = site.rounded(problems::random_lanes(rows, lanes));
      const OwnedVector x = site.upload(v);
      const std::vector<double> l1 = norm(x, Norm::L1), l2 = norm(x, Norm::L2), lmax = norm(x, Norm::LMAX);
      for (std::int64_t l = 0; l < lanes; ++l) {
        const auto k = static_cast<std::size_t>(l);
        const double bound = static_cast<double>(rows) * eps64;
        EXPECT_NEAR(l1[k], v.col(l).lpNorm<1>(), bound * l1[k]);
        EXPECT_NEAR(l2[k], v.col(l).norm(), bound * l2[k]);
        EXPECT_EQ(lmax[k], v.col(l).lpNorm<Eigen::Infinity>());
      }
    }
}

TEST_P(VectorsTest, NormsHandOnNaNAndInfinityOfTheirLane) {
  for (const std::int64_t lanes : {2, 9})
    for (const Norm kind : {Norm::L1, Norm::L2, Norm::LMAX})
      for (const std::int64_t at : {0, 4095, 4096, 9999}) {  // first and last rows of blocks
        Lanes v = Lanes::Ones(10000, lanes);
        v(at, 0) = nan;
        v(at, 1) = infinity;
        const std::vector<double> norms = norm(site.upload(v), kind);
        EXPECT_TRUE(std::isnan(norms[0]));
        EXPECT_EQ(norms[1], infinity);
        for (std::size_t l = 2; l < norms.size(); ++l) EXPECT_TRUE(std::isfinite(norms[l]));
      }
}

TEST_P(VectorsTest, ScalarArithmeticStopsWithItsLane) {
  const ScalarSet<10> scalars(space, 3);
  const auto& [active, a, b, product, quotient, copied, sum, difference, root_of, larger_of] = scalars.all();
  space.write(active, std::vector{1.0, 1.0, 0.0});
  space.write(a, std::vector{6.0, 5.0, 4.0});
  space.write(b, std::vector{3.0, 0.0, 2.0});
  space.compute(active, {let(product, a * b), let(quotient, a / b), let(copied, product),
                         let(sum, a * a + b * quotient), let(difference, a - b * b), let(root_of, root(sum)),
                         let(larger_of, larger(a, copied))});
  const std::vector<double> expected{18, 0, 0,  2, 0, 0, 18, 0, 0, 42, 25, 0, -3, 5, 0, std::sqrt(42.0),
                                     5,  0, 18, 5, 0};
  EXPECT_EQ(space.read({&product, 7}), expected);
}

// Longer than what a GPU takes at a time: powers of two, step by step.
TEST_P(VectorsTest, ScalarProgramsHaveAnyLength) {
  const ScalarSet<2> scalars(space, 1);
  const auto& [one, power] = scalars.all();
  space.write(one, std::vector{1.0});
  space.write(power, std::vector{1.0});
  space.compute(one, std::vector(100, let(power, power + power)));
  EXPECT_EQ(space.read({&power, 1}), std::vector{0x1p100});
}

// The same in every lane, another for another seed; uniform in [-1, 1), so that the mean of n has the variance 1 / 3n
// and so, nearly, has that of products with another.
TEST_P(VectorsTest, RandomVectorsAreUniformAndIndependent) {
  const int n = 30000;
  const OwnedVector x = site.vector(n, 2), y = site.vector(n, 1);
  space.random(x, 0);
  space.random(y, 1);
  const Lanes u = site.download(x), v = site.download(y);
  EXPECT_TRUE((u.col(0).array() == u.col(1).array()).all());
  EXPECT_TRUE((u.array() >= -1).all() && (u.array() <= 1).all());
  EXPECT_LE(std::abs(u.col(0).mean()), 4 / std::sqrt(3.0 * n));
  EXPECT_NEAR(u.col(0).squaredNorm() / n, 1.0 / 3, 0.01);
  EXPECT_LE(std::abs(u.col(0).dot(v.col(0))) / n, 4 / (3 * std::sqrt(1.0 * n)));
}

// ---- products

struct System {
  std::string name;
  Sparse A;
};

// Rows of every length, so that chunks differ; an empty row; a full row.
std::vector<System> systems() {
  Sparse uneven = problems::random_dominant(5000, 3);
  uneven.prune([](int i, int, double) { return i != 17; });
  for (int j = 0; j < 5000; ++j) uneven.coeffRef(40, j) = 0.01 * j;
  uneven.makeCompressed();
  return {{"one row", Sparse(Eigen::MatrixXd::Constant(1, 1, 2.5).sparseView())},
          {"convection-diffusion", problems::convection_diffusion2d(75, 3.0)},
          {"uneven", uneven}};
}

class ProductsWithVectorsTest : public VectorsTest {
 protected:
  static double largest() {
    return GetParam().dtype == DType::f32 ? std::numeric_limits<float>::max()
                                          : std::numeric_limits<double>::max();
  }
  // Rounding of Σ a x in double, and of the result.
  Lanes bound(const Sparse& A, const Lanes& x, const Lanes& b, const Lanes& exact) const {
    const auto longest = static_cast<double>(A.cols());
    return (longest + 2) * eps64 * (Sparse(A.cwiseAbs()) * x.cwiseAbs() + b.cwiseAbs()) +
           eps * exact.cwiseAbs();
  }
};
AMG_IN_EVERY_SPACE(ProductsWithVectorsTest);

#define EXPECT_WITHIN(actual, exact, bound) \
  EXPECT_TRUE((((actual) - (exact)).cwiseAbs().array() <= (bound).array()).all())

TEST_P(ProductsWithVectorsTest, MultiplyResidualAndTheirDots) {
  for (const auto& [name, given] : systems())
    for (const std::int64_t lanes : lane_counts)
      for (const Mode mode : {Mode::plain, Mode::transposed}) {
        SCOPED_TRACE(testing::Message()
                     << name << ", " << lanes << " lanes, mode " << static_cast<int>(mode));
        const Sparse stored = site.rounded(given), AT = stored.transpose();
        const Sparse& A = mode == Mode::plain ? stored : AT;
        const CsrMatrix matrix = site.upload(stored), transpose = site.upload(AT);
        const Operator op{matrix, mode == Mode::plain ? Matrix{} : transpose.view(), mode};
        const Lanes v = site.rounded(problems::random_lanes(A.rows(), lanes, 1)),
                    w = site.rounded(problems::random_lanes(A.rows(), lanes, 2));
        const OwnedVector x = site.upload(v), b = site.upload(w), y = site.upload(w);
        const ScalarSet<2> scalars(space, static_cast<std::int32_t>(lanes));
        const Lanes zero = Lanes::Zero(A.rows(), lanes), Ax = A * v;

        const auto expect_dots = [&](const Lanes& result) {
          const std::vector<double> dots = space.read(scalars.all());
          for (std::int64_t l = 0; l < lanes; ++l) {
            EXPECT_NEAR(dots[static_cast<std::size_t>(l)], w.col(l).dot(result.col(l)),
                        static_cast<double>(A.rows()) * eps64 * w.col(l).norm() * result.col(l).norm());
            EXPECT_NEAR(dots[static_cast<std::size_t>(lanes + l)], result.col(l).squaredNorm(),
                        static_cast<double>(A.rows()) * eps64 * result.col(l).squaredNorm());
          }
        };
        space.multiply(op, x, y, {{b, scalars[0]}, {y, scalars[1]}});
        EXPECT_WITHIN(site.download(y), Ax, bound(A, v, zero, Ax));
        expect_dots(site.download(y));

        space.residual(op, b, x, y, {{b, scalars[0]}, {y, scalars[1]}});
        EXPECT_WITHIN(site.download(y), w - Ax, bound(A, v, w, w - Ax));
        expect_dots(site.download(y));

        const OwnedVector sum = site.upload(w);
        space.multiply_add(op, x, sum);
        EXPECT_WITHIN(site.download(sum), w + Ax, bound(A, v, w, Ax) + eps * (w + Ax).cwiseAbs());

        space.residual_scale(op, b, x, scalars[0]);
        const std::vector<double> scale = space.read({&scalars[0], 1});
        const Lanes terms = Sparse(A.cwiseAbs()) * v.cwiseAbs() + w.cwiseAbs();
        for (std::int64_t l = 0; l < lanes; ++l)
          EXPECT_NEAR(scale[static_cast<std::size_t>(l)], terms.col(l).norm(),
                      static_cast<double>(A.rows()) * eps64 * terms.col(l).norm());
      }
}

TEST_P(ProductsWithVectorsTest, JacobiSweepAndItsDiagonal) {
  const double omega = 0.7;
  for (const auto& [name, given] : systems())
    for (const std::int64_t lanes : lane_counts) {
      SCOPED_TRACE(testing::Message() << name << ", " << lanes << " lanes");
      const Sparse A = site.rounded(given);
      const CsrMatrix matrix = site.upload(A);
      const Lanes v = site.rounded(problems::random_lanes(A.rows(), lanes, 1)),
                  w = site.rounded(problems::random_lanes(A.rows(), lanes, 2));
      const OwnedVector x = site.upload(v), b = site.upload(w), y = site.vector(A.rows(), lanes);
      const OwnedVector inverse = site.vector(A.rows(), 1);
      space.invert_diagonal(matrix, static_cast<Vector>(inverse).data);
      Lanes D_inverse = A.diagonal();
      for (double& d : D_inverse.reshaped()) d = d == 0.0 ? 0.0 : 1.0 / d;
      // The reciprocal is rounded; so is everything after it, to the precision of the vectors.
      EXPECT_WITHIN(site.download(inverse), D_inverse, eps * D_inverse.cwiseAbs());

      const auto scaled = [&](const Lanes& r) -> Lanes {
        return omega * (D_inverse.col(0).asDiagonal() * r);
      };
      space.scale_rows(static_cast<Vector>(inverse).data, omega, b, y);
      EXPECT_WITHIN(site.download(y), scaled(w), 4 * eps * scaled(w).cwiseAbs());

      const Operator op{matrix, {}, Mode::plain};
      space.jacobi_sweep(op, static_cast<Vector>(inverse).data, omega, b, x, y);
      const Lanes exact = v + scaled(w - A * v);
      const Lanes terms = Sparse(A.cwiseAbs()) * v.cwiseAbs() + w.cwiseAbs();
      EXPECT_WITHIN(site.download(y), exact,
                    eps * exact.cwiseAbs() + 4 * eps * scaled(w - A * v).cwiseAbs() +
                        static_cast<double>(A.cols()) * eps64 * scaled(terms).cwiseAbs());
    }
}

TEST_P(ProductsWithVectorsTest, DenseProduct) {
  for (const std::int64_t n : {1, 30, 300})
    for (const std::int64_t lanes : lane_counts) {
      const Lanes M = site.rounded(problems::random_lanes(n, n, 3)),
                  v = site.rounded(problems::random_lanes(n, lanes, 4));
      const OwnedVector m = site.upload(M), x = site.upload(v), y = site.vector(n, lanes);
      for (const Mode mode : {Mode::plain, Mode::transposed}) {
        const Lanes map = mode == Mode::plain ? M : Lanes(M.transpose()), exact = map * v;
        space.multiply_dense(static_cast<Vector>(m).data, mode, x, y);
        EXPECT_WITHIN(
            site.download(y), exact,
            static_cast<double>(n) * eps64 * map.cwiseAbs() * v.cwiseAbs() + eps * exact.cwiseAbs());
      }
    }
}

// A right-hand side next to others is a right-hand side alone, up to the order of sums in double.
TEST_P(ProductsWithVectorsTest, LanesDoNotMeet) {
  const Sparse A = site.rounded(problems::convection_diffusion2d(40, 1.0));
  const CsrMatrix matrix = site.upload(A);
  const Operator op{matrix, {}, Mode::plain};
  Lanes v = site.rounded(problems::random_lanes(A.rows(), 11));
  v.col(4).setConstant(nan);
  const OwnedVector x = site.upload(v), y = site.vector(A.rows(), 11);
  space.multiply(op, x, y);
  const Lanes together = site.download(y);
  for (int l = 0; l < 11; ++l) {
    const OwnedVector one = site.upload(Lanes(v.col(l))), alone = site.vector(A.rows(), 1);
    space.multiply(op, one, alone);
    if (l == 4)
      EXPECT_TRUE(together.col(l).array().isNaN().all());
    else
      EXPECT_WITHIN(together.col(l), site.download(alone).col(0),
                    2 * eps * together.col(l).cwiseAbs() + Lanes::Constant(A.rows(), 1, 40 * eps64));
  }
}

TEST_P(ProductsWithVectorsTest, SameBitsAtAnyNumberOfThreads) {
  const Sparse A = problems::convection_diffusion2d(150, 1.0);
  const CsrMatrix matrix = site.upload(A);
  const Operator op{matrix, {}, Mode::plain};
  for (const std::int64_t lanes : {1, 3}) {
    const OwnedVector x = site.upload(problems::random_lanes(A.rows(), lanes, 1)),
                      b = site.upload(problems::random_lanes(A.rows(), lanes, 2));
    const auto run = [&](int threads) {
      Arena::instance().resize(threads);
      const OwnedVector y = site.vector(A.rows(), lanes), inverse = site.vector(A.rows(), 1);
      const ScalarSet<9> scalars(space, static_cast<std::int32_t>(lanes));
      std::vector<Lanes> results;
      space.multiply(op, x, y, {{b, scalars[0]}, {y, scalars[1]}});
      results.push_back(site.download(y));
      space.residual(op, b, x, y, {{b, scalars[2]}, {y, scalars[3]}});
      results.push_back(site.download(y));
      space.residual_scale(op, b, x, scalars[4]);
      space.invert_diagonal(matrix, static_cast<Vector>(inverse).data);
      space.jacobi_sweep(op, static_cast<Vector>(inverse).data, 0.9, b, x, y);
      results.push_back(site.download(y));
      space.multiply_add(op, x, y);
      results.push_back(site.download(y));
      space.combine(y, {{1, x}, {-0.3, b}, {1.7, y}}, {{x, scalars[5]}});
      results.push_back(site.download(y));
      for (const auto& [kind, out] : {std::pair{Norm::L1, 6}, {Norm::L2, 7}, {Norm::LMAX, 8}})
        space.norm(y, kind, scalars[static_cast<std::size_t>(out)]);
      const std::vector<double> sums = space.read(scalars.all());
      results.push_back(Eigen::Map<const Lanes>(sums.data(), 9, lanes));
      return results;
    };
    const std::vector<Lanes> one = run(1);
    for (const int threads : {2, 4}) {
      const std::vector<Lanes> many = run(threads);
      for (std::size_t k = 0; k < one.size(); ++k) EXPECT_TRUE(same_bits(many[k], one[k])) << k;
    }
  }
}

// ---- what makes a matrix unfit

TEST_P(ProductsWithVectorsTest, InspectFindsAFaultInAnyRow) {
  const Sparse A = problems::poisson2d(70);
  const auto fault = [&](int row, double value, bool whole_row = false) {
    Sparse bad = A;
    for (Sparse::InnerIterator a(bad, row); a; ++a)
      if (whole_row || a.col() == row) a.valueRef() = value;
    return space.inspect(site.upload(bad)).fault;
  };
  EXPECT_EQ(space.inspect(site.upload(A)).fault, Reason::none);
  for (const int row : {0, 63, 64, 2500, 4899}) {
    EXPECT_EQ(fault(row, nan), Reason::nonfinite_matrix);
    EXPECT_EQ(fault(row, -infinity), Reason::nonfinite_matrix);
    EXPECT_EQ(fault(row, 0.0), Reason::none);
    EXPECT_EQ(fault(row, 0.0, true), Reason::zero_row);
    EXPECT_EQ(fault(row, largest(), true), Reason::none);  // finite entries whose sum is not
  }
}

TEST_P(ProductsWithVectorsTest, InspectCallsAMatrixNonfiniteBeforeSingular) {
  for (const auto& [zero, broken] : {std::pair{10, 4000}, {4000, 10}, {10, 11}}) {
    Sparse A = problems::poisson2d(70);
    for (Sparse::InnerIterator a(A, zero); a; ++a) a.valueRef() = 0.0;
    A.coeffRef(broken, broken) = nan;
    EXPECT_EQ(space.inspect(site.upload(A)).fault, Reason::nonfinite_matrix);
  }
}

TEST_P(ProductsWithVectorsTest, InspectTakesARowWithoutEntriesForZero) {
  Sparse A = problems::poisson2d(70);
  A.prune([](int i, int, double) { return i != 3; });
  EXPECT_EQ(space.inspect(site.upload(A)).fault, Reason::zero_row);
}

TEST_P(ProductsWithVectorsTest, InspectTellsWhetherAllRowsSumToZero) {
  const auto sums_to_zero = [&](const Sparse& A) { return space.inspect(site.upload(A)).rows_sum_to_zero; };
  Sparse A = problems::poisson2d(70);
  EXPECT_FALSE(sums_to_zero(A));
  const Eigen::VectorXd sums = A * Eigen::VectorXd::Ones(A.cols());
  for (int i = 0; i < A.rows(); ++i) A.coeffRef(i, i) -= sums[i];
  EXPECT_TRUE(sums_to_zero(A));
  EXPECT_TRUE(sums_to_zero(Sparse(A / 3.0)));
  Sparse overflowing = A;
  overflowing.coeffs() *= largest() / 4;
  EXPECT_EQ(sums_to_zero(overflowing), GetParam().dtype == DType::f32);  // whose sums are taken in double
  for (const int row : {0, 64, 4899}) {
    Sparse other = A;
    other.coeffRef(row, row) *= 1 + 1000 * eps;
    EXPECT_FALSE(sums_to_zero(other));
  }
}

TEST_P(ProductsWithVectorsTest, SymmetryIsSeenInValuesAndPattern) {
  const auto is_symmetric = [&](const Sparse& A) { return space.is_symmetric(site.upload(A)); };
  const Sparse A = problems::poisson2d(70);
  EXPECT_TRUE(is_symmetric(A));
  EXPECT_FALSE(is_symmetric(problems::convection_diffusion2d(70, 1.0)));
  for (const auto& [row, col] : {std::pair{0, 1}, {1, 0}, {4899, 4898}, {2500, 2570}}) {
    Sparse values = A, pattern = A;
    values.coeffRef(row, col) *= 1 + 2 * eps;
    EXPECT_FALSE(is_symmetric(values));
    pattern.prune([r = row, c = col](int i, int j, double) { return i != r || j != c; });
    EXPECT_FALSE(is_symmetric(pattern));
  }
  EXPECT_FALSE(is_symmetric(Sparse(A.topRows(70))));
}

}  // namespace
}  // namespace amg
