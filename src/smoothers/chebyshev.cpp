#include "smoothers/chebyshev.h"

#include <utility>

#include "amg/error.h"
#include "config/parameters.h"

namespace amg {

void chebyshev(Space& space, const Operator& A, Precondition M, const Spectrum& spectrum, ChebyshevKind kind,
               int order, ConstVector b, Guess guess, Vector x, int sweeps) {
  const double theta = (spectrum.high + spectrum.low) / 2, delta = (spectrum.high - spectrum.low) / 2;
  const double sigma = theta / delta;
  start_at(space, guess, x);
  const WorkVector r = space.like(b), z = space.like(b), d = space.like(b);
  bool at_zero = !guess;
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    double rho = kind == ChebyshevKind::first ? 1 / sigma : 1 / (2 * sigma);  // T₀ / T₁, U₀ / U₁ at sigma
    for (int k = 0; k < order; ++k) {
      if (at_zero)
        M(b, z);
      else {
        space.residual(A, b, x, r);
        M(r, z);
      }
      at_zero = false;
      if (k == 0) {
        space.combine(d, {{1 / theta, z}});
      } else {
        const double rho_old = rho;
        rho = 1 / (2 * sigma - rho_old);
        space.combine(d, {{rho * rho_old, d}, {2 * rho / delta, z}});
      }
      space.combine(x, {{1, x}, {1, d}});
    }
  }
}

namespace {

enum class Estimate : std::uint8_t { both_ends, largest, row_sums, given };

// How far below the largest eigenvalue damping reaches where the lower end is not estimated.
constexpr double reach = 8;

// Chebyshev's iteration with a preconditioner, restarted after `order` steps. The whole slot counts: a preconditioner
// of 100 iterations is applied with 100.
//
// An A that is not symmetric has eigenvalues beside the real axis. Polynomials of the second kind are smaller there, and
// in the middle of the interval, and larger at its ends: 0.18 instead of 0.43 in the middle of [1/8, 1] for order 2, and
// 0.53 instead of 0.43 at the ends.
class Chebyshev final : public Stationary {
 public:
  Chebyshev(Preconditioner M, Estimate estimate, const Spectrum& given, int order)
      : M_(std::move(M)), estimate_(estimate), spectrum_(given), order_(order) {}

  void setup(Space& space, const Matrix& A) override {
    M_.setup(space, A);
    look_at_spectrum(space, A);
  }
  void refresh(Space& space, const Matrix& A) override {
    M_.refresh(space, A);
    look_at_spectrum(space, A);
  }
  void prepare_transpose(Space& space, const Operator& A) override { M_.prepare_transpose(space, A); }
  void split(std::span<const std::int32_t> coarse) override { M_.split(coarse); }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    const auto M = [&](ConstVector r, Vector z) { M_.apply(space, A, r, z); };
    chebyshev(space, A, M, spectrum_, kind_, order_, b, guess, x, iterations);
  }

  bool linear() const override { return M_.linear(); }
  bool fixed() const override { return M_.fixed(); }
  std::size_t bytes() const override { return M_.bytes(); }

 private:
  void look_at_spectrum(Space& space, const Matrix& A) {
    const Operator op{A, {}, Mode::plain};
    const auto M = [&](ConstVector r, Vector z) { M_.apply(space, op, r, z); };
    kind_ = is_symmetric(space, A) ? ChebyshevKind::first : ChebyshevKind::second;
    if (estimate_ == Estimate::given) return;
    if (estimate_ == Estimate::row_sums) {
      const double high = row_sum_bound(space, A, M);
      spectrum_ = {high / reach, high};
    } else {
      spectrum_ = ritz_spectrum(space, A, M);
      if (estimate_ == Estimate::largest) spectrum_.low = spectrum_.high / reach;
    }
  }

  Preconditioner M_;
  Estimate estimate_;
  Spectrum spectrum_;
  ChebyshevKind kind_ = ChebyshevKind::first;
  int order_;
};

}  // namespace

std::unique_ptr<Method> make_chebyshev(const Slot& slot) {
  const Scope& scope = slot.scope;
  const auto estimate = static_cast<Estimate>(scope.get(param::chebyshev_lambda_estimate_mode));
  Spectrum given{};
  if (estimate == Estimate::given) {
    given = {scope.get(param::cheby_min_lambda), scope.get(param::cheby_max_lambda)};
    if (!(0 < given.low && given.low < given.high))
      throw ConfigError(scope.path() + ".cheby_min_lambda: must be above 0 and below cheby_max_lambda");
  }
  return std::make_unique<Chebyshev>(Preconditioner(scope.slot(param::preconditioner)), estimate, given,
                                     scope.get(param::chebyshev_polynomial_order));
}

}  // namespace amg
