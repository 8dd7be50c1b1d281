// Matrices as callers hold them, made canonical: against a map from places to sums.
#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "amg/error.h"
#include "matrix/canonical_pattern.h"
#include "space_fixture.h"

namespace amg {
namespace {

using Format = InputMatrix::Format;

struct Entry {
  std::int64_t row, column;
  double value;
};

// A list of entries, in the order in which they are stored.
struct Given {
  std::string name;
  std::int64_t n;
  std::vector<Entry> entries;
};

std::vector<Given> all_given() {
  std::mt19937 random(1);
  std::normal_distribution<double> value;
  const std::int64_t n = 3000;
  std::vector<Entry> sorted;
  for (std::int64_t i = 0; i < n; ++i)
    for (const std::int64_t j : {i / 2, (n + i) / 2})
      if (i % 7 != 3) sorted.push_back({i, j, value(random)});  // some rows are empty
  std::vector<Entry> shuffled = sorted;
  std::ranges::shuffle(shuffled, random);
  std::vector<Entry> repeated = shuffled;
  for (int k = 0; k < 4000; ++k) {
    repeated.push_back(repeated[random() % repeated.size()]);
    repeated.back().value = value(random);
  }
  std::ranges::shuffle(repeated, random);
  return {{"canonical", n, sorted},
          {"shuffled", n, shuffled},
          {"with duplicates", n, repeated},
          {"one place given thrice", 1, {{0, 0, 1e8}, {0, 0, 1}, {0, 0, -1e8}}},
          {"no entries", 3, {}}};
}

class InputMatrixTest : public SpaceTest {
 protected:
  // The arrays of an input, in the memory of the space.
  struct Input {
    Buffer rows, columns, values;
    InputMatrix matrix;
  };

  Buffer upload(const void* data, std::size_t bytes) {
    Buffer buffer(space.memory(), bytes);
    space.upload({static_cast<const std::byte*>(data), bytes}, buffer.data());
    return buffer;
  }

  IndexArray upload(const std::vector<std::int64_t>& index, bool wide, Buffer& to) {
    const std::vector<std::int32_t> narrow(index.begin(), index.end());
    to = wide ? upload(index.data(), 8 * index.size()) : upload(narrow.data(), 4 * index.size());
    return {to.data(), static_cast<std::int64_t>(index.size()), wide};
  }

  void set_values(Input& input, const std::vector<double>& values) {
    visit(site.dtype, [&]<class T>() {
      const std::vector<T> converted(values.begin(), values.end());
      input.values = upload(converted.data(), converted.size() * sizeof(T));
    });
    input.matrix.values = input.values.data();
    input.matrix.stored = static_cast<std::int64_t>(values.size());
  }

  Input input(Format format, std::int64_t n, const std::vector<std::int64_t>& rows,
              const std::vector<std::int64_t>& columns, const std::vector<double>& values, bool wide) {
    Input out;
    out.matrix.format = format;
    out.matrix.rows = n;
    out.matrix.dtype = site.dtype;
    out.matrix.row_index = upload(rows, wide, out.rows);
    out.matrix.col_index = upload(columns, wide, out.columns);
    set_values(out, values);
    return out;
  }

  // csr keeps the order within rows. Padding is stored behind the last row (csr) or anywhere (coo).
  Input csr_or_coo(Format format, const Given& given, bool wide, bool padded = false) {
    std::vector<Entry> entries = given.entries;
    std::vector<std::int64_t> rows, columns;
    std::vector<double> values;
    if (format == Format::csr) {
      std::ranges::stable_sort(entries, {}, &Entry::row);
      rows.assign(static_cast<std::size_t>(given.n) + 1, 0);
      for (const Entry& entry : entries) ++rows[static_cast<std::size_t>(entry.row) + 1];
      std::partial_sum(rows.begin(), rows.end(), rows.begin());
    } else if (padded) {
      entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(entries.size() / 2),
                     {given.n, given.n, 17.0});
    }
    if (padded) entries.push_back({given.n, given.n, 19.0});
    for (const auto& [row, column, value] : entries) {
      if (format == Format::coo) rows.push_back(row);
      columns.push_back(column);
      values.push_back(value);
    }
    return input(format, given.n, rows, columns, values, wide);
  }

