#include "matrix/input_matrix.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "amg/error.h"
#include "core/arena.h"

namespace amg {

namespace {

constexpr std::int64_t chunk = 1 << 14;

std::span<const std::byte> bytes_of(const IndexArray& index) {
  return {static_cast<const std::byte*>(index.data), index.bytes()};
}

std::span<const std::byte> bytes_of(const Buffer& buffer) {
  return {static_cast<const std::byte*>(buffer.data()), buffer.bytes()};
}

Buffer copy(Space& space, const IndexArray& index) {
  Buffer buffer(space.memory(), index.bytes());
  std::memcpy(buffer.data(), index.data, index.bytes());
  return buffer;
}

// The (row, column) of every stored entry that is not padding, row by row: offsets, and the entries' numbers.
struct ByRow {
  Array<std::int64_t> offsets;
  Array<std::int64_t> order;  // empty: entry numbers in order
};

void check_offsets(const InputMatrix& input) {
  const IndexArray& offsets = input.row_index;
  if (offsets.size != input.rows + 1)
    throw Error("A: a matrix of " + std::to_string(input.rows) + " rows needs " +
                std::to_string(input.rows + 1) + " row offsets, not " + std::to_string(offsets.size));
  if (offsets[0] != 0) throw Error("A: row offsets start at " + std::to_string(offsets[0]) + ", not at 0");
  for (std::int64_t i = 0; i < input.rows; ++i)
    if (offsets[i + 1] < offsets[i]) throw Error("A: row offsets decrease at row " + std::to_string(i));
  if (offsets[input.rows] > input.col_index.size || offsets[input.rows] > input.stored)
    throw Error("A: row offsets end at " + std::to_string(offsets[input.rows]) + ", beyond the " +
                std::to_string(std::min(input.col_index.size, input.stored)) + " stored entries");
}

ByRow rows_of_csr(Space& space, const InputMatrix& input) {
  check_offsets(input);
  ByRow by_row{space.array<std::int64_t>(input.rows + 1), {}};
  for (std::int64_t i = 0; i <= input.rows; ++i) by_row.offsets[i] = input.row_index[i];
  return by_row;
}

// A counting sort, which keeps the order of the entries within a row.
ByRow rows_of_coo(Space& space, const InputMatrix& input) {
  if (input.row_index.size != input.stored || input.col_index.size != input.stored)
    throw Error("A: " + std::to_string(input.stored) + " values with " + std::to_string(input.row_index.size) +
                " row and " + std::to_string(input.col_index.size) + " column numbers");
  ByRow by_row{space.array<std::int64_t>(input.rows + 1), {}};
  std::ranges::fill(by_row.offsets.span(), 0);
  for (std::int64_t k = 0; k < input.stored; ++k) {
    const std::int64_t row = input.row_index[k];
    if (row < 0) throw Error("A: negative row number in entry " + std::to_string(k));
    if (row < input.rows) ++by_row.offsets[row + 1];
  }
  for (std::int64_t i = 0; i < input.rows; ++i) by_row.offsets[i + 1] += by_row.offsets[i];
  by_row.order = space.array<std::int64_t>(by_row.offsets[input.rows]);
  std::vector<std::int64_t> next(by_row.offsets.data(), by_row.offsets.data() + input.rows);
  for (std::int64_t k = 0; k < input.stored; ++k)
    if (const std::int64_t row = input.row_index[k]; row < input.rows)
      by_row.order[next[static_cast<std::size_t>(row)]++] = k;
  return by_row;
}

template <class T>
std::shared_ptr<Pattern> pattern_of_dense(Space& space, const InputMatrix& input, Array<std::int64_t>& order) {
  const T* values = static_cast<const T*>(input.values);
  const std::int64_t n = input.rows;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = pattern->cols = n;
  pattern->offsets = space.array<std::int64_t>(n + 1);
  pattern->offsets[0] = 0;
  for (std::int64_t i = 0; i < n; ++i)
    pattern->offsets[i + 1] =
        pattern->offsets[i] + std::count_if(values + i * n, values + (i + 1) * n, [](T v) { return v != 0; });
  pattern->columns = space.array<std::int32_t>(pattern->offsets[n]);
  order = space.array<std::int64_t>(pattern->offsets[n]);
  std::int64_t k = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      if (values[i * n + j] != 0) {
        pattern->columns[k] = static_cast<std::int32_t>(j);
        order[k++] = i * n + j;
      }
  return pattern;
}

}  // namespace

CanonicalPattern::CanonicalPattern(Space& space, const InputMatrix& input)
    : format_(input.format),
      wide_rows_(input.row_index.wide),
      wide_columns_(input.col_index.wide),
      stored_(input.stored) {
  const std::int64_t n = input.rows;
  if (n > std::numeric_limits<std::int32_t>::max())
    throw Error("A: " + std::to_string(n) + " rows; one process holds at most 2^31 - 1");
  if (input.format == InputMatrix::Format::dense) {
    pattern_ = visit(input.dtype, [&]<class T>() { return pattern_of_dense<T>(space, input, order_); });
    return;
  }
  row_index_ = copy(space, input.row_index);
  col_index_ = copy(space, input.col_index);
  ByRow by_row =
      input.format == InputMatrix::Format::csr ? rows_of_csr(space, input) : rows_of_coo(space, input);
  const std::int64_t entries = by_row.offsets[n];

  const auto entry_at = [&](std::int64_t k) { return by_row.order.empty() ? k : by_row.order[k]; };
  bool canonical = true;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t k = by_row.offsets[i]; k < by_row.offsets[i + 1]; ++k) {
      const std::int64_t column = input.col_index[entry_at(k)];
      if (column < 0 || column >= n)
        throw Error("A: column " + std::to_string(column) + " in row " + std::to_string(i) +
                    " is outside 0 … " + std::to_string(n - 1));
      if (k > by_row.offsets[i] && column <= input.col_index[entry_at(k - 1)]) canonical = false;
      if (entry_at(k) != k) canonical = false;
    }

