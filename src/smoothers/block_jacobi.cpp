#include <array>

#include "config/parameters.h"
#include "method/method.h"

namespace amg {

namespace {

// Damped Jacobi, x += omega D⁻¹ (b − A x), D the diagonal (of blocks). Its own transpose, up to A's.
class BlockJacobi final : public Stationary {
 public:
  explicit BlockJacobi(double omega) : omega_(omega) {}

  void setup(Space& space, const Matrix& A) override {
    inverse_ = Buffer(space.memory(), static_cast<std::size_t>(A.rows) * size_of(A.dtype));
    space.invert_diagonal(A, inverse_.data());
  }
  void refresh(Space& space, const Matrix& A) override { space.invert_diagonal(A, inverse_.data()); }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    if (iterations == 0) return guess ? space.copy(*guess, x) : space.fill(x, 0.0);
    const WorkVector other = space.like(b);
    // Sweeps write to the two in turn, so that the last one lands in x.
    const std::array<Vector, 2> target = {x, other};
    ConstVector from = guess.value_or(ConstVector{});
    for (int left = iterations - 1; left >= 0; --left) {
      const Vector to = target[static_cast<std::size_t>(left % 2)];
      if (!from.data) {
        space.scale_rows(inverse_.data(), omega_, b, to);
      } else {
        if (from.data == to.data) {
          space.copy(from, other);
          from = other;
        }
        space.jacobi_sweep(A, inverse_.data(), omega_, b, from, to);
      }
      from = to;
    }
  }

  std::size_t bytes() const override { return inverse_.bytes(); }

 private:
  double omega_;
  Buffer inverse_;
};

}  // namespace

std::unique_ptr<Method> make_block_jacobi(const Slot& slot) {
  return std::make_unique<BlockJacobi>(slot.scope.get(param::relaxation_factor));
}

}  // namespace amg
