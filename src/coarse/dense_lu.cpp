#include <Eigen/Dense>
#include <vector>

#include "method/method.h"

namespace amg {

namespace {

template <class T>
using Dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A⁻¹ by LU factors. A matrix that is singular to rounding has a pseudo-inverse instead, by a complete orthogonal
// decomposition: it gives the solution of least norm.
template <class T>
Dense<T> inverse(const Dense<T>& A) {
  const Eigen::PartialPivLU<Dense<T>> lu(A);
  const auto pivots = lu.matrixLU().diagonal().cwiseAbs();
  const T rounding = Eigen::NumTraits<T>::epsilon() * static_cast<T>(A.rows());
  if (A.allFinite() && !(pivots.minCoeff() > rounding * pivots.maxCoeff()))
    return Eigen::CompleteOrthogonalDecomposition<Dense<T>>(A).pseudoInverse();
  return lu.inverse();
}

// A direct solve; one application is exact up to rounding.
//
// A coarsest level has few rows, so it is factorised on the host, in double, and every application is one dense
// product: no triangular solve, whose rows wait for one another.
class DenseLu final : public Stationary {
 public:
  void setup(Space& space, const Matrix& A) override {
    const auto offsets = to_host(space, A.offsets, A.rows + 1);
    const auto columns = to_host(space, A.columns, A.entries);
    visit(A.dtype, [&]<class T>() {
      const auto values = to_host(space, A.as<T>(), A.entries);
      Dense<double> dense = Dense<double>::Zero(A.rows, A.rows);
      for (std::int64_t i = 0; i < A.rows; ++i)
        for (auto k = static_cast<std::size_t>(offsets[static_cast<std::size_t>(i)]);
             k < static_cast<std::size_t>(offsets[static_cast<std::size_t>(i) + 1]); ++k)
          dense(i, columns[k]) = static_cast<double>(values[k]);
      const Dense<T> inverted = inverse(dense).template cast<T>();
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
