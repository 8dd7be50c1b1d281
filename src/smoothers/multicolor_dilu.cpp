#include "smoothers/incomplete_factorization.h"

namespace amg {

namespace {

// DILU: L and U are A's own, only the diagonal E is computed, so that M has the diagonal of A (Pommerell,
// Solution of Large Unsymmetric Systems of Linear Equations, 1992).
class MulticolorDilu final : public IncompleteFactorization {
 public:
  using IncompleteFactorization::IncompleteFactorization;

  void setup(Space& space, const Matrix& A) override {
    IncompleteFactorization::setup(space, A);
    refresh(space, A);
  }
  void refresh(Space& space, const Matrix& A) override { space.factor_dilu(A, coloring_, inverse_.data()); }

 private:
  Operator factors(const Operator& A) const override { return A; }
};

}  // namespace

std::unique_ptr<Method> make_multicolor_dilu(const Slot& slot) {
  return std::make_unique<MulticolorDilu>(slot.scope, make_colorer(slot.scope));
}

}  // namespace amg
