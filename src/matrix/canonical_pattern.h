#pragma once

#include <memory>

#include "core/input_matrix.h"
#include "core/matrix.h"
#include "core/space.h"

namespace amg {

// The canonical pattern of an input matrix, with the way of its values there. It keeps the index arrays, to
// recognise a later matrix of the same pattern.
class CanonicalPattern {
 public:
  // Throws Error for offsets that decrease or row or column numbers out of range. A dense matrix has the
  // pattern of its nonzeros, so it is recognised by its values. Blocks of the input's block_dim are filled with zeros.
  CanonicalPattern(Space& space, const InputMatrix& input);

  // Whatever the block_dim.
  bool describes(Space& space, const InputMatrix& input) const;

  // The canonical matrix: the input's values where they lie if they are in canonical order, else gathered into
  // `storage`.
  Matrix matrix(Space& space, const InputMatrix& input, Buffer& storage) const;

  const std::shared_ptr<const Pattern>& pattern() const { return pattern_; }
  std::int32_t block_dim() const { return pattern_->block_dim; }
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
