// Sparse patterns and products on the GPU, against those of the host.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "spaces.h"

namespace amg {
namespace {

using Row = std::vector<std::int32_t>;  // its columns, sorted

template <class T>
class CudaProductsTest : public CudaTest {
 protected:
  // Row i has the columns row_of(i); the values come from value().
  CsrMatrix matrix(std::int64_t rows, std::int64_t cols, const std::function<Row(std::int64_t)>& row_of,
                   const std::function<double()>& value) {
    auto pattern = std::make_shared<Pattern>();
    pattern->rows = rows;
    pattern->cols = cols;
    pattern->offsets = host().template array<std::int64_t>(rows + 1);
    std::vector<std::int32_t> columns;
    for (std::int64_t i = 0; i < rows; ++i) {
      pattern->offsets[i] = static_cast<std::int64_t>(columns.size());
      const Row row = row_of(i);
      columns.insert(columns.end(), row.begin(), row.end());
    }
    pattern->offsets[rows] = static_cast<std::int64_t>(columns.size());
    pattern->columns = host().template array<std::int32_t>(pattern->offsets[rows]);
    std::ranges::copy(columns, pattern->columns.data());
    CsrMatrix A = host().matrix(std::move(pattern), dtype_of<T>);
    for (std::int64_t k = 0; k < A.entries(); ++k) A.as<T>()[k] = static_cast<T>(value());
    return A;
  }

  Row random_row(std::int64_t cols, std::int64_t size) {
    Row row;
    std::uniform_int_distribution<std::int32_t> column(
        0, static_cast<std::int32_t>(std::max<std::int64_t>(cols, 1) - 1));
    while (static_cast<std::int64_t>(row.size()) < std::min(size, cols)) {
      while (static_cast<std::int64_t>(row.size()) < std::min(size, cols)) row.push_back(column(random_));
      std::ranges::sort(row);
      row.erase(std::ranges::unique(row).begin(), row.end());
    }
    return row;
  }

  // Rows of 0 to 2 · mean entries.
  CsrMatrix random_matrix(std::int64_t rows, std::int64_t cols, std::int64_t mean) {
    return matrix(
        rows, cols,
        [&](std::int64_t) {
          return random_row(cols, static_cast<std::int64_t>(random_() % static_cast<unsigned>(2 * mean + 1)));
        },
        normal());
  }

  // Row i has lengths[i] entries.
  CsrMatrix matrix_of_lengths(std::int64_t cols, const std::vector<std::int64_t>& lengths) {
    return matrix(
        static_cast<std::int64_t>(lengths.size()), cols,
        [&](std::int64_t i) { return random_row(cols, lengths[static_cast<std::size_t>(i)]); }, normal());
  }

  CsrMatrix identity(std::int64_t n) {
    return matrix(n, n, [](std::int64_t i) { return Row{static_cast<std::int32_t>(i)}; }, normal());
  }

  CsrMatrix poisson3d(std::int64_t n) {
    std::vector<T> values;
    const auto row_of = [&](std::int64_t i) {
      Row row;
      const auto add = [&](bool inside, std::int64_t column, T value) {
        if (!inside) return;
        row.push_back(static_cast<std::int32_t>(column));
        values.push_back(value);
      };
      const std::int64_t x = i % n, y = i / n % n, z = i / (n * n);
      add(z > 0, i - n * n, -1);
      add(y > 0, i - n, -1);
      add(x > 0, i - 1, -1);
      add(true, i, 6);
      add(x < n - 1, i + 1, -1);
      add(y < n - 1, i + n, -1);
      add(z < n - 1, i + n * n, -1);
      return row;
    };
    CsrMatrix A = matrix(n * n * n, n * n * n, row_of, [] { return 0.0; });
    std::ranges::copy(values, A.as<T>());
    return A;
  }

  struct Case {
    std::string name;
    CsrMatrix A, B;
  };

