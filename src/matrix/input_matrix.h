#pragma once

#include <cstdint>
#include <memory>

#include "core/matrix.h"
#include "core/space.h"

namespace amg {

// Row or column numbers as a caller holds them.
struct IndexArray {
  const void* data = nullptr;
  std::int64_t size = 0;
  bool wide = false;  // int64, else int32

  std::int64_t operator[](std::int64_t i) const {
    return wide ? static_cast<const std::int64_t*>(data)[i] : static_cast<const std::int32_t*>(data)[i];
  }
  std::size_t bytes() const { return static_cast<std::size_t>(size) * (wide ? 8 : 4); }
};

// A square matrix as a caller holds it: columns in any order, entries given more than once summed.
//
// csr: row_index holds n + 1 offsets; entries behind the last are padding. coo: row_index holds the row of each
// entry; a row number of n or more marks padding, as JAX's BCOO has it. dense: values are n × n, row-major.
struct InputMatrix {
  enum class Format : std::uint8_t { csr, coo, dense };

  Format format = Format::csr;
  std::int64_t rows = 0;
  IndexArray row_index;
  IndexArray col_index;
  DType dtype = DType::f64;
  const void* values = nullptr;
  std::int64_t stored = 0;  // values

  std::size_t value_bytes() const { return static_cast<std::size_t>(stored) * size_of(dtype); }
};

// The canonical pattern of an input matrix, with the way of its values there. It keeps the index arrays, to
// recognise a later matrix of the same pattern.
class CanonicalPattern {
 public:
  // Throws Error for offsets that decrease or row or column numbers out of range. A dense matrix has the
  // pattern of its nonzeros, so it is recognised by its values.
  CanonicalPattern(Space& space, const InputMatrix& input);

  bool describes(Space& space, const InputMatrix& input) const;

  // The canonical matrix: the input's values where they lie if they are in canonical order, else gathered into
  // `storage`.
  Matrix matrix(Space& space, const InputMatrix& input, Buffer& storage) const;

  const std::shared_ptr<const Pattern>& pattern() const { return pattern_; }
  std::size_t bytes() const;

 private:
  InputMatrix::Format format_;
  bool wide_rows_;
  bool wide_columns_;
  Buffer row_index_;  // as given
  Buffer col_index_;
  std::int64_t stored_;
  std::shared_ptr<const Pattern> pattern_;
  // Entry k of the pattern is the sum of the inputs order_[first_[k]] … order_[first_[k + 1] - 1]; without
  // duplicates first_ is empty and entry k is input order_[k]; both are empty when the input is canonical.
  Array<std::int64_t> order_;
  Array<std::int64_t> first_;
};

}  // namespace amg
