// Transposes and products of sparse matrices, against dense ones.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <ranges>
#include <string>
#include <vector>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg {
namespace {

// A dense matrix and which of its entries are stored: zeros may be, and a product stores them where they
// cancel.
struct Dense {
  Eigen::MatrixXd values;
  Eigen::Matrix<bool, Eigen::Dynamic, Eigen::Dynamic> stored;

  Dense(std::int64_t rows, std::int64_t cols)
      : values(Eigen::MatrixXd::Zero(rows, cols)), stored(decltype(stored)::Constant(rows, cols, false)) {}

  void set(std::int64_t i, std::int64_t j, double value) {
    values(i, j) = value;
    stored(i, j) = true;
  }
};

Dense operator*(const Dense& A, const Dense& B) {
  Dense C(A.values.rows(), B.values.cols());
  C.values = A.values * B.values;
  C.stored = ((A.stored.cast<int>() * B.stored.cast<int>()).array() > 0).matrix();
  return C;
}

// Small integers, so that every product of two or three of them is exact in float32 whatever the order of its
// sums.
Dense random_integers(std::int64_t rows, std::int64_t cols, double density, unsigned seed) {
  std::mt19937 random(seed);
  std::bernoulli_distribution is_stored(density);
  Dense A(rows, cols);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j)
      if (is_stored(random)) A.set(i, j, static_cast<double>(random() % 9) - 4.0);
  return A;
}

struct Case {
  std::string name;
  Dense A, B;
};

// Rows and columns without entries, rows as wide as the matrix, widths on either side of 64, 4096 and 32768.
std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back({"square", random_integers(150, 150, 0.05, 1), random_integers(150, 150, 0.05, 2)});
  all.push_back({"rectangular", random_integers(70, 300, 0.03, 3), random_integers(300, 20, 0.1, 4)});
  all.push_back({"mostly empty", random_integers(200, 90, 0.004, 5), random_integers(90, 130, 0.01, 6)});
  all.push_back({"full", random_integers(40, 50, 1.0, 7), random_integers(50, 65, 1.0, 8)});
  all.push_back({"no entries", Dense(5, 6), Dense(6, 7)});
  all.push_back({"no rows", Dense(0, 6), random_integers(6, 7, 0.5, 9)});
  all.push_back({"nothing between", Dense(5, 0), Dense(0, 7)});
  for (const std::int64_t width : {64, 4096, 4097, 32768, 100000}) {
    Case wide{"wide " + std::to_string(width), random_integers(3, 6, 0.7, 10),
              random_integers(6, width, 0.001, 11)};
    for (std::int64_t k = 0; k < 6; ++k) wide.B.set(k, k % 2 ? 0 : width - 1, 1.0);
    all.push_back(std::move(wide));
  }
  return all;
}

template <class T>
class ProductsTest : public testing::Test {
 protected:
  ~ProductsTest() override { Arena::instance().resize(threads_); }

  CsrMatrix sparse(const Dense& A) {
    auto pattern = std::make_shared<Pattern>();
    pattern->rows = A.values.rows();
    pattern->cols = A.values.cols();
    pattern->offsets = space_.array<std::int64_t>(pattern->rows + 1);
    pattern->columns = space_.array<std::int32_t>(A.stored.count());
    CsrMatrix result = space_.matrix(pattern, dtype_of<T>);
    std::int64_t k = 0;
    for (std::int64_t i = 0; i < pattern->rows; ++i) {
      pattern->offsets[i] = k;
      for (std::int64_t j = 0; j < pattern->cols; ++j) {
        if (!A.stored(i, j)) continue;
        pattern->columns[k] = static_cast<std::int32_t>(j);
        result.as<T>()[k++] = static_cast<T>(A.values(i, j));
      }
    }
    pattern->offsets[pattern->rows] = k;
    return result;
  }

  CsrMatrix transpose(const CsrMatrix& A) {
    TransposedPattern to_AT = space_.transpose(*A.pattern());
    CsrMatrix AT = space_.matrix(to_AT.pattern, A.dtype());
    space_.gather(A.dtype(), A.values(), to_AT.source.span(), AT.values());
    return AT;
  }

