#pragma once

#include <utility>

#include "config/parameters.h"
#include "method/method.h"

namespace amg {

// x += omega M⁻¹ (b − A x) with incomplete factors M = (E + L) E⁻¹ (E + U) in the order of the colors; Mᵀ has
// the same form, with Uᵀ before the diagonal and Lᵀ behind it. Who derives provides the factors.
class IncompleteFactorization : public Stationary {
 public:
  IncompleteFactorization(const Scope& scope, Colorer color)
      : color_(std::move(color)), omega_(scope.get(param::relaxation_factor)) {}

  void setup(Space& space, const Matrix& A) override {
    coloring_ = color_(space, A);
    inverse_ = space.diagonal_blocks(A);
  }

  // Traffic of an iteration: A + twice (F + 4 bytes an entry) + 13 vectors; the first from no guess has no
  // residual.
  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    const WorkVector r = space.like(b), e = space.like(b);
    start_at(space, guess, x);
    for (int k = 0; k < iterations; ++k) {
      const bool from_zero = k == 0 && !guess;
      if (!from_zero) space.residual(A, b, x, r);
      space.solve_factors(factors(A), coloring_, A.diagonal(inverse_), from_zero ? b : ConstVector(r), e);
      space.combine(x, {{1, x}, {omega_, e}});
    }
  }

  std::size_t bytes() const override { return coloring_.bytes() + inverse_.bytes(); }

 protected:
  // The matrix whose off-diagonal entries are L and U, or its transpose, as A's mode says.
  virtual Operator factors(const Operator& A) const = 0;

  Colorer color_;
  Coloring coloring_;
  Buffer inverse_;  // E⁻¹

 private:
  double omega_;
};

}  // namespace amg
