#include <array>
#include <cmath>
#include <vector>

#include "config/parameters.h"
#include "method/method.h"
#include "smoothers/spectrum.h"

namespace amg {

namespace {

// x += q(D⁻¹ A) D⁻¹ (b − A x), where q is the polynomial of degree n nearest to 1/λ in the maximum norm over
// [λ₁ / mu, λ₁]: Kraus, Pillwein, Zikatanov, "Algebraic multilevel preconditioners and best approximation to 1/x in the
// uniform norm" (2012). λ₁ is |D⁻¹ A|_∞.
//
// With λ = θ − δ t, a = θ / δ and η = a − √(a² − 1), the best approximation of 1/(a − t) on [−1, 1] is
//   2 / √(a² − 1) (1/2 + η T₁ + … + ηⁿ⁻¹ Tₙ₋₁ + ηⁿ / (1 − η²) Tₙ);
// its error is a Blaschke factor's real part on the unit circle, which takes its largest value n + 2 times.
//
// Traffic of an iteration: n + 1 times A and 11 vectors.
class KpzPolynomial final : public Stationary {
 public:
  KpzPolynomial(int order, int mu) : mu_(mu), coefficients_(static_cast<std::size_t>(order) + 1) {}

  void setup(Space& space, const Matrix& A) override {
    inverse_ = space.diagonal_blocks(A);
    refresh(space, A);
  }
  void refresh(Space& space, const Matrix& A) override {
    space.invert_diagonal(A, inverse_.data());
    const double high = jacobi_bound(space, A, inverse_);
    const double low = high / mu_;
    theta_ = (high + low) / 2;
    delta_ = (high - low) / 2;
    const double a = theta_ / delta_, root = std::sqrt(a * a - 1), eta = a - root;
    double power = 2 / (delta_ * root);
    for (double& c : coefficients_) {
      c = power;
      power *= eta;
    }
    coefficients_.front() /= 2;
    coefficients_.back() /= 1 - eta * eta;
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    start_at(space, guess, x);
    const WorkVector r = space.like(b), z = space.like(b);
    const WorkVector first = space.like(b), second = space.like(b), third = space.like(b);
    for (int k = 0; k < iterations; ++k) {
      std::array<Vector, 3> v{first, second, third};  // T_n−1, T_n, T_n+1 of (θ − D⁻¹ A) / δ, times D⁻¹ r
      space.residual(A, b, x, r);
      space.scale_rows(A.diagonal(inverse_), 1.0, r, v[1]);
      space.combine(x, {{1, x}, {coefficients_[0], v[1]}});
      for (std::size_t n = 1; n < coefficients_.size(); ++n) {
        space.multiply(A, v[1], r);
        space.scale_rows(A.diagonal(inverse_), 1.0, r, z);
        if (n == 1)
          space.combine(v[2], {{theta_ / delta_, v[1]}, {-1 / delta_, z}});
        else
          space.combine(v[2], {{2 * theta_ / delta_, v[1]}, {-2 / delta_, z}, {-1, v[0]}});
        space.combine(x, {{1, x}, {coefficients_[n], v[2]}});
        v = {v[1], v[2], v[0]};
      }
    }
  }

  std::size_t bytes() const override { return inverse_.bytes(); }

 private:
  int mu_;
  std::vector<double> coefficients_;  // of the Chebyshev polynomials
  double theta_ = 1, delta_ = 1;
  Buffer inverse_;
};

}  // namespace

std::unique_ptr<Method> make_kpz_polynomial(const Slot& slot) {
  return std::make_unique<KpzPolynomial>(slot.scope.get(param::kpz_order), slot.scope.get(param::kpz_mu));
}

}  // namespace amg
