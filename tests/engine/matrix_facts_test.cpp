#include "matrix/matrix_facts.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "amg/error.h"

namespace amg {
namespace {

template <class T>
class MatrixFactsOf : public testing::Test {
 protected:
  // -ε u_xx - u_yy on n x n points, five-point, with `convection` added to the entry to the left.
  void grid(std::int32_t n, double weak, double convection = 0.0, double diagonal_factor = 1.0) {
    for (std::int32_t y = 0; y < n; ++y)
      for (std::int32_t x = 0; x < n; ++x) {
        const std::int32_t i = y * n + x;
        append(i, diagonal_factor * (2 * weak + 2 + convection));
        if (x > 0) append(i - 1, -weak - convection);
        if (x + 1 < n) append(i + 1, -weak);
        if (y > 0) append(i - n, -1.0);
        if (y + 1 < n) append(i + n, -1.0);
        close();
      }
  }
  void append(std::int32_t column, double value) {
    columns.push_back(column);
    values.push_back(static_cast<T>(value));
  }
  void close() { offsets.push_back(std::ssize(columns)); }
  MatrixFacts facts(std::int32_t block_dim = 1) const {
    return matrix_facts(std::span(offsets), std::span(columns), std::span<const T>(values), block_dim);
  }
  Distance distance(std::int64_t limit, std::int32_t block_dim = 1) const {
    return distance_across(std::span(offsets), std::span(columns), std::span<const T>(values), block_dim,
                           limit);
  }

  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<T> values;
};

using Values = testing::Types<float, double>;
TYPED_TEST_SUITE(MatrixFactsOf, Values);

TYPED_TEST(MatrixFactsOf, Laplacian) {
  this->grid(10, 1.0);
  const MatrixFacts facts = this->facts();
  EXPECT_TRUE(facts.symmetric);
  EXPECT_TRUE(facts.one_sign);
  EXPECT_EQ(facts.same_sign, 0.0);
  EXPECT_EQ(facts.largest_coupling, 1.0);
  // 2 n (n - 1) links, each in two rows.
  EXPECT_NEAR(facts.mean_coupling, 4.0 * 10 * 9 / 4.0 / 100.0, 1e-12);
  EXPECT_EQ(facts.unevenness, 0.0);
}

TYPED_TEST(MatrixFactsOf, DistanceFromCornerToCorner) {
  this->grid(10, 0.01);
  EXPECT_EQ(this->distance(1000).steps, 18);
  EXPECT_EQ(this->distance(18).steps, 18);
  EXPECT_EQ(this->distance(7).steps, 7);
  EXPECT_EQ(this->distance(1000).jumps, 0.0);
}

TYPED_TEST(MatrixFactsOf, JumpsBetweenRows) {
  // A path of four rows; between the second and the third the coefficient jumps by 100.
  for (const auto& [before, diagonal, after] :
       {std::array{0.0, 2.0, -1.0}, {-1.0, 2.0, -1.0}, {-1.0, 200.0, -100.0}, {-100.0, 200.0, 0.0}}) {
    const auto i = static_cast<std::int32_t>(this->offsets.size()) - 1;
    if (before != 0) this->append(i - 1, before);
    this->append(i, diagonal);
    if (after != 0) this->append(i + 1, after);
    this->close();
  }
  EXPECT_EQ(this->distance(1000).steps, 3);
  EXPECT_NEAR(this->distance(1000).jumps, 2.0 / 3.0, 1e-12);
}

TYPED_TEST(MatrixFactsOf, TheFirstRowMayBeInTheMiddle) {
  // A star of three rays of 1, 2 and 3 rows around row 0.
  for (const std::vector<std::int32_t>& row :
       {std::vector{0, 1, 2, 4}, {0, 1}, {0, 2, 3}, {2, 3}, {0, 4, 5}, {4, 5, 6}, {5, 6}}) {
    for (const std::int32_t column : row) this->append(column, 1.0);
    this->close();
  }
  EXPECT_EQ(this->distance(1000).steps, 5);
}

TYPED_TEST(MatrixFactsOf, WhatIsNotReachedDoesNotCount) {
  this->append(0, 1.0);
  this->close();
  this->append(1, 1.0);
  this->close();
  EXPECT_EQ(this->distance(1000).steps, 0);
  EXPECT_EQ(this->distance(1000).jumps, 0.0);
}

TYPED_TEST(MatrixFactsOf, AnisotropyIsUneven) {
  this->grid(10, 0.01);
  const MatrixFacts facts = this->facts();
  EXPECT_TRUE(facts.symmetric);
  EXPECT_NEAR(facts.unevenness, 2.0, 1e-6);
}

TYPED_TEST(MatrixFactsOf, SymmetryIsToRounding) {
  this->grid(10, 1.0, 1e-3);
  EXPECT_FALSE(this->facts().symmetric);
  for (auto& value : this->values)  // 1.001 becomes 1 + 2 eps
    if (value < -1) value = -1 - 2 * std::numeric_limits<TypeParam>::epsilon();
  EXPECT_TRUE(this->facts().symmetric);
}

TYPED_TEST(MatrixFactsOf, SignsAndDominance) {
  this->grid(5, 1.0, 0.0, -0.5);
  EXPECT_TRUE(this->facts().one_sign);
  EXPECT_EQ(this->facts().largest_coupling, 2.0);
  EXPECT_EQ(this->facts().same_sign, 1.0);
  this->values[0] = -this->values[0];  // one diagonal entry, and the two of its row agree with it no more
  EXPECT_FALSE(this->facts().one_sign);
  EXPECT_NEAR(this->facts().same_sign, 78.0 / 80.0, 1e-12);
}

TYPED_TEST(MatrixFactsOf, TheNegativeIsTheSame) {
  this->grid(10, 0.3, 0.7);
  const MatrixFacts facts = this->facts();
  for (auto& value : this->values) value = -value;
  const MatrixFacts negative = this->facts();
  EXPECT_TRUE(negative.one_sign);
  EXPECT_EQ(negative.same_sign, facts.same_sign);
  EXPECT_EQ(negative.mean_coupling, facts.mean_coupling);
  EXPECT_EQ(negative.unevenness, facts.unevenness);
  EXPECT_EQ(negative.symmetric, facts.symmetric);
}

TYPED_TEST(MatrixFactsOf, SignsWithinANodeMeanNothing) {
  this->append(0, 2.0);
  this->append(1, 1.0);
  this->append(2, -1.0);
  this->close();
  this->append(1, 2.0);
  this->close();
  this->append(2, 2.0);
  this->close();
  this->append(3, 2.0);
  this->close();
  EXPECT_EQ(this->facts().same_sign, 0.5);
  EXPECT_EQ(this->facts(2).same_sign, 0.0);
}

TYPED_TEST(MatrixFactsOf, ComponentsAreComparedWithThemselves) {
  // Two nodes; the components differ by a factor of 100.
  for (std::int32_t node = 0; node < 2; ++node)
    for (std::int32_t component = 0; component < 2; ++component) {
      const double scale = component == 0 ? 1.0 : 100.0;
      for (std::int32_t column = 0; column < 4; ++column)
        this->append(column, column == 2 * node + component ? 4 * scale
                             : column % 2 == component      ? -scale
                                                            : -1.0);
      this->close();
    }
  EXPECT_NEAR(this->facts(2).unevenness, 0.0, 1e-12);
  EXPECT_NEAR(this->distance(9, 2).jumps, 0.0, 1e-12);
  EXPECT_GT(this->facts().unevenness, 0.5);
  EXPECT_GT(this->distance(9).jumps, 0.5);
}

TYPED_TEST(MatrixFactsOf, ADiagonalOfZeroIsNotDominant) {
  this->append(1, 1.0);
  this->close();
  this->append(0, 1.0);
  this->close();
  const MatrixFacts facts = this->facts();
  EXPECT_FALSE(facts.one_sign);
  EXPECT_TRUE(std::isinf(facts.largest_coupling));
}

TYPED_TEST(MatrixFactsOf, EntriesAtRoundingAreNone) {
  this->append(0, 2.0);
  this->append(1, -1.0);
  this->append(2, std::numeric_limits<TypeParam>::epsilon());
  this->close();
  this->append(1, 1.0);
  this->close();
  this->append(2, 1.0);
  this->close();
  EXPECT_EQ(this->facts().unevenness, 0.0);
}

TYPED_TEST(MatrixFactsOf, NoMatrixIsAnError) {
  this->append(1, 1.0);
  this->close();
  EXPECT_THROW(this->facts(), Error);
  EXPECT_THROW(this->distance(1), Error);
}

}  // namespace
}  // namespace amg
