#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "core/buffer.h"
#include "core/dtype.h"
#include "core/vector.h"

namespace amg {

// A view of a matrix in compressed sparse rows, columns sorted and unique within a row. Columns rows..cols-1 of a
// square-ish distributed matrix are ghosts: unknowns of other ranks, whose values follow the local ones in a vector.
//
// With block_dim k > 1, rows and columns i * k + c are the components c of node i, and all k × k blocks are full, with
// zeros where there is nothing. So who knows of rows alone needs no more than that, and who knows of nodes finds the
// row c of a node's blocks side by side from offsets[i * k + c] on, k values for each of its node_columns: block
// storage with the values of scalar rows.
struct Matrix {
  DType dtype = DType::f64;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t entries = 0;
  const std::int64_t* offsets = nullptr;
  const std::int32_t* columns = nullptr;
  const void* values = nullptr;
  std::int32_t block_dim = 1;
  const std::int64_t* node_offsets = nullptr;  // where block_dim > 1
  const std::int32_t* node_columns = nullptr;
  // Vectors that A makes small except near a boundary, which smoothed aggregation keeps; none: constants.
  ConstVector near_nullspace{};

  AMG_HD std::int64_t nodes() const { return rows / block_dim; }
  // The pattern of the blocks, without values; the matrix itself where it has none.
  AMG_HD Matrix by_nodes() const {
    if (block_dim == 1) return *this;
    const std::int64_t entries_of_block = std::int64_t{block_dim} * block_dim;
    return {dtype, nodes(), cols / block_dim, entries / entries_of_block, node_offsets, node_columns};
  }

  template <class T>
  AMG_HD const T* as() const {
    return static_cast<const T*>(values);
  }
  explicit operator bool() const { return offsets != nullptr; }
};

// The place of every entry of a matrix; shared by matrices that differ in values only.
struct Pattern {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  Array<std::int64_t> offsets;
  Array<std::int32_t> columns;
  std::int32_t block_dim = 1;
  std::shared_ptr<const Pattern> nodes;  // of the blocks where block_dim > 1
  std::int64_t longest_row = -1;         // where a product has counted it

  std::int64_t entries() const { return columns.size(); }
  std::size_t bytes() const { return offsets.bytes() + columns.bytes() + (nodes ? nodes->bytes() : 0); }

  Matrix with(DType dtype, const void* values) const {
    return {dtype,
            rows,
            cols,
            entries(),
            offsets.data(),
            columns.data(),
            values,
            block_dim,
            nodes ? nodes->offsets.data() : nullptr,
            nodes ? nodes->columns.data() : nullptr};
  }
};

// A matrix that owns what it consists of.
class CsrMatrix {
 public:
  CsrMatrix() = default;
  CsrMatrix(std::shared_ptr<const Pattern> pattern, Buffer values, DType dtype)
      : pattern_(std::move(pattern)), values_(std::move(values)), dtype_(dtype) {}

  Matrix view() const { return pattern_ ? pattern_->with(dtype_, values_.data()) : Matrix{}; }
  operator Matrix() const { return view(); }

  const std::shared_ptr<const Pattern>& pattern() const { return pattern_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(values_.data());
  }
  void* values() const { return values_.data(); }
  Buffer release_values() && { return std::move(values_); }
  DType dtype() const { return dtype_; }
  std::int64_t rows() const { return pattern_ ? pattern_->rows : 0; }
  std::int64_t cols() const { return pattern_ ? pattern_->cols : 0; }
  std::int64_t entries() const { return pattern_ ? pattern_->entries() : 0; }
  std::size_t bytes() const { return (pattern_ ? pattern_->bytes() : 0) + values_.bytes(); }

 private:
  std::shared_ptr<const Pattern> pattern_;
  Buffer values_;
  DType dtype_ = DType::f64;
};

// Aᵀ of a fixed pattern: entry k of it is entry source[k] of A, so new values cost one gather.
struct TransposedPattern {
  std::shared_ptr<const Pattern> pattern;
  Array<std::int64_t> source;

  std::size_t bytes() const { return (pattern ? pattern->bytes() : 0) + source.bytes(); }
};

class NullSpace;

enum class Mode : std::uint8_t { plain, transposed, conjugate_transposed };

// A diagonal of dense k × k blocks, row-major, so that row i of it lies at i * k; or the transpose of that.
struct BlockDiagonal {
  BlockDiagonal(const void* values_, std::int32_t block_dim_ = 1, bool transposed_ = false)
      : values(values_), block_dim(block_dim_), transposed(transposed_) {}

  const void* values;
  std::int32_t block_dim;
  bool transposed;
};

// A, or its (conjugate) transpose, as a linear map. `transpose` holds Aᵀ explicitly, for row-wise products;
// it may be empty in plain mode only.
struct Operator {
  Matrix matrix;
  Matrix transpose;
  Mode mode = Mode::plain;
  const NullSpace* null = nullptr;  // what the map takes to zero, where the caller has said so

  // The matrix whose rows are the rows of the map (conjugation aside).
  const Matrix& by_rows() const { return mode == Mode::plain ? matrix : transpose; }
  std::int64_t rows() const { return by_rows().rows; }
  // What was computed of the matrix's diagonal blocks, in the map's mode.
  BlockDiagonal diagonal(const Buffer& values) const {
    return {values.data(), matrix.block_dim, mode != Mode::plain};
  }
};

}  // namespace amg