  // Rows on either side of what every hash table holds, rows for which the first table is too small, matrices
  // whose columns need a second try; nothing at all.
  std::vector<Case> cases() {
    const std::vector<std::int64_t> edges{1,   0,    31,   32,   33,   47,   48,   49,  55,  56,
                                          57,  191,  192,  193,  223,  224,  225,  383, 384, 385,
                                          447, 511,  512,  513,  767,  768,  769,  895, 900, 0,
                                          0,   1535, 1536, 1537, 1700, 2048, 3000, 1,   5000};
    const auto edge_rows = static_cast<std::int64_t>(edges.size());
    std::vector<Case> all;
    all.push_back({"square", random_matrix(300, 300, 8), random_matrix(300, 300, 8)});
    all.push_back({"rectangular", random_matrix(70, 3000, 40), random_matrix(3000, 200, 10)});
    all.push_back({"mostly empty", random_matrix(2000, 90, 1), random_matrix(90, 130, 1)});
    all.push_back({"full", random_matrix(70, 80, 80), random_matrix(80, 90, 90)});
    all.push_back({"no entries", random_matrix(5, 6, 0), random_matrix(6, 7, 0)});
    all.push_back({"B has no entries", random_matrix(50, 60, 3), random_matrix(60, 7, 0)});
    all.push_back({"no rows", random_matrix(0, 6, 1), random_matrix(6, 7, 2)});
    all.push_back({"nothing between", random_matrix(5, 0, 0), random_matrix(0, 7, 0)});
    all.push_back({"no columns", random_matrix(5, 6, 2), random_matrix(6, 0, 0)});
    all.push_back({"long rows of A", matrix_of_lengths(5000, edges), identity(5000)});
    all.push_back({"long rows of B", identity(edge_rows), matrix_of_lengths(100000, edges)});
    all.push_back({"many columns a product", random_matrix(500, 20, 10), random_matrix(20, 700, 200)});
    all.push_back({"long rows by surprise", random_matrix(40, 200, 10), random_matrix(200, 9000, 400)});
    all.push_back({"short rows of a long A", random_matrix(30, 4000, 1500), random_matrix(4000, 100, 3)});
    all.push_back({"far columns", random_matrix(20, 40, 5), random_matrix(40, 50000000, 5)});
    return all;
  }

  std::function<double()> normal() {
    return [this] { return distribution_(random_); };
  }

  CsrMatrix absolute(const CsrMatrix& A) {
    CsrMatrix out = host().matrix(A.pattern(), A.dtype());
    std::transform(A.as<T>(), A.as<T>() + A.entries(), out.as<T>(), [](T v) { return std::abs(v); });
    return out;
  }

  std::vector<T> values(const CsrMatrix& A) { return to_host<T>(device(), A.as<T>(), A.entries()); }

  // Both sums carry at most (k + 1) / 2 eps_64 |A||B|, as one of them may fuse its products, and a rounding
  // to T.
  void expect_product(const CsrMatrix& on_device, const CsrMatrix& A, const CsrMatrix& B) {
    const CsrMatrix expected = host().product(A, B), scale = host().product(absolute(A), absolute(B));
    expect_same_pattern(device(), *on_device.pattern(), *expected.pattern());
    ASSERT_EQ(on_device.entries(), expected.entries());
    const std::vector<T> found = values(on_device);
    for (std::int64_t i = 0; i < A.rows(); ++i) {
      const auto terms = static_cast<double>(A.pattern()->offsets[i + 1] - A.pattern()->offsets[i]);
      for (std::int64_t k = expected.pattern()->offsets[i]; k < expected.pattern()->offsets[i + 1]; ++k) {
        const double x = static_cast<double>(found[static_cast<std::size_t>(k)]);
        const double y = static_cast<double>(expected.as<T>()[k]);
        ASSERT_LE(std::abs(x - y), (terms + 2) * epsilon(DType::f64) * static_cast<double>(scale.as<T>()[k]) +
                                       epsilon(dtype_of<T>) * std::max(std::abs(x), std::abs(y)))
            << "row " << i << ", entry " << k;
      }
    }
  }

