#include <algorithm>

#include "config/parameters.h"
#include "smoothers/chebyshev.h"

namespace amg {

namespace {

// Chebyshev's polynomial in D⁻¹ A, on the upper part of its spectrum, which multigrid leaves to the smoother (Adams,
// Brezina, Hu, Tuminaro, "Parallel multigrid smoothing: polynomial versus Gauss-Seidel", 2003). The upper end is
// |D⁻¹ A|_∞; the lower one is as far below as a polynomial of this order damps well, which grows with its square.
// No preconditioner, whatever the configuration says.
class ChebyshevPoly final : public Stationary {
 public:
  explicit ChebyshevPoly(int order) : order_(order) {}

  void setup(Space& space, const Matrix& A) override {
    inverse_ = space.diagonal_blocks(A);
    refresh(space, A);
  }
  void refresh(Space& space, const Matrix& A) override {
    space.invert_diagonal(A, inverse_.data());
    const double high = jacobi_bound(space, A, inverse_);
    spectrum_ = {high / std::max(4, order_ * order_), high};
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    const auto D = [&](ConstVector r, Vector z) { space.scale_rows(A.diagonal(inverse_), 1.0, r, z); };
    chebyshev(space, A, D, spectrum_, ChebyshevKind::first, order_, b, guess, x, iterations);
  }

  std::size_t bytes() const override { return inverse_.bytes(); }

 private:
  int order_;
  Buffer inverse_;
  Spectrum spectrum_{};
};

}  // namespace

std::unique_ptr<Method> make_chebyshev_poly(const Slot& slot) {
  return std::make_unique<ChebyshevPoly>(slot.scope.get(param::chebyshev_polynomial_order));
}

}  // namespace amg
