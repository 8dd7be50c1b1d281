#pragma once

#include <cstddef>

#include "core/function_ref.h"
#include "core/space.h"

namespace amg {

// A matrix of float64 in float32, for a preconditioner that moves half the bytes of the iteration around it. One that
// is in float32 already is taken as it is.
//
// float32 has a short range, so A is divided by a power of two near its largest entry and a residual by its own: M,
// which scales with both, sees neither the units nor how far the iteration has come.
class SingleMatrix {
 public:
  // Take A's new values. Pattern arrays are A's.
  Matrix update(Space& space, const Matrix& A);
  Operator update_transpose(Space& space, const Operator& A);

  // z = M r by M(A, r, z) in float32
  void apply(Space& space, const Operator& A, ConstVector r, Vector z,
             FunctionRef<void(const Operator&, ConstVector, Vector)> M) const;

  std::size_t bytes() const { return values_.bytes() + transposed_values_.bytes(); }

 private:
  Matrix with(const Buffer& values, Matrix A) const;
  Matrix round(Space& space, const Matrix& A, Buffer& values) const;
  Operator of(const Operator& A) const;

  double scale_ = 1.0;
  Buffer values_, transposed_values_;
};

}  // namespace amg
