#include <Eigen/Dense>
#include <optional>
#include <variant>
#include <vector>

#include "amg/error.h"
#include "method/method.h"

namespace amg {

namespace {

// The LU factors of a small matrix, on the host: a coarsest level has few rows. A matrix that is singular to
// rounding gets a complete orthogonal decomposition, hence the solution of least norm.
template <class T>
class Factors {
  using Dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

 public:
  explicit Factors(const Dense& A) : lu_(A) {
    const auto pivots = lu_.matrixLU().diagonal().cwiseAbs();
    const T rounding = Eigen::NumTraits<T>::epsilon() * static_cast<T>(A.rows());
    if (!(pivots.minCoeff() > rounding * pivots.maxCoeff()) && A.allFinite()) orthogonal_.emplace(A);
  }

  void solve(T* b, std::int64_t lanes, Mode mode) const {
    Eigen::Map<RowMajor> x(b, lu_.rows(), lanes);
    const Dense rhs = x;
    const auto solve_with = [&](const auto& factors) {
      if (mode == Mode::plain)
        x = factors.solve(rhs);
      else
        x = factors.transpose().solve(rhs);
    };
    orthogonal_ ? solve_with(*orthogonal_) : solve_with(lu_);
  }

  std::size_t bytes() const {
    return static_cast<std::size_t>(lu_.rows() * lu_.rows()) * sizeof(T) * (orthogonal_ ? 2 : 1);
  }

 private:
  Eigen::PartialPivLU<Dense> lu_;
  std::optional<Eigen::CompleteOrthogonalDecomposition<Dense>> orthogonal_;
};

// A direct solve; one application is exact up to rounding.
class DenseLu final : public Stationary {
 public:
  void setup(Space& space, const Matrix& A) override {
    const auto offsets = to_host(space, A.offsets, A.rows + 1);
    const auto columns = to_host(space, A.columns, A.entries);
    visit(A.dtype, [&]<class T>() {
      const auto values = to_host(space, A.as<T>(), A.entries);
      Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> dense =
          Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>::Zero(A.rows, A.rows);
      for (std::int64_t i = 0; i < A.rows; ++i)
        for (auto k = static_cast<std::size_t>(offsets[static_cast<std::size_t>(i)]);
             k < static_cast<std::size_t>(offsets[static_cast<std::size_t>(i) + 1]); ++k)
          dense(i, columns[k]) = values[k];
      factors_ = Factors<T>(dense);
    });
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess, Vector x, int) override {
    visit(b.dtype, [&]<class T>() {
      auto host = to_host(space, b.as<T>(), b.size());
      std::get<Factors<T>>(factors_).solve(host.data(), b.lanes, A.mode);
      space.upload(std::as_bytes(std::span(host)), x.data);
    });
  }

  std::size_t bytes() const override {
    return std::visit(
        [](const auto& f) {
          if constexpr (std::is_same_v<std::decay_t<decltype(f)>, std::monostate>)
            return std::size_t{0};
          else
            return f.bytes();
        },
        factors_);
  }

 private:
  template <class T>
  static std::vector<T> to_host(Space& space, const T* data, std::int64_t count) {
    std::vector<T> host(static_cast<std::size_t>(count));
    space.download(data, std::as_writable_bytes(std::span(host)));
    return host;
  }

  std::variant<std::monostate, Factors<float>, Factors<double>> factors_;
};

}  // namespace

std::unique_ptr<Method> make_dense_lu(const Slot&) { return std::make_unique<DenseLu>(); }

}  // namespace amg
