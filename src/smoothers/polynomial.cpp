#include "smoothers/chebyshev.h"

namespace amg {

namespace {

// Chebyshev's polynomial of degree 3 in A itself, on [ρ / 30, 1.1 ρ] for an estimate ρ of its largest eigenvalue.
class Polynomial final : public Stationary {
 public:
  void setup(Space& space, const Matrix& A) override {
    const auto identity = [&](ConstVector r, Vector z) { space.copy(r, z); };
    spectrum_ = ritz_spectrum(space, A, identity);
    spectrum_.low = spectrum_.high / (1.1 * 30);
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    const auto identity = [&](ConstVector r, Vector z) { space.copy(r, z); };
    chebyshev(space, A, identity, spectrum_, ChebyshevKind::first, 3, b, guess, x, iterations);
  }

  std::size_t bytes() const override { return 0; }

 private:
  Spectrum spectrum_{};
};

}  // namespace

std::unique_ptr<Method> make_polynomial(const Slot&) { return std::make_unique<Polynomial>(); }

}  // namespace amg
