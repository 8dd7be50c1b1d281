#include "method/null_space.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/scalar_set.h"

namespace amg {

ComponentSums::ComponentSums(Space& space, DType dtype, const NullSpaces& of)
    : to_rows(space.piecewise_constant(of.run_of_row, dtype)),
      from_rows(space.transpose(*to_rows.pattern())),
      to_runs(space.piecewise_constant(of.component_of_run.first(static_cast<std::size_t>(to_rows.cols())),
                                       dtype)) {
  TransposedPattern transposed = space.transpose(*to_runs.pattern());
  from_runs = space.matrix(std::move(transposed.pattern), dtype);
  space.fill({from_runs.values(), dtype, from_runs.entries(), 1}, 1.0);
}

NullSpace::NullSpace(Space& space, std::shared_ptr<const ComponentSums> sums, const void* vectors,
                     std::int32_t count, DType dtype)
    : sums_(std::move(sums)) {
  const std::int64_t rows = sums_->to_rows.rows();
  for (std::int32_t j = 0; j < count; ++j) {
    const std::int64_t offset = j * rows * static_cast<std::int64_t>(size_of(dtype));
    const void* q = static_cast<const std::byte*>(vectors) + offset;
    Column column{space.matrix(sums_->from_rows.pattern, dtype),
                  space.matrix(sums_->to_rows.pattern(), dtype)};
    space.gather(dtype, q, sums_->from_rows.source.span(), column.to_runs.values());
    space.combine({column.from_runs.values(), dtype, rows, 1}, {{-1, {q, dtype, rows, 1}}});
    columns_.push_back(std::move(column));
  }
}

void NullSpace::remove(Space& space, Vector x) const {
  if (columns_.empty()) return;
  const auto map = [](const CsrMatrix& A) { return Operator{A, {}, Mode::plain}; };
  const WorkVector runs = space.vector(sums_->to_runs.rows(), x.lanes, x.dtype);
  const WorkVector components = space.vector(sums_->to_runs.cols(), x.lanes, x.dtype);
  for (const Column& q : columns_) {
    space.multiply(map(q.to_runs), x, runs);
    space.multiply(map(sums_->from_runs), runs, components);
    space.multiply(map(sums_->to_runs), components, runs);
    space.multiply_add(map(q.from_runs), runs, x);
  }
}

Quotient::Quotient(Space& space, DType dtype, const NullSpaces& declared) {
  const auto sums = std::make_shared<const ComponentSums>(space, dtype, declared);
  right = std::make_shared<const NullSpace>(space, sums, declared.right, declared.right_count, dtype);
  left = declared.left == declared.right
             ? right
             : std::make_shared<const NullSpace>(space, sums, declared.left, declared.left_count, dtype);
}

// A random vector of the right null space tests all its vectors at once, also whether they are null component by
// component. Of the left one, every vector is orthogonal to what A makes of a random vector.
Reason Quotient::fault(Space& space, const Operator& A) const {
  const DType dtype = A.matrix.dtype;
  const double tolerance =
      std::pow(epsilon(dtype), 2.0 / 3.0);  // vectors may come from an iteration of their own
  const WorkVector z = space.vector(A.rows(), 1, dtype), rest = space.like(z), zero = space.like(z);
  const ScalarSet<2> scalars(space, 1);
  const Scalar outside = scalars[0], scale = scalars[1];
  // v −= what is left of it when the null space is removed, which leaves its part there
  const auto keep_null_part = [&](const NullSpace& null, Vector v) {
    space.copy(v, rest);
    null.remove(space, rest);
    space.combine(v, {{1, v}, {-1, rest}});
  };

  space.random(z, 0);
  keep_null_part(*right, z);
  if (!vanishes(space, A, z, tolerance)) return Reason::nullspace;

  space.random(z, 1);
  space.fill(zero, 0.0);
  space.residual_scale(A, zero, z, scale);
  const WorkVector Az = space.like(z);
  space.multiply(A, z, Az);
  keep_null_part(*left, Az);
  space.norm(Az, Norm::L2, outside);
  const std::vector<double> read = space.read(std::vector{outside, scale});
  return read[0] <= tolerance * read[1] ? Reason::none : Reason::transpose_nullspace;
}

WorkVector uploaded(Space& space, std::span<const double> v, DType dtype) {
  WorkVector result = space.vector(std::ssize(v), 1, dtype);
  visit(dtype, [&]<class T>() {
    std::vector<T> rounded(v.size());
    std::ranges::transform(v, rounded.begin(), [](double element) { return static_cast<T>(element); });
    space.upload(std::as_bytes(std::span(rounded)), static_cast<Vector>(result).data);
  });
  return result;
}

bool vanishes(Space& space, const Operator& A, ConstVector v, double tolerance) {
  const Matrix& rows = A.by_rows();
  const WorkVector share = space.vector(rows.rows, 1, v.dtype), inverse = space.like(share);
  const ScalarSet<2> scalars(space, 1);
  const Scalar largest_share = scalars[0], largest = scalars[1];
  space.multiply(A, v, share);
  space.row_norms(rows, true, static_cast<Vector>(inverse).data);
  space.scale_rows(static_cast<Vector>(inverse).data, 1.0, share, share);
  space.norm(share, Norm::LMAX, largest_share);
  space.norm(v, Norm::LMAX, largest);
  const std::vector<double> read = space.read(std::vector{largest_share, largest});
  // v is made of sums itself, each of which has a few roundings.
  return read[0] <= std::max(tolerance, 64 * epsilon(v.dtype)) * read[1] && read[1] > 0.0;
}

}  // namespace amg