  // Sums in the precision of the matrix, in the order of the entries.
  Sparse reference(const Given& given) {
    return visit(site.dtype, [&]<class T>() {
      std::map<std::pair<std::int64_t, std::int64_t>, T> places;
      for (const auto& [row, column, value] : given.entries) places[{row, column}] += static_cast<T>(value);
      problems::Entries triplets;
      for (const auto& [place, sum] : places)
        triplets.emplace_back(static_cast<std::int32_t>(place.first), static_cast<std::int32_t>(place.second),
                              static_cast<double>(sum));
      return problems::from_entries(static_cast<int>(given.n), triplets);
    });
  }

  Sparse canonical(const CanonicalPattern& pattern, const Input& input) {
    Buffer storage;
    return site.download(pattern.matrix(space, input.matrix, storage));
  }

  std::string error_of(const Input& input) {
    try {
      CanonicalPattern pattern(space, input.matrix);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};
AMG_IN_EVERY_SPACE(InputMatrixTest);

TEST_P(InputMatrixTest, EveryFormatGivesTheSameMatrix) {
  for (const Given& given : all_given())
    for (const Format format : {Format::csr, Format::coo})
      for (const bool wide : {false, true})
        for (const bool padded : {false, true}) {
          SCOPED_TRACE(testing::Message() << given.name << (format == Format::csr ? ", csr" : ", coo")
                                          << (wide ? ", int64" : ", int32") << (padded ? ", padded" : ""));
          const Input in = csr_or_coo(format, given, wide, padded);
          const CanonicalPattern pattern(space, in.matrix);
          EXPECT_TRUE(same_bits(canonical(pattern, in), reference(given)));
        }
}

TEST_P(InputMatrixTest, DenseMatrixHasThePatternOfItsNonzeros) {
  for (const double density : {0.0, 0.1, 1.0}) {
    std::mt19937 random(2);
    Lanes dense = problems::random_lanes(40, 40);
    for (double& a : dense.reshaped())
      if (std::uniform_real_distribution<double>()(random) >= density) a = 0.0;
    if (density > 0) dense(3, 4) = std::numeric_limits<double>::quiet_NaN();  // is not zero
    Input in;
    in.matrix.format = Format::dense;
    in.matrix.rows = 40;
    in.matrix.dtype = site.dtype;
    set_values(in, {dense.data(), dense.data() + dense.size()});
    const CanonicalPattern pattern(space, in.matrix);
    const Sparse result = canonical(pattern, in);
    EXPECT_EQ(result.nonZeros(), (dense.array() != 0.0).count());
    for (int i = 0; i < 40; ++i)
      for (Sparse::InnerIterator a(result, i); a; ++a)
        EXPECT_TRUE(a.value() == site.rounded(dense)(i, a.col()) || (i == 3 && a.col() == 4));

    // Recognised by the places of its nonzeros.
    EXPECT_TRUE(pattern.describes(space, in.matrix));
    dense(3, 4) = 2.5;
    set_values(in, {dense.data(), dense.data() + dense.size()});
    EXPECT_EQ(pattern.describes(space, in.matrix), density > 0);
    dense(3, 4) = -0.0;
    set_values(in, {dense.data(), dense.data() + dense.size()});
    EXPECT_EQ(pattern.describes(space, in.matrix), density == 0);
  }
}

TEST_P(InputMatrixTest, ValuesInCanonicalOrderStayWhereTheyLie) {
  for (const Given& given : all_given())
    for (const Format format : {Format::csr, Format::coo})
      for (const bool wide : {false, true}) {
        SCOPED_TRACE(given.name);
        const Input in = csr_or_coo(format, given, wide);
        const CanonicalPattern pattern(space, in.matrix);
        Buffer storage;
        const bool is_canonical = given.name == "canonical" || given.name == "no entries";
        EXPECT_EQ(pattern.matrix(space, in.matrix, storage).values == in.matrix.values, is_canonical);
        EXPECT_EQ(storage.bytes() == 0, is_canonical);
      }
}

TEST_P(InputMatrixTest, NewValuesTakeTheSameWay) {
  for (Given given : all_given())
    for (const Format format : {Format::csr, Format::coo}) {
      SCOPED_TRACE(given.name);
      const CanonicalPattern pattern(space, csr_or_coo(format, given, false).matrix);
      for (Entry& entry : given.entries) entry.value = 1.0 - 3.0 * entry.value;
      const Input in = csr_or_coo(format, given, false);
      ASSERT_TRUE(pattern.describes(space, in.matrix));
      EXPECT_TRUE(same_bits(canonical(pattern, in), reference(given)));
    }
}

// Patterns are compared entry by entry: there is no hash that two of them could share.
TEST_P(InputMatrixTest, DescribesNoOtherPattern) {
  for (const Given& given : all_given()) {
    if (given.entries.size() < 4) continue;
    for (const Format format : {Format::csr, Format::coo})
      for (const bool wide : {false, true}) {
        SCOPED_TRACE(given.name);
        const Input in = csr_or_coo(format, given, wide);
        const CanonicalPattern pattern(space, in.matrix);
        EXPECT_TRUE(pattern.describes(space, csr_or_coo(format, given, wide).matrix));
        for (const std::size_t k : {std::size_t{0}, given.entries.size() / 2, given.entries.size() - 1}) {
          Given other = given;
          other.entries[k].column = (other.entries[k].column + 1) % given.n;
          EXPECT_FALSE(pattern.describes(space, csr_or_coo(format, other, wide).matrix));
          other = given;
          other.entries[k].row = (other.entries[k].row + 5) % given.n;
          EXPECT_FALSE(pattern.describes(space, csr_or_coo(format, other, wide).matrix));
        }
        Given larger = given;
        ++larger.n;
        EXPECT_FALSE(pattern.describes(space, csr_or_coo(format, larger, wide).matrix));
        EXPECT_FALSE(pattern.describes(space, csr_or_coo(format, given, !wide).matrix));
        const Format another = format == Format::csr ? Format::coo : Format::csr;
        EXPECT_FALSE(pattern.describes(space, csr_or_coo(another, given, wide).matrix));
      }
  }
}

TEST_P(InputMatrixTest, MalformedInputIsAnErrorThatNamesThePlace) {
  struct Malformed {
    Format format;
    std::vector<std::int64_t> rows, columns;
    std::size_t values;
    std::string message;
  };
  const std::vector<Malformed> inputs{
      {Format::csr, {0, 1, 2}, {0, 1}, 2, "A: a matrix of 3 rows needs 4 row offsets, not 3"},
      {Format::csr, {1, 1, 2, 3}, {0, 1, 2}, 3, "A: row offsets start at 1, not at 0"},
      {Format::csr, {0, 2, 1, 3}, {0, 1, 2}, 3, "A: row offsets decrease at row 1"},
      {Format::csr, {0, -1, 2, 3}, {0, 1, 2}, 3, "A: row offsets decrease at row 0"},
      {Format::csr, {0, 1, 2, 4}, {0, 1, 2}, 3, "A: row offsets end at 4, beyond the 3 stored entries"},
      {Format::csr, {0, 1, 2, 3}, {0, 1, 2}, 2, "A: row offsets end at 3, beyond the 2 stored entries"},
      {Format::csr, {0, 1, 2, 3}, {0, 3, 2}, 3, "A: column 3 of entry 1 is outside 0 … 2"},
      {Format::csr, {0, 1, 2, 3}, {0, 1, -2}, 3, "A: column -2 of entry 2 is outside 0 … 2"},
      {Format::coo, {0, 1}, {0, 1, 2}, 3, "A: 3 values with 2 row and 3 column numbers"},
      {Format::coo, {0, 1, 2}, {0, 1}, 3, "A: 3 values with 3 row and 2 column numbers"},
      {Format::coo, {0, -1, 2}, {0, 1, 2}, 3, "A: negative row number in entry 1"},
      {Format::coo, {2, 1, 0}, {0, 1, 7}, 3, "A: column 7 of entry 2 is outside 0 … 2"},
  };
  for (const auto& [format, rows, columns, values, message] : inputs)
    for (const bool wide : {false, true})
      EXPECT_EQ(error_of(input(format, 3, rows, columns, std::vector<double>(values, 1.0), wide)), message);
}

TEST_P(InputMatrixTest, ColumnsOfPaddingAreNotLookedAt) {
  const Input csr = input(Format::csr, 2, {0, 1, 2}, {0, 1, 99, -7}, {1, 2, 3, 4}, false);
  const Input coo = input(Format::coo, 2, {0, 2, 1, 5}, {0, -3, 1, 99}, {1, 3, 2, 4}, false);
  for (const Input* in : {&csr, &coo}) {
    const CanonicalPattern pattern(space, in->matrix);
    EXPECT_EQ(Lanes(canonical(pattern, *in)), (Lanes(2, 2) << 1, 0, 0, 2).finished());
  }
}

TEST_P(InputMatrixTest, TooManyRowsForOneProcess) {
  InputMatrix huge;
  huge.format = Format::coo;
  huge.rows = std::int64_t{1} << 31;
  EXPECT_THROW(CanonicalPattern(space, huge), Error);
}

}  // namespace
}  // namespace amg