  Workspace workspace_{std::pmr::new_delete_resource()};
  HostSpace space_{workspace_};
  int threads_ = Arena::instance().threads();
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(ProductsTest, Types);

template <class T>
bool same_bits(std::span<T> a, std::span<T> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

template <class T>
std::span<T> values(const CsrMatrix& A) {
  return {A.as<T>(), static_cast<std::size_t>(A.entries())};
}

// Same pattern and same values, to the bit; patterns are canonical, so this needs no tolerance.
template <class T>
void expect_same(const CsrMatrix& A, const CsrMatrix& B) {
  ASSERT_EQ(A.rows(), B.rows());
  ASSERT_EQ(A.cols(), B.cols());
  EXPECT_TRUE(same_bits(A.pattern()->offsets.span(), B.pattern()->offsets.span()));
  EXPECT_TRUE(same_bits(A.pattern()->columns.span(), B.pattern()->columns.span()));
  EXPECT_TRUE(std::ranges::equal(values<T>(A), values<T>(B)));  // -0 and 0 are equal here
}

TYPED_TEST(ProductsTest, ProductIsTheDenseOne) {
  for (const auto& [name, A, B] : cases()) {
    SCOPED_TRACE(name);
    expect_same<TypeParam>(this->space_.product(this->sparse(A), this->sparse(B)), this->sparse(A * B));
  }
}

// Two roundings per term of a sum in double, and one to T: |fl(AB) - AB| <= (k + 2) eps_64 |A||B| + eps_T
// |AB|.
TYPED_TEST(ProductsTest, SumsRunInDouble) {
  std::mt19937 random(12);
  std::normal_distribution<TypeParam> normal;
  Dense A(30, 400), B(400, 25);
  for (double& a : A.values.reshaped()) a = static_cast<double>(normal(random));
  for (double& b : B.values.reshaped()) b = static_cast<double>(normal(random));
  A.stored.setConstant(true);
  B.stored.setConstant(true);
  const CsrMatrix C = this->space_.product(this->sparse(A), this->sparse(B));
  using LongMatrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  const LongMatrix exact = A.values.cast<long double>() * B.values.cast<long double>();
  const Eigen::MatrixXd scale = A.values.cwiseAbs() * B.values.cwiseAbs();
  for (std::int64_t i = 0; i < 30; ++i)
    for (std::int64_t j = 0; j < 25; ++j) {
      const auto error = static_cast<double>(std::abs(C.as<TypeParam>()[25 * i + j] - exact(i, j)));
      EXPECT_LE(error, 402 * epsilon(DType::f64) * scale(i, j) +
                           epsilon(dtype_of<TypeParam>) * static_cast<double>(std::abs(exact(i, j))));
    }
}

TYPED_TEST(ProductsTest, ProductValuesGiveTheBitsOfProduct) {
  std::mt19937 random(13);
  std::normal_distribution<TypeParam> normal;
  for (const auto& [name, A, B] : cases()) {
    SCOPED_TRACE(name);
    const CsrMatrix a = this->sparse(A), b = this->sparse(B);
    CsrMatrix C = this->space_.product(a, b);
    for (TypeParam& v : values<TypeParam>(a)) v = normal(random);
    for (TypeParam& v : values<TypeParam>(b)) v = normal(random);
    this->space_.product_values(a, b, C);
    const CsrMatrix afresh = this->space_.product(a, b);
    EXPECT_TRUE(same_bits(values<TypeParam>(C), values<TypeParam>(afresh)));
  }
}

TYPED_TEST(ProductsTest, TransposeIsTheDenseOne) {
  for (const auto& [name, A, B] : cases())
    for (const Dense& M : {A, B}) {
      SCOPED_TRACE(name);
      Dense MT(M.values.cols(), M.values.rows());
      MT.values = M.values.transpose();
      MT.stored = M.stored.transpose();
      expect_same<TypeParam>(this->transpose(this->sparse(M)), this->sparse(MT));
    }
}

TYPED_TEST(ProductsTest, TransposeOfAProduct) {
  for (const auto& [name, A, B] : cases()) {
    SCOPED_TRACE(name);
    const CsrMatrix a = this->sparse(A), b = this->sparse(B);
    expect_same<TypeParam>(this->transpose(this->space_.product(a, b)),
                           this->space_.product(this->transpose(b), this->transpose(a)));
  }
}

// Enough rows for many chunks of every kernel, and normal numbers, whose sums do depend on their order.
TYPED_TEST(ProductsTest, SameBitsAtAnyNumberOfThreads) {
  std::mt19937 random(14);
  std::normal_distribution<TypeParam> normal;
  const std::int64_t n = 20000;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = pattern->cols = n;
  pattern->offsets = this->space_.template array<std::int64_t>(n + 1);
  pattern->columns = this->space_.template array<std::int32_t>(4 * n);
  for (std::int64_t i = 0; i <= n; ++i) pattern->offsets[i] = 4 * i;
  for (std::int64_t k = 0; k < 4 * n; ++k)  // one column from each quarter
    pattern->columns[k] = static_cast<std::int32_t>(k % 4 * (n / 4) + random() % (n / 4));
  const CsrMatrix A = this->space_.matrix(pattern, dtype_of<TypeParam>);
  for (TypeParam& v : values<TypeParam>(A)) v = normal(random);

  Arena::instance().resize(1);
  const CsrMatrix AT = this->transpose(A), C = this->space_.product(AT, A);
  for (const int threads : {2, 3, 4, 20}) {
    SCOPED_TRACE(threads);
    Arena::instance().resize(threads);
    expect_same<TypeParam>(this->transpose(A), AT);
    const CsrMatrix again = this->space_.product(AT, A);
    expect_same<TypeParam>(again, C);
    EXPECT_TRUE(same_bits(values<TypeParam>(again), values<TypeParam>(C)));
  }
}

TEST(EqualTest, FindsADifferenceAnywhere) {
  Workspace workspace(std::pmr::new_delete_resource());
  HostSpace space(workspace);
  const std::size_t size = 1000003;
  std::vector<std::byte> a(size);
  for (std::size_t k = 0; k < size; ++k) a[k] = static_cast<std::byte>(k % 251);
  std::vector<std::byte> b = a;
  EXPECT_TRUE(space.equal(a, b));
  EXPECT_TRUE(space.equal({}, {}));
  EXPECT_FALSE(space.equal(a, std::span(b).first(size - 1)));
  for (const std::size_t k :
       {std::size_t{0}, size / 2, (std::size_t{1} << 18) - 1, std::size_t{1} << 18, size - 1}) {
    b[k] ^= std::byte{1};
    EXPECT_FALSE(space.equal(a, b)) << k;
    b[k] ^= std::byte{1};
  }
}

}  // namespace
}  // namespace amg
