#include "matrix/canonical_pattern.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "amg/error.h"
#include "core/arena.h"

namespace amg {

namespace {

std::span<const std::byte> bytes_of(const IndexArray& index) {
  return {static_cast<const std::byte*>(index.data), index.bytes()};
}

std::span<const std::byte> bytes_of(const Buffer& buffer) {
  return {static_cast<const std::byte*>(buffer.data()), buffer.bytes()};
}

std::vector<std::byte> to_host(Space& space, const void* data, std::size_t bytes) {
  std::vector<std::byte> host(bytes);
  space.download(data, host);
  return host;
}

template <class T>
Array<T> to_space(Space& space, const std::vector<T>& host) {
  auto array = space.array<T>(static_cast<std::int64_t>(host.size()));
  space.upload(std::as_bytes(std::span(host)), array.data());
  return array;
}

// What sorting finds, on the host.
struct Sorted {
  std::vector<std::int64_t> offsets;
  std::vector<std::int32_t> columns;
  std::vector<std::int64_t> order;
  std::vector<std::int64_t> first;
};

// The stored entries of every row that are not padding, in the order they are stored in.
Sorted entries_by_row(const InputMatrix& input) {
  Sorted sorted;
  std::vector<std::int64_t>& offsets = sorted.offsets;
  std::vector<std::int64_t>& order = sorted.order;
  const auto n = static_cast<std::size_t>(input.rows);
  offsets.assign(n + 1, 0);
  if (input.format == InputMatrix::Format::csr) {
    if (input.row_index.size != input.rows + 1)
      throw Error("A: a matrix of " + std::to_string(n) + " rows needs " + std::to_string(n + 1) +
                  " row offsets, not " + std::to_string(input.row_index.size));
    if (input.row_index[0] != 0)
      throw Error("A: row offsets start at " + std::to_string(input.row_index[0]) + ", not at 0");
    for (std::int64_t i = 0; i < input.rows; ++i) {
      offsets[static_cast<std::size_t>(i) + 1] = input.row_index[i + 1];
      if (input.row_index[i + 1] < input.row_index[i])
        throw Error("A: row offsets decrease at row " + std::to_string(i));
    }
    if (offsets[n] > input.col_index.size || offsets[n] > input.stored)
      throw Error("A: row offsets end at " + std::to_string(offsets[n]) + ", beyond the " +
                  std::to_string(std::min(input.col_index.size, input.stored)) + " stored entries");
    order.resize(static_cast<std::size_t>(offsets[n]));
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = static_cast<std::int64_t>(k);
    return sorted;
  }

  if (input.row_index.size != input.stored || input.col_index.size != input.stored)
    throw Error("A: " + std::to_string(input.stored) + " values with " +
                std::to_string(input.row_index.size) + " row and " + std::to_string(input.col_index.size) +
                " column numbers");
  for (std::int64_t k = 0; k < input.stored; ++k) {
    const std::int64_t row = input.row_index[k];
    if (row < 0) throw Error("A: negative row number in entry " + std::to_string(k));
    if (row < input.rows) ++offsets[static_cast<std::size_t>(row) + 1];
  }
  for (std::size_t i = 0; i < n; ++i) offsets[i + 1] += offsets[i];
  order.resize(static_cast<std::size_t>(offsets[n]));
  std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
  for (std::int64_t k = 0; k < input.stored; ++k)
    if (const std::int64_t row = input.row_index[k]; row < input.rows)
      order[static_cast<std::size_t>(next[static_cast<std::size_t>(row)]++)] = k;
  return sorted;
}

// Sorts every row by column, keeping the order of duplicates, which is the order of their sum.
Sorted sort(const InputMatrix& input) {
  Sorted sorted = entries_by_row(input);
  std::vector<std::int64_t>& offsets = sorted.offsets;
  std::vector<std::int32_t>& columns = sorted.columns;
  std::vector<std::int64_t>& order = sorted.order;
  std::vector<std::int64_t>& first = sorted.first;
  for (const std::int64_t k : order)
    if (input.col_index[k] < 0 || input.col_index[k] >= input.rows)
      throw Error("A: column " + std::to_string(input.col_index[k]) + " of entry " + std::to_string(k) +
                  " is outside 0 … " + std::to_string(input.rows - 1));
  parallel_for(input.rows, 1024, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      std::stable_sort(
          order.begin() + offsets[i], order.begin() + offsets[i + 1],
          [&](std::int64_t a, std::int64_t b) { return input.col_index[a] < input.col_index[b]; });
  });

  columns.reserve(order.size());
  first.reserve(order.size() + 1);
  std::int64_t begin = 0;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const std::int64_t end = offsets[i + 1];
    for (std::int64_t k = begin; k < end; ++k) {
      const auto column = static_cast<std::int32_t>(input.col_index[order[static_cast<std::size_t>(k)]]);
      if (k > begin && columns.back() == column) continue;
      columns.push_back(column);
      first.push_back(k);
    }
    begin = end;
    offsets[i + 1] = static_cast<std::int64_t>(columns.size());
  }
  if (first.size() == order.size())
    first.clear();
  else
    first.push_back(static_cast<std::int64_t>(order.size()));
  return sorted;
}

