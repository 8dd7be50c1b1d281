#include "config/parameters.h"
#include "method/method.h"
#include "smoothers/alternate.h"

namespace amg {

namespace {

// Gauss-Seidel inside blocks of consecutive rows, Jacobi between them, with a diagonal that makes it converge for every
// symmetric positive definite A (src/setup/diagonal_row.h). The transpose of a sweep runs backwards on Aᵀ.
class HybridGs final : public Stationary {
 public:
  HybridGs(double omega, bool symmetric) : omega_(omega), symmetric_(symmetric) {}

  void setup(Space& space, const Matrix& A) override {
    inverse_ = space.diagonal_blocks(A);
    refresh(space, A);
  }
  void refresh(Space& space, const Matrix& A) override { space.invert_hybrid_diagonal(A, inverse_.data()); }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    const int sweeps = symmetric_ ? 2 * iterations : iterations;
    alternate(space, guess, x, sweeps, [&](int k, ConstVector from, Vector to) {
      const bool backwards = symmetric_ ? k % 2 == 1 : A.mode != Mode::plain;
      if (from.data) return sweep(space, A, backwards, b, from, to);
      const WorkVector zero = space.like(b);
      space.fill(zero, 0.0);
      sweep(space, A, backwards, b, zero, to);
    });
  }

  std::size_t bytes() const override { return inverse_.bytes(); }

 private:
  void sweep(Space& space, const Operator& A, bool backwards, ConstVector b, ConstVector from,
             Vector to) const {
    space.hybrid_gs_sweep(A, A.diagonal(inverse_), omega_, backwards, b, from, to);
  }

  double omega_;
  bool symmetric_;  // each sweep is followed by one backwards
  Buffer inverse_;
};

}  // namespace

std::unique_ptr<Method> make_hybrid_gs(const Slot& slot) {
  return std::make_unique<HybridGs>(slot.scope.get(param::relaxation_factor),
                                    slot.scope.get(param::symmetric_GS) != 0);
}

}  // namespace amg
