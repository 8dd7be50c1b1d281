#include "setup/scaling.h"

#include <string>

#include "config/parameters.h"

namespace amg {

namespace {

constexpr int sweeps = 10;

Vector as_vector(const Buffer& buffer, const Matrix& A) { return {buffer.data(), A.dtype, A.rows, 1}; }

Scaling::Diagonal ones(Space& space, const Matrix& A) {
  const std::size_t bytes = static_cast<std::size_t>(A.rows) * size_of(A.dtype);
  Scaling::Diagonal D{Buffer(space.memory(), bytes), Buffer(space.memory(), bytes)};
  for (const Buffer* buffer : {&D.scale, &D.inverse}) space.fill(as_vector(*buffer, A), 1.0);
  return D;
}

Matrix with_values(Matrix A, ConstVector values) {
  A.values = values.data;
  return A;
}

}  // namespace

Scaling::Scaling(const Scope& scope) {
  const std::string name = scope.get(param::scaling);
  kind_ = name == "NONE"                 ? Kind::none
          : name == "DIAGONAL_SYMMETRIC" ? Kind::diagonal_symmetric
          : name == "BINORMALIZATION"    ? Kind::binormalization
                                         : Kind::nbinormalization;
}

void Scaling::setup(Space& space, const Matrix& A) {
  if (is_none()) return;
  left_ = ones(space, A);
  const Diagonal step = ones(space, A);
  // D := D / what row_scales says of the rows of M
  const auto divide = [&](const Diagonal& D, const Matrix& M, RowScale kind) {
    space.row_scales(M, kind, step.inverse.data(), step.scale.data());
    space.scale_rows(step.scale.data(), 1.0, as_vector(D.scale, A), as_vector(D.scale, A));
    space.scale_rows(step.inverse.data(), 1.0, as_vector(D.inverse, A), as_vector(D.inverse, A));
  };
  if (kind_ == Kind::diagonal_symmetric) return divide(left_, A, RowScale::root_of_diagonal);

  const bool both = kind_ == Kind::nbinormalization;
  TransposedPattern to_AT;
  CsrMatrix transposed;
  if (both) {
    right_ = ones(space, A);
    to_AT = space.transpose(*space.copy_pattern(A));
    transposed = space.matrix(to_AT.pattern, A.dtype);
  }
  const WorkVector values = space.vector(A.entries, 1, A.dtype);
  const Matrix scaled = with_values(A, values);
  for (int k = 0; k < sweeps; ++k) {
    space.scale_matrix(A, left().scale.data(), right().scale.data(), static_cast<Vector>(values).data);
    divide(left_, scaled, RowScale::root_of_norm);
    if (!both) continue;
    space.gather(A.dtype, scaled.values, to_AT.source.span(), transposed.values());
    divide(right_, transposed, RowScale::root_of_norm);
  }
}

std::size_t Scaling::bytes() const {
  return left_.scale.bytes() + left_.inverse.bytes() + right_.scale.bytes() + right_.inverse.bytes();
}

ScaledOperator::ScaledOperator(Space& space, const Scaling& scaling, const Operator& A)
    : scaling_(scaling),
      values_(space.vector(A.matrix.entries, 1, A.matrix.dtype)),
      transposed_values_(space.vector(A.transpose.entries, 1, A.matrix.dtype)),
      scaled_{with_values(A.matrix, values_), with_values(A.transpose, transposed_values_), A.mode} {
  const void* left = scaling.left().scale.data();
  const void* right = scaling.right().scale.data();
  space.scale_matrix(A.matrix, left, right, static_cast<Vector>(values_).data);
  if (A.transpose) space.scale_matrix(A.transpose, right, left, static_cast<Vector>(transposed_values_).data);
  if (!A.null) return;
  null_ = A.null->scaled(space, of_columns().scale.data(), of_columns().inverse.data());
  scaled_.null = &*null_;
}

}  // namespace amg