  std::mt19937 random_{1};
  std::normal_distribution<double> distribution_;
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(CudaProductsTest, Types);

TYPED_TEST(CudaProductsTest, ProductIsTheHosts) {
  for (const auto& [name, A, B] : this->cases()) {
    SCOPED_TRACE(name);
    this->expect_product(this->device().product(to_device(this->device(), A), to_device(this->device(), B)),
                         A, B);
  }
}

TYPED_TEST(CudaProductsTest, RepeatsAndRefreshesToTheBit) {
  for (const auto& [name, A, B] : this->cases()) {
    SCOPED_TRACE(name);
    const CsrMatrix a = to_device(this->device(), A), b = to_device(this->device(), B);
    CsrMatrix C = this->device().product(a, b);
    const auto once = this->values(C);
    EXPECT_TRUE(same_bits<TypeParam>(once, this->values(this->device().product(a, b))));
    this->device().fill({C.values(), C.dtype(), C.entries(), 1}, std::numeric_limits<double>::quiet_NaN());
    this->device().product_values(a, b, C);
    EXPECT_TRUE(same_bits<TypeParam>(once, this->values(C)));
  }
}

TYPED_TEST(CudaProductsTest, TransposeIsTheHosts) {
  for (const auto& [name, A, B] : this->cases())
    for (const CsrMatrix* M : {&A, &B}) {
      SCOPED_TRACE(name);
      if (M->cols() > 1000000) continue;  // 16 GB of offsets
      const TransposedPattern expected = this->host().transpose(*M->pattern());
      const CsrMatrix m = to_device(this->device(), *M);
      const TransposedPattern found = this->device().transpose(*m.pattern());
      expect_same_pattern(this->device(), *found.pattern, *expected.pattern);
      const auto source = to_host(this->device(), found.source);
      EXPECT_TRUE(same_bits<std::int64_t>(source, expected.source.span()));

      const CsrMatrix MT = this->device().matrix(found.pattern, dtype_of<TypeParam>);
      this->device().gather(MT.dtype(), m.values(), found.source.span(), MT.values());
      std::vector<TypeParam> gathered;
      for (const std::int64_t k : source) gathered.push_back(M->as<TypeParam>()[k]);
      EXPECT_TRUE(same_bits<TypeParam>(this->values(MT), gathered));
    }
}

// R (A P) with P = (I - 2/3 D⁻¹ A) P₀, P₀ constant on aggregates of eight points in a row.
TYPED_TEST(CudaProductsTest, GalerkinProductOfAGrid) {
  const CsrMatrix A = this->poisson3d(40);
  const std::int64_t n = A.rows();
  std::vector<std::int32_t> aggregates(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < aggregates.size(); ++i) aggregates[i] = static_cast<std::int32_t>(i / 8);
  CsrMatrix smoother = this->host().matrix(A.pattern(), A.dtype());
  for (std::int64_t k = 0; k < A.entries(); ++k) {
    const TypeParam a = A.as<TypeParam>()[k];
    smoother.as<TypeParam>()[k] = a > 0 ? TypeParam{1} / 3 : -a / 9;
  }
  const CsrMatrix P = this->host().product(smoother, this->host().piecewise_constant(aggregates, A.dtype()));

  CudaSpace& device = this->device();
  const CsrMatrix a = to_device(device, A), p = to_device(device, P);
  const auto galerkin = [&](Space& space, const CsrMatrix& fine, const CsrMatrix& prolongation) {
    const TransposedPattern to_R = space.transpose(*prolongation.pattern());
    CsrMatrix R = space.matrix(to_R.pattern, fine.dtype());
    space.gather(fine.dtype(), prolongation.values(), to_R.source.span(), R.values());
    return std::pair(std::move(R), space.product(fine, prolongation));
  };
  const auto [R, AP] = galerkin(this->host(), A, P);
  const auto [r, ap] = galerkin(device, a, p);
  this->expect_product(ap, A, P);
  // The host's A P on both sides: a difference would otherwise be carried on.
  this->expect_product(device.product(r, to_device(device, AP)), R, AP);
  EXPECT_TRUE(same_bits<TypeParam>(this->values(device.product(r, ap)), this->values(device.product(r, ap))));
}

TYPED_TEST(CudaProductsTest, InspectIsTheHosts) {
  const TypeParam infinity = std::numeric_limits<TypeParam>::infinity();
  const TypeParam largest = std::numeric_limits<TypeParam>::max();
  const auto expect = [&](const CsrMatrix& A, Reason reason) {
    const Inspection expected = this->host().inspect(A);
    const Inspection found = this->device().inspect(to_device(this->device(), A));
    ASSERT_EQ(expected.fault, reason);
    EXPECT_EQ(found.fault, reason);
    EXPECT_EQ(found.rows_sum_to_zero, expected.rows_sum_to_zero);
  };
  for (const std::int64_t length : {3, 8, 9, 31, 32, 33, 100}) {
    SCOPED_TRACE(length);
    const auto make = [&] { return this->matrix_of_lengths(200, std::vector<std::int64_t>(77, length)); };
    expect(make(), Reason::none);
    CsrMatrix A = make();
    std::fill_n(A.as<TypeParam>(), A.entries(), largest);  // whose sum is not finite
    expect(A, Reason::none);
    for (const TypeParam bad : {infinity, -infinity, std::numeric_limits<TypeParam>::quiet_NaN()})
      for (const std::int64_t k : {std::int64_t{0}, A.entries() / 2, A.entries() - 1}) {
        A = make();
        A.as<TypeParam>()[k] = bad;
        expect(A, Reason::nonfinite_matrix);
      }
    for (const std::int64_t row : {0, 38, 76}) {
      A = make();
      std::fill_n(A.as<TypeParam>() + row * length, length, TypeParam{0});
      expect(A, Reason::zero_row);
      A.as<TypeParam>()[row * length + length - 1] = std::numeric_limits<TypeParam>::denorm_min();
      expect(A, Reason::none);
      A.as<TypeParam>()[row * length] = infinity;
      expect(A, Reason::nonfinite_matrix);
    }
  }
  expect(this->matrix_of_lengths(20, {3, 0, 3}), Reason::zero_row);
  expect(this->matrix_of_lengths(20, {}), Reason::none);
}

TYPED_TEST(CudaProductsTest, PiecewiseConstantIsTheHosts) {
  for (const std::vector<std::int32_t>& aggregates :
       {std::vector<std::int32_t>{}, {0}, {0, 0, 1, 0, 2, 1}, std::vector<std::int32_t>(1000, 0)}) {
    const CsrMatrix expected = this->host().piecewise_constant(aggregates, dtype_of<TypeParam>);
    const auto on_device = to_device<std::int32_t>(this->device(), aggregates);
    const CsrMatrix P = this->device().piecewise_constant(on_device.span(), dtype_of<TypeParam>);
    expect_same_pattern(this->device(), *P.pattern(), *expected.pattern());
    EXPECT_EQ(this->values(P), std::vector<TypeParam>(aggregates.size(), 1));
  }
}

// Two sums of n products in double, then rounded: |difference| <= (n + 2) eps_64 |M||x| + eps_T |y|.
TYPED_TEST(CudaProductsTest, DenseProductIsTheHosts) {
  using T = TypeParam;
  for (const std::int64_t n : {1, 2, 31, 32, 33, 100, 255, 256, 257, 1000}) {
    std::vector<T> M(static_cast<std::size_t>(n * n));
    std::ranges::generate(M, this->normal());
    const auto m = to_device<T>(this->device(), M);
    for (const std::int32_t lanes : {1, 2, 4, 5, 9})
      for (const Mode mode : {Mode::plain, Mode::transposed, Mode::conjugate_transposed}) {
        SCOPED_TRACE("n " + std::to_string(n) + ", lanes " + std::to_string(lanes));
        std::vector<T> x(static_cast<std::size_t>(n * lanes)), y(x.size()), scale(x.size());
        std::ranges::generate(x, this->normal());
        const auto on_host = [&](std::vector<T>& v) { return Vector{v.data(), dtype_of<T>, n, lanes}; };
        this->host().multiply_dense(M.data(), mode, on_host(x), on_host(y));

        const auto x_device = to_device<T>(this->device(), x);
        const auto y_device = this->device().template array<T>(n * lanes);
        const Vector x_view{x_device.data(), dtype_of<T>, n, lanes},
            y_view{y_device.data(), dtype_of<T>, n, lanes};
        this->device().multiply_dense(m.data(), mode, x_view, y_view);
        const auto found = to_host(this->device(), y_device);
        this->device().multiply_dense(m.data(), mode, x_view, y_view);
        EXPECT_TRUE(same_bits<T>(found, to_host(this->device(), y_device)));

        std::vector<T> M_size(M), x_size(x);
        for (T& v : M_size) v = std::abs(v);
        for (T& v : x_size) v = std::abs(v);
        this->host().multiply_dense(M_size.data(), mode, on_host(x_size), on_host(scale));
        for (std::size_t k = 0; k < y.size(); ++k)
          ASSERT_LE(
              std::abs(static_cast<double>(found[k]) - static_cast<double>(y[k])),
              static_cast<double>(n + 2) * epsilon(DType::f64) * static_cast<double>(scale[k]) +
                  epsilon(dtype_of<T>) * static_cast<double>(std::max(std::abs(found[k]), std::abs(y[k]))))
              << k;

        // A lane does not depend on those beside it.
        for (std::int32_t l = 0; l < lanes; ++l) {
          std::vector<T> x_lane, y_lane;
          for (std::int64_t i = 0; i < n; ++i) {
            x_lane.push_back(x[static_cast<std::size_t>(i * lanes + l)]);
            y_lane.push_back(found[static_cast<std::size_t>(i * lanes + l)]);
          }
          const auto x_alone = to_device<T>(this->device(), x_lane);
          const auto y_alone = this->device().template array<T>(n);
          this->device().multiply_dense(m.data(), mode, {x_alone.data(), dtype_of<T>, n, 1},
                                        {y_alone.data(), dtype_of<T>, n, 1});
          EXPECT_TRUE(same_bits<T>(y_lane, to_host(this->device(), y_alone)));
        }
      }
  }
}

TEST_F(CudaTest, EqualFindsADifferenceAnywhere) {
  const std::size_t size = 1000003;
  std::vector<std::byte> a(size);
  for (std::size_t k = 0; k < size; ++k) a[k] = static_cast<std::byte>(k % 251);
  const auto x = to_device<std::byte>(device(), a);
  EXPECT_TRUE(device().equal({}, {}));
  EXPECT_FALSE(device().equal(x.span(), x.span().first(size - 1)));
  std::vector<std::byte> b = a;
  for (const std::size_t k : {std::size_t{0}, std::size_t{5}, size / 2, size - 4, size - 1}) {
    b[k] ^= std::byte{1};
    const auto y = to_device<std::byte>(device(), b);
    b[k] ^= std::byte{1};
    // Aligned and not, with and without bytes behind the last word of 16.
    for (const std::size_t skip : {0, 1, 16})
      for (const std::size_t drop : {0, 2, 3}) {
        const auto part = [&](const Array<std::byte>& array) {
          return array.span().subspan(skip, size - skip - drop);
        };
        EXPECT_TRUE(device().equal(part(x), part(x)));
        EXPECT_EQ(device().equal(part(x), part(y)), k < skip || k >= size - drop)
            << k << ' ' << skip << ' ' << drop;
      }
  }
}

}  // namespace
}  // namespace amg