// The same with every k × k block full where it has an entry: what is added has no source.
Sorted fill_blocks(const Sorted& scalar, std::int64_t k) {
  Sorted full;
  full.offsets.push_back(0);
  full.first.push_back(0);
  full.order = scalar.order;
  const auto rows = static_cast<std::int64_t>(scalar.offsets.size()) - 1;
  const auto at = [](const auto& array, std::int64_t i) { return array[static_cast<std::size_t>(i)]; };
  std::vector<std::int64_t> blocks;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (i % k == 0) {
      blocks.clear();
      for (std::int64_t e = at(scalar.offsets, i); e < at(scalar.offsets, i + k); ++e)
        blocks.push_back(at(scalar.columns, e) / k);
      std::ranges::sort(blocks);
      blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
    }
    std::int64_t e = at(scalar.offsets, i);
    const std::int64_t end = at(scalar.offsets, i + 1);
    for (const std::int64_t block : blocks)
      for (std::int64_t j = block * k; j < (block + 1) * k; ++j) {
        full.columns.push_back(static_cast<std::int32_t>(j));
        if (e < end && at(scalar.columns, e) == j) ++e;
        full.first.push_back(scalar.first.empty() ? e : at(scalar.first, e));
      }
    full.offsets.push_back(static_cast<std::int64_t>(full.columns.size()));
  }
  return full;
}

// The nonzeros of a dense matrix.
Sorted nonzeros(const InputMatrix& input) {
  Sorted sorted;
  sorted.offsets.push_back(0);
  visit(input.dtype, [&]<class T>() {
    const T* value = static_cast<const T*>(input.values);
    for (std::int64_t i = 0; i < input.rows; ++i) {
      for (std::int64_t j = 0; j < input.rows; ++j)
        if (value[i * input.rows + j] != 0) {
          sorted.columns.push_back(static_cast<std::int32_t>(j));
          sorted.order.push_back(i * input.rows + j);
        }
      sorted.offsets.push_back(static_cast<std::int64_t>(sorted.columns.size()));
    }
  });
  return sorted;
}

}  // namespace

CanonicalPattern::CanonicalPattern(Space& space, const InputMatrix& input)
    : format_(input.format),
      wide_rows_(input.row_index.wide),
      wide_columns_(input.col_index.wide),
      stored_(input.stored) {
  if (input.rows > std::numeric_limits<std::int32_t>::max())
    throw Error("A: " + std::to_string(input.rows) + " rows; one process holds at most 2^31 - 1");
  const std::int32_t k = input.block_dim;
  if (input.rows % k != 0)
    throw Error("A: " + std::to_string(input.rows) + " rows are no nodes of block_dim " + std::to_string(k));
  const bool dense = format_ == InputMatrix::Format::dense;
  if (!dense) {
    row_index_ = Buffer(space.memory(), input.row_index.bytes());
    col_index_ = Buffer(space.memory(), input.col_index.bytes());
    space.copy_bytes(bytes_of(input.row_index), row_index_.data());
    space.copy_bytes(bytes_of(input.col_index), col_index_.data());
    const std::shared_ptr<const Pattern> given = space.pattern_if_canonical(input);
    pattern_ = k == 1 || !given ? given : space.in_blocks(given, k);
    if (pattern_) return;
  }

  // Rare, and done once for a pattern: on the host, wherever the matrix lies.
  InputMatrix host = input;
  const auto rows = to_host(space, input.row_index.data, input.row_index.bytes());
  const auto cols = to_host(space, input.col_index.data, input.col_index.bytes());
  const auto values = to_host(space, input.values, dense ? input.value_bytes() : 0);
  host.row_index.data = rows.data();
  host.col_index.data = cols.data();
  host.values = values.data();
  Sorted sorted = dense ? nonzeros(host) : sort(host);
  if (k > 1) sorted = fill_blocks(sorted, k);

  auto pattern = std::make_shared<Pattern>();
  pattern->rows = pattern->cols = input.rows;
  pattern->offsets = to_space(space, sorted.offsets);
  pattern->columns = to_space(space, sorted.columns);
  order_ = to_space(space, sorted.order);
  first_ = to_space(space, sorted.first);
  pattern_ = space.in_blocks(std::move(pattern), k);
}

bool CanonicalPattern::describes(Space& space, const InputMatrix& input) const {
  if (input.format != format_ || input.rows != pattern_->rows || input.stored != stored_) return false;
  if (format_ == InputMatrix::Format::dense) {
    const auto order = to_host(space, order_.data(), order_.bytes());
    const auto* known = reinterpret_cast<const std::int64_t*>(order.data());
    const auto values = to_host(space, input.values, input.value_bytes());
    return visit(input.dtype, [&]<class T>() {
      const T* value = reinterpret_cast<const T*>(values.data());
      std::int64_t next = 0;
      for (std::int64_t k = 0; k < stored_; ++k) {
        if (value[k] == 0) continue;
        if (next == order_.size() || known[next] != k) return false;
        ++next;
      }
      return next == order_.size();
    });
  }
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
      space.gather_sums(input.dtype, input.values, order_.span(), first_.span(), storage.data());
  }
  return pattern_->with(input.dtype, values);
}

std::size_t CanonicalPattern::bytes() const {
  return row_index_.bytes() + col_index_.bytes() + pattern_->bytes() + order_.bytes() + first_.bytes();
}

}  // namespace amg
