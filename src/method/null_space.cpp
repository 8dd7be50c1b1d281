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

NullSpace NullSpace::scaled(Space& space, const void* scale, const void* inverse) const {
  NullSpace result;
  result.sums_ = sums_;
  for (const Column& q : columns_) {
    const DType dtype = q.from_runs.dtype();
    const std::int64_t rows = q.from_runs.rows();
    Column column{space.matrix(q.to_runs.pattern(), dtype), space.matrix(q.from_runs.pattern(), dtype)};
    const ConstVector negated{q.from_runs.values(), dtype, rows, 1};
    const WorkVector times_scale = space.like(negated);
    space.scale_rows(scale, -1.0, negated, times_scale);
    space.gather(dtype, static_cast<Vector>(times_scale).data, sums_->from_rows.source.span(),
                 column.to_runs.values());
    space.scale_rows(inverse, 1.0, negated, {column.from_runs.values(), dtype, rows, 1});
    result.columns_.push_back(std::move(column));
  }
  return result;
}

NullSpace NullSpace::constants(Space& space, std::int64_t rows, DType dtype) {
  const auto n = static_cast<std::size_t>(rows), length = std::size_t{256};
  std::vector<std::int32_t> run_of_row(n);
  for (std::size_t i = 0; i < n; ++i) run_of_row[i] = static_cast<std::int32_t>(i / length);
  const std::vector<std::int32_t> component_of_run((n + length - 1) / length, 0);
  const auto on_space = [&](const std::vector<std::int32_t>& host) {
    auto array = space.array<std::int32_t>(std::ssize(host));
    space.upload(std::as_bytes(std::span(host)), array.data());
    return array;
  };
  const Array<std::int32_t> runs = on_space(run_of_row), components = on_space(component_of_run);
  const WorkVector q = space.vector(rows, 1, dtype);
  space.fill(q, 1.0 / std::sqrt(static_cast<double>(rows)));
  NullSpaces declared;
  declared.run_of_row = runs.span();
  declared.component_of_run = components.span();
  return {space, std::make_shared<const ComponentSums>(space, dtype, declared), static_cast<Vector>(q).data,
          1, dtype};
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
  // Of many rows, a null space has so little of z that rounding of the rest is left at first.
  for (int k = 0; k < 2; ++k) keep_null_part(*right, z);
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

bool Quotient::has_zero_rows(Space& space, const Operator& A) const {
  const DType dtype = A.matrix.dtype;
  const WorkVector z = space.vector(A.rows(), 1, dtype), norm = space.like(z), inverse = space.like(z);
  const WorkVector elsewhere = space.like(z);
  const ScalarSet<2> scalars(space, 1);
  const Scalar before = scalars[0], after = scalars[1];
  space.row_norms(A.matrix, false, static_cast<Vector>(norm).data);
  space.row_norms(A.matrix, true, static_cast<Vector>(inverse).data);
  // A random vector of the rows of zeros; once leaves rounding in the others.
  space.random(z, 2);
  for (int k = 0; k < 2; ++k) {
    space.scale_rows(static_cast<Vector>(norm).data, 1.0, z, elsewhere);
    space.scale_rows(static_cast<Vector>(inverse).data, 1.0, elsewhere, elsewhere);
    space.combine(z, {{1, z}, {-1, elsewhere}});
  }
  space.norm(z, Norm::L2, before);
  (A.mode == Mode::plain ? left : right)->remove(space, z);
  space.norm(z, Norm::L2, after);
  const std::vector<double> read = space.read(std::vector{before, after});
  return read[1] <= std::sqrt(epsilon(dtype)) * read[0];
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
