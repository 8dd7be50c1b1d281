#include <utility>
#include <vector>

#include "setup/classical/interpolation.h"

namespace amg {

namespace {

// Multipass interpolation (Stüben 1999, "Algebraic multigrid (AMG): an introduction with applications"; Yang, "On
// long-range interpolation operators for aggressive coarsening", 2010, §3), for fine rows that are some steps away
// from the coarse ones. Pass 1 interpolates the rows with strong coarse neighbours directly. In pass p, a row with
// strong neighbours of pass p − 1 takes its value from those by the formula of direct interpolation, and puts what they
// are interpolated from in their place.
//
// So with W the weights of every row on the rows one step nearer, and 1 for a coarse row on itself,
//   P₁ = direct interpolation,   P_p = W P_{p−1},
// where the rows of later passes are still empty in P_{p−1}. Rows that no pass reaches stay empty: smoothing alone
// works on them.
class Multipass final : public Interpolation {
 public:
  CsrMatrix setup(Space& space, const Matrix& A, std::span<const std::uint8_t> strong,
                  std::span<const std::int32_t> coarse) override {
    passes_ = space.passes(A, strong, coarse);
    before_.clear();
    CsrMatrix P = space.matrix(space.pattern_d1(A, strong, coarse), A.dtype);
    space.values_d1(A, strong, coarse, P);
    if (passes_.last <= 1) return P;
    steps_ = space.pattern_step(A, strong, passes_.of_row.span());
    const CsrMatrix W = step_weights(space, A, strong);
    for (std::int32_t pass = 2; pass <= passes_.last; ++pass) {
      before_.push_back(P.pattern());
      P = space.product(W, P);
    }
    return P;
  }

  void refresh(Space& space, const Matrix& A, std::span<const std::uint8_t> strong,
               std::span<const std::int32_t> coarse, CsrMatrix& P) const override {
    if (before_.empty()) return space.values_d1(A, strong, coarse, P);
    const CsrMatrix W = step_weights(space, A, strong);
    CsrMatrix previous = space.matrix(before_.front(), A.dtype);
    space.values_d1(A, strong, coarse, previous);
    for (std::size_t k = 1; k < before_.size(); ++k) {
      CsrMatrix next = space.matrix(before_[k], A.dtype);
      space.product_values(W, previous, next);
      previous = std::move(next);
    }
    space.product_values(W, previous, P);
  }

  std::size_t bytes() const override {
    std::size_t sum = passes_.of_row.bytes() + (steps_ ? steps_->bytes() : 0);
    for (const auto& pattern : before_) sum += pattern->bytes();
    return sum;
  }

 private:
  CsrMatrix step_weights(Space& space, const Matrix& A, std::span<const std::uint8_t> strong) const {
    CsrMatrix W = space.matrix(steps_, A.dtype);
    space.values_step(A, strong, passes_.of_row.span(), W);
    return W;
  }

  Passes passes_;
  std::shared_ptr<const Pattern> steps_;                // of W
  std::vector<std::shared_ptr<const Pattern>> before_;  // of P₁, P₂, … without the last
};

}  // namespace

std::unique_ptr<Interpolation> make_multipass() { return std::make_unique<Multipass>(); }

}  // namespace amg
