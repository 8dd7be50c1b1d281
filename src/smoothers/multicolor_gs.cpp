#include "config/parameters.h"
#include "method/method.h"

namespace amg {

namespace {

struct Options {
  double omega;
  bool symmetric;  // each sweep is followed by one in reversed order
  bool l1;         // d_i = |a_i1| + |a_i2| + …, with the sign of a_ii: converges on every spd matrix
};

// Gauss-Seidel, x_i += omega d_i⁻¹ (b_i − Σ a_ij x_j), color after color: what a row of a color sees is new
// for the colors before and old for those behind. The transpose of a sweep runs backwards on Aᵀ.
class MulticolorGs final : public Stationary {
 public:
  MulticolorGs(const Options& options, Colorer color) : options_(options), color_(std::move(color)) {}

  void setup(Space& space, const Matrix& A) override {
    coloring_ = color_(space, A);
    inverse_ = space.diagonal_blocks(A);
    refresh(space, A);
  }
  void refresh(Space& space, const Matrix& A) override {
    options_.l1 ? space.invert_l1_diagonal(A, inverse_.data()) : space.invert_diagonal(A, inverse_.data());
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    start_at(space, guess, x);
    for (int k = 0; k < iterations; ++k) {
      if (options_.symmetric) {
        sweep(space, A, false, b, x);
        sweep(space, A, true, b, x);
      } else {
        sweep(space, A, A.mode != Mode::plain, b, x);
      }
    }
  }

  std::size_t bytes() const override { return coloring_.bytes() + inverse_.bytes(); }

 private:
  void sweep(Space& space, const Operator& A, bool backwards, ConstVector b, Vector x) const {
    space.gauss_seidel_sweep(A, coloring_, backwards, A.diagonal(inverse_), options_.omega, b, x);
  }

  Options options_;
  Colorer color_;
  Coloring coloring_;
  Buffer inverse_;
};

}  // namespace

std::unique_ptr<Method> make_multicolor_gs(const Slot& slot) {
  const Scope& scope = slot.scope;
  return std::make_unique<MulticolorGs>(
      Options{scope.get(param::relaxation_factor), scope.get(param::symmetric_GS) != 0,
              scope.get(param::GS_L1_variant) != 0},
      make_colorer(scope));
}

}  // namespace amg
