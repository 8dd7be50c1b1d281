#include "smoothers/jacobi.h"

#include "smoothers/alternate.h"

namespace amg {

void Jacobi::setup(Space& space, const Matrix& A) {
  M_ = Buffer(space.memory(), static_cast<std::size_t>(A.rows) * size_of(A.dtype));
  refresh(space, A);
}

void Jacobi::refresh(Space& space, const Matrix& A) { (space.*diagonal_)(A, M_.data()); }

void Jacobi::apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) {
  alternate(space, guess, x, iterations, [&](int, ConstVector from, Vector to) {
    if (from.data)
      space.jacobi_sweep(A, M_.data(), omega_, b, from, to);
    else
      space.scale_rows(M_.data(), omega_, b, to);
  });
}

}  // namespace amg
