#include "smoothers/jacobi.h"

#include "smoothers/alternate.h"

namespace amg {

void Jacobi::setup(Space& space, const Matrix& A) {
  M_ = space.diagonal_blocks(A);
  refresh(space, A);
}

void Jacobi::refresh(Space& space, const Matrix& A) { (space.*diagonal_)(A, M_.data()); }

void Jacobi::apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) {
  alternate(space, guess, x, iterations, [&](int, ConstVector from, Vector to) {
    if (from.data)
      space.jacobi_sweep(A, A.diagonal(M_), omega_, b, from, to);
    else
      space.scale_rows(A.diagonal(M_), omega_, b, to);
  });
}

}  // namespace amg
