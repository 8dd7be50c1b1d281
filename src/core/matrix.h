#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "core/buffer.h"
#include "core/dtype.h"
#include "core/vector.h"

namespace amg {

// A view of a matrix in compressed sparse rows, columns sorted and unique within a row.
//
// With block > 1 every entry is a dense block × block matrix, row-major, and rows, cols and columns count
// blocks. Columns rows..cols-1 of a square-ish distributed matrix are ghosts: unknowns of other ranks, whose
// values follow the local ones in a vector.
struct Matrix {
  DType dtype = DType::f64;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t entries = 0;
  const std::int64_t* offsets = nullptr;
  const std::int32_t* columns = nullptr;
  const void* values = nullptr;
  std::int32_t block = 1;

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

  std::int64_t entries() const { return columns.size(); }
  std::size_t bytes() const { return offsets.bytes() + columns.bytes(); }
};

// A matrix that owns what it consists of.
class CsrMatrix {
 public:
  CsrMatrix() = default;
  CsrMatrix(std::shared_ptr<const Pattern> pattern, Buffer values, DType dtype)
      : pattern_(std::move(pattern)), values_(std::move(values)), dtype_(dtype) {}

  Matrix view() const {
    if (!pattern_) return {};
    return {dtype_,
            pattern_->rows,
            pattern_->cols,
            pattern_->entries(),
            pattern_->offsets.data(),
            pattern_->columns.data(),
            values_.data()};
  }
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

enum class Mode : std::uint8_t { plain, transposed, conjugate_transposed };

// A, or its (conjugate) transpose, as a linear map. `transpose` holds Aᵀ explicitly, for row-wise products;
// it may be empty in plain mode only.
struct Operator {
  Matrix matrix;
  Matrix transpose;
  Mode mode = Mode::plain;

  // The matrix whose rows are the rows of the map (conjugation aside).
  const Matrix& by_rows() const { return mode == Mode::plain ? matrix : transpose; }
  std::int64_t rows() const { return by_rows().rows; }
};

}  // namespace amg
