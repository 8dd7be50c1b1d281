#include "config/parameters.h"
#include "method/method.h"

namespace amg {

namespace {

// Projections on the rows of A, all at once and averaged: x += omega C⁻¹ Aᵀ R⁻¹ (b − A x), where R and C hold the row
// and column sums of |A| (SART: Andersen and Kak 1984). C⁻¹ Aᵀ R⁻¹ A has its eigenvalues in [0, 1] for any A, so this
// converges for 0 < omega < 2 (Jiang and Wang, IEEE Trans. Image Processing 12 (2003)); slowly, as if A were squared.
//
// Traffic of an iteration: A, Aᵀ and 12 vectors. Aᵀ is kept.
class Kaczmarz final : public Stationary {
 public:
  explicit Kaczmarz(double omega) : omega_(omega) {}

  void setup(Space& space, const Matrix& A) override {
    to_AT_ = space.transpose(*space.copy_pattern(A));
    AT_ = space.matrix(to_AT_.pattern, A.dtype);
    R_ = Buffer(space.memory(), static_cast<std::size_t>(A.rows) * size_of(A.dtype));
    C_ = Buffer(space.memory(), static_cast<std::size_t>(A.cols) * size_of(A.dtype));
    refresh(space, A);
  }
  void refresh(Space& space, const Matrix& A) override {
    space.gather(A.dtype, A.values, to_AT_.source.span(), AT_.values());
    space.row_norms(A, true, R_.data());
    space.row_norms(AT_, true, C_.data());
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    start_at(space, guess, x);
    const bool plain = A.mode == Mode::plain;
    const Operator project_back{plain ? AT_.view() : A.matrix, {}, Mode::plain};
    const WorkVector r = space.like(b), s = space.like(b);
    for (int k = 0; k < iterations; ++k) {
      space.residual(A, b, x, r);
      space.scale_rows((plain ? R_ : C_).data(), 1.0, r, r);
      space.multiply(project_back, r, s);
      space.scale_rows((plain ? C_ : R_).data(), omega_, s, s);
      space.combine(x, {{1, x}, {1, s}});
    }
  }

  std::size_t bytes() const override {
    return to_AT_.bytes() + AT_.bytes() - (AT_.pattern() ? AT_.pattern()->bytes() : 0) + R_.bytes() +
           C_.bytes();
  }

 private:
  double omega_;
  TransposedPattern to_AT_;
  CsrMatrix AT_;
  Buffer R_, C_;  // inverses
};

}  // namespace

std::unique_ptr<Method> make_kaczmarz(const Slot& slot) {
  slot.scope.get(param::kaczmarz_coloring_needed);  // averaging needs none
  return std::make_unique<Kaczmarz>(slot.scope.get(param::relaxation_factor));
}

}  // namespace amg
