#include "matrix/column_coloring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "amg/error.h"

namespace amg {
namespace {

struct Rows {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> columns;
  std::int32_t column_count = 0;

  void append(const std::set<std::int32_t>& row) {
    columns.insert(columns.end(), row.begin(), row.end());
    offsets.push_back(std::ssize(columns));
  }
  ColumnColoring color() const { return color_columns(offsets, columns, column_count); }
};

Rows five_point(std::int32_t n, bool periodic) {
  Rows rows;
  rows.column_count = n * n;
  for (std::int32_t y = 0; y < n; ++y)
    for (std::int32_t x = 0; x < n; ++x) {
      std::set<std::int32_t> row;
      for (const auto [dx, dy] : {std::array{0, 0}, {1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
        const std::int32_t i = x + dx, j = y + dy;
        if (periodic)
          row.insert((j + n) % n * n + (i + n) % n);
        else if (0 <= i && i < n && 0 <= j && j < n)
          row.insert(j * n + i);
      }
      rows.append(row);
    }
  return rows;
}

Rows random_rows(std::int32_t row_count, std::int32_t column_count, int per_row, unsigned seed) {
  std::mt19937 random(seed);
  Rows rows;
  rows.column_count = column_count;
  for (std::int32_t i = 0; i < row_count; ++i) {
    std::set<std::int32_t> row;
    for (auto k = random() % static_cast<unsigned>(per_row + 1); k > 0; --k)
      row.insert(static_cast<std::int32_t>(random() % static_cast<unsigned>(column_count)));
    rows.append(row);
  }
  return rows;
}

void expect_valid(const Rows& rows, const ColumnColoring& coloring) {
  ASSERT_EQ(std::ssize(coloring.colors), rows.column_count);
  std::set<std::int32_t> all(coloring.colors.begin(), coloring.colors.end());
  EXPECT_EQ(std::ssize(all), coloring.count);
  if (!all.empty()) {
    EXPECT_EQ(*all.begin(), 0);
    EXPECT_EQ(*all.rbegin(), coloring.count - 1);
  }
  for (std::size_t i = 0; i + 1 < rows.offsets.size(); ++i) {
    std::set<std::int32_t> seen;
    for (auto k = rows.offsets[i]; k < rows.offsets[i + 1]; ++k)
      ASSERT_TRUE(seen.insert(coloring.colors[rows.columns[k]]).second) << "row " << i;
  }
}

TEST(ColumnColoring, KeepsTheColumnsOfEveryRowApart) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Rows rows =
        random_rows(1 + static_cast<std::int32_t>(seed * 7 % 60),
                    1 + static_cast<std::int32_t>(seed * 13 % 90), static_cast<int>(seed % 9), seed);
    expect_valid(rows, rows.color());
  }
}

TEST(ColumnColoring, NeedsMoreThanOneWordOfColours) {
  const Rows rows = random_rows(60, 300, 200, 1);
  const ColumnColoring coloring = rows.color();
  EXPECT_GT(coloring.count, 64);
  expect_valid(rows, coloring);
}

TEST(ColumnColoring, IsNearTheStencilsSize) {
  for (const std::int32_t n : {3, 10, 31, 64, 128}) {
    const Rows rows = five_point(n, false);
    EXPECT_LE(rows.color().count, 7) << n;
    expect_valid(rows, rows.color());
    const Rows periodic = five_point(n, true);
    EXPECT_LE(periodic.color().count, 9) << n;
    expect_valid(periodic, periodic.color());
  }
}

TEST(ColumnColoring, OfADiagonalIsOneColourAndOfADenseRowAll) {
  Rows diagonal;
  diagonal.column_count = 5;
  for (std::int32_t i = 0; i < 5; ++i) diagonal.append({i});
  EXPECT_EQ(diagonal.color().count, 1);
  Rows dense;
  dense.column_count = 5;
  dense.append({0, 1, 2, 3, 4});
  EXPECT_EQ(dense.color().count, 5);
}

TEST(ColumnColoring, OfNoEntriesAndNoColumns) {
  Rows empty;
  empty.column_count = 3;
  empty.append({});
  expect_valid(empty, empty.color());
  expect_valid(Rows{}, Rows{}.color());
}

TEST(ColumnColoring, RefusesIndicesThatLeadOut) {
  const std::array<std::int64_t, 3> offsets{0, 1, 2};
  const std::array<std::int32_t, 2> columns{0, 2};
  EXPECT_NO_THROW(color_columns(offsets, columns, 3));
  EXPECT_THROW(color_columns(offsets, columns, 2), Error);
  EXPECT_THROW(color_columns(std::array<std::int64_t, 3>{0, 2, 1}, columns, 3), Error);
  EXPECT_THROW(color_columns(std::array<std::int64_t, 2>{0, 1}, columns, 3), Error);
}

}  // namespace
}  // namespace amg
