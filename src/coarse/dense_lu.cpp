#include <Eigen/Dense>
#include <span>
#include <utility>
#include <vector>

#include "core/row_hash.h"
#include "method/method.h"
#include "method/null_space.h"

namespace amg {

namespace {

using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

using Factors = Eigen::PartialPivLU<Dense>;

// What A, and Aᵀ, take to the least multiple of itself: two steps of inverse iteration, as many as a singular A needs.
struct SingularPair {
  explicit SingularPair(const Factors& lu) : right(lu.rows()) {
    for (Eigen::Index i = 0; i < right.size(); ++i) right[i] = 1.0 + 0.5 * random_number(i, 0);
    for (int step = 0; step < 2; ++step) {
      left = lu.transpose().solve(right).normalized();
      right = lu.solve(left).normalized();
    }
  }

  Eigen::VectorXd right, left;
};

// A⁻¹, or A⁺ where A is singular: to rounding in double, or as `is_null` says, which knows of A's precision. Null
// vectors are taken out one by one: A + s u vᵀ, for v of the null space and u of that of Aᵀ, is A with s in place of
// their singular value 0.
Dense pseudo_inverse(Dense A, Method::IsNull is_null) {
  const double largest = A.cwiseAbs().maxCoeff(), scale = largest > 0 ? largest : 1.0;
  const double rounding = Eigen::NumTraits<double>::epsilon() * scale;
  const auto identity = Dense::Identity(A.rows(), A.rows());
  Dense off_left = identity, off_right = identity;
  for (Eigen::Index nullity = 0;; ++nullity) {
    Factors lu(A);
    if (!A.allFinite()) return lu.inverse();
    if (lu.matrixLU().diagonal().cwiseAbs().minCoeff() == 0.0) lu.compute(A + rounding * identity);
    const SingularPair least(lu);
    const std::span<const double> v(least.right.data(), static_cast<std::size_t>(least.right.size()));
    const bool singular =
        nullity < A.rows() &&
        ((A * least.right).norm() <= static_cast<double>(A.rows()) * rounding || is_null(v));
    if (!singular && nullity == 0) return lu.inverse();
    if (!singular) return off_right * lu.inverse() * off_left;
    A += scale * least.left * least.right.transpose();
    off_left -= least.left * least.left.transpose();
    off_right -= least.right * least.right.transpose();
  }
}

// A direct solve; one application is exact up to rounding.
//
// A coarsest level has few rows, so it is factorised on the host, in double, and every application is one dense
// product: no triangular solve, whose rows wait for one another.
class DenseLu final : public Stationary {
 public:
  void setup(Space& space, const Matrix& A) override {
    setup_coarsest(space, A, [&](std::span<const double> v) {
      return vanishes(space, {A, {}, Mode::plain}, uploaded(space, v, A.dtype));
    });
  }

  void refresh_coarsest(Space& space, const Matrix& A, IsNull is_null) override {
    setup_coarsest(space, A, is_null);
  }

  void setup_coarsest(Space& space, const Matrix& A, IsNull is_null) override {
    const auto offsets = to_host(space, A.offsets, A.rows + 1);
    const auto columns = to_host(space, A.columns, A.entries);
    visit(A.dtype, [&]<class T>() {
      const auto values = to_host(space, A.as<T>(), A.entries);
      Dense dense = Dense::Zero(A.rows, A.rows);
      for (std::int64_t i = 0; i < A.rows; ++i)
        for (auto k = static_cast<std::size_t>(offsets[static_cast<std::size_t>(i)]);
             k < static_cast<std::size_t>(offsets[static_cast<std::size_t>(i) + 1]); ++k)
          dense(i, columns[k]) = static_cast<double>(values[k]);
      const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> inverted =
          pseudo_inverse(std::move(dense), is_null).cast<T>();
      const auto bytes = std::as_bytes(std::span(inverted.data(), static_cast<std::size_t>(inverted.size())));
      inverse_ = Buffer(space.memory(), bytes.size());
      space.upload(bytes, inverse_.data());
    });
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess, Vector x, int) override {
    space.multiply_dense(inverse_.data(), A.mode, b, x);
  }

  std::size_t bytes() const override { return inverse_.bytes(); }

 private:
  template <class T>
  static std::vector<T> to_host(Space& space, const T* data, std::int64_t count) {
    std::vector<T> host(static_cast<std::size_t>(count));
    space.download(data, std::as_writable_bytes(std::span(host)));
    return host;
  }

  Buffer inverse_;
};

}  // namespace

std::unique_ptr<Method> make_dense_lu(const Slot&) { return std::make_unique<DenseLu>(); }

}  // namespace amg
