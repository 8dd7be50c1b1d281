#pragma once

#include <algorithm>

#include "core/space.h"

namespace amg {

// What strength and matching compare nodes by: A where rows are nodes, else a matrix with an entry for each block, its
// norm (Space::node_norms) or its entry (component, component).
class NodeMatrix {
 public:
  NodeMatrix(Space& space, const Matrix& A, std::int32_t component = -1) : matrix_(A) {
    if (A.block_dim == 1) return;
    owned_ = space.matrix(space.copy_pattern(A.by_nodes()), A.dtype);
    if (component < 0)
      space.node_norms(A, owned_);
    else
      space.component(A, std::min(component, A.block_dim - 1), owned_);
    matrix_ = owned_;
  }

  operator const Matrix&() const { return matrix_; }

 private:
  CsrMatrix owned_;
  Matrix matrix_;
};

}  // namespace amg