  auto pattern = std::make_shared<Pattern>();
  pattern->rows = pattern->cols = n;
  if (canonical) {
    pattern->offsets = std::move(by_row.offsets);
    pattern->columns = space.array<std::int32_t>(entries);
    for (std::int64_t k = 0; k < entries; ++k)
      pattern->columns[k] = static_cast<std::int32_t>(input.col_index[k]);
    pattern_ = std::move(pattern);
    return;
  }

  // Sort each row by column, keeping the order of duplicates: it is the order of their sum.
  order_ = space.array<std::int64_t>(entries);
  for (std::int64_t k = 0; k < entries; ++k) order_[k] = entry_at(k);
  parallel_for(n, chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      std::stable_sort(order_.data() + by_row.offsets[i], order_.data() + by_row.offsets[i + 1],
                       [&](std::int64_t a, std::int64_t b) { return input.col_index[a] < input.col_index[b]; });
  });
  std::vector<std::int32_t> columns;
  std::vector<std::int64_t> first;
  pattern->offsets = space.array<std::int64_t>(n + 1);
  pattern->offsets[0] = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = by_row.offsets[i]; k < by_row.offsets[i + 1]; ++k) {
      const auto column = static_cast<std::int32_t>(input.col_index[order_[k]]);
      if (k > by_row.offsets[i] && columns.back() == column) continue;
      columns.push_back(column);
      first.push_back(k);
    }
    pattern->offsets[i + 1] = static_cast<std::int64_t>(columns.size());
  }
  pattern->columns = space.array<std::int32_t>(static_cast<std::int64_t>(columns.size()));
  std::ranges::copy(columns, pattern->columns.data());
  if (static_cast<std::int64_t>(columns.size()) < entries) {
    first.push_back(entries);
    first_ = space.array<std::int64_t>(static_cast<std::int64_t>(first.size()));
    std::ranges::copy(first, first_.data());
  }
  pattern_ = std::move(pattern);
}

bool CanonicalPattern::describes(Space& space, const InputMatrix& input) const {
  if (input.format != format_ || input.rows != pattern_->rows || input.stored != stored_) return false;
  if (format_ == InputMatrix::Format::dense)
    return visit(input.dtype, [&]<class T>() {
      const T* values = static_cast<const T*>(input.values);
      std::int64_t next = 0;
      for (std::int64_t k = 0; k < input.stored; ++k)
        if (values[k] != 0 && (next == order_.size() || order_[next++] != k)) return false;
      return next == order_.size();
    });
  return input.row_index.wide == wide_rows_ && input.col_index.wide == wide_columns_ &&
         space.equal(bytes_of(input.row_index), bytes_of(row_index_)) &&
         space.equal(bytes_of(input.col_index), bytes_of(col_index_));
}

Matrix CanonicalPattern::matrix(Space& space, const InputMatrix& input, Buffer& storage) const {
  const void* values = input.values;
  if (!order_.empty()) {
    storage = Buffer(space.memory(), static_cast<std::size_t>(pattern_->entries()) * size_of(input.dtype));
    values = storage.data();
    if (first_.empty())
      space.gather(input.dtype, input.values, order_.span(), storage.data());
    else
      visit(input.dtype, [&]<class T>() {
        parallel_for(pattern_->entries(), chunk, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t k = begin; k < end; ++k) {
            T sum = 0;
            for (std::int64_t j = first_[k]; j < first_[k + 1]; ++j)
              sum += static_cast<const T*>(input.values)[order_[j]];
            static_cast<T*>(storage.data())[k] = sum;
          }
        });
      });
  }
  return {input.dtype,
          pattern_->rows,
          pattern_->cols,
          pattern_->entries(),
          pattern_->offsets.data(),
          pattern_->columns.data(),
          values};
}

std::size_t CanonicalPattern::bytes() const {
  return row_index_.bytes() + col_index_.bytes() + pattern_->bytes() + order_.bytes() + first_.bytes();
}

}  // namespace amg
