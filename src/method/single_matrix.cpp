#include "method/single_matrix.h"

#include <algorithm>
#include <cmath>

#include "core/scalar_set.h"

namespace amg {

namespace {

ConstVector values_of(const Matrix& A) { return {A.values, A.dtype, A.entries, 1}; }

}  // namespace

Matrix SingleMatrix::update(Space& space, const Matrix& A) {
  if (A.dtype == DType::f32) return A;
  const ScalarSet<1> largest(space, 1);
  space.norm(values_of(A), Norm::LMAX, largest[0]);
  // This and its inverse are normal numbers.
  scale_ = std::ldexp(1.0, std::clamp(std::ilogb(space.read(largest.all()).front()), -1022, 1022));
  return round(space, A, values_);
}

Operator SingleMatrix::update_transpose(Space& space, const Operator& A) {
  if (A.matrix.dtype == DType::f32) return A;
  round(space, A.transpose, transposed_values_);
  return of(A);
}

Matrix SingleMatrix::round(Space& space, const Matrix& A, Buffer& values) const {
  const std::size_t bytes = static_cast<std::size_t>(A.entries) * size_of(DType::f32);
  if (values.bytes() != bytes) values = Buffer(space.memory(), bytes);
  space.convert(1.0 / scale_, values_of(A), {values.data(), DType::f32, A.entries, 1});
  return with(values, A);
}

Matrix SingleMatrix::with(const Buffer& values, Matrix A) const {
  A.dtype = DType::f32;
  A.values = values.data();
  return A;
}

Operator SingleMatrix::of(const Operator& A) const {
  // Another call may be making the transpose: plain ones don't look at it.
  if (A.mode == Mode::plain) return {with(values_, A.matrix), {}, A.mode};
  return {with(values_, A.matrix), with(transposed_values_, A.transpose), A.mode};
}

void SingleMatrix::apply(Space& space, const Operator& A, ConstVector r, Vector z,
                         FunctionRef<void(const Operator&, ConstVector, Vector)> M) const {
  if (A.matrix.dtype == DType::f32) return M(A, r, z);
  const WorkVector r32 = space.vector(r.rows, r.lanes, DType::f32),
                   z32 = space.vector(r.rows, r.lanes, DType::f32);
  const ScalarSet<3> scalars(space, r.lanes);
  const Scalar size = scalars[0], inverse = scalars[1], one = scalars[2];
  space.norm(r, Norm::LMAX, size);
  space.fill(one, 1.0);
  space.compute(one, {let(inverse, one / size)});
  space.convert(inverse, r, r32);
  M(of(A), r32, z32);
  space.convert({size, 1.0 / scale_}, z32, z);
}

}  // namespace amg
