#include <string>

#include "amg/error.h"
#include "setup/node_matrix.h"
#include "smoothers/incomplete_factorization.h"

namespace amg {

namespace {

// ILU(0) and ILU(1) in the order of the colors. ILU(1) has fill where eliminating one unknown connects two
// others: these then need different colors, so rows of one color are further apart than 2.
class MulticolorIlu final : public IncompleteFactorization {
 public:
  MulticolorIlu(const Scope& scope, int level)
      : IncompleteFactorization(scope, make_colorer(scope, level + 1)), level_(level) {}

  void setup(Space& space, const Matrix& A) override {
    IncompleteFactorization::setup(space, A);
    F_ = space.matrix(pattern(space, A), A.dtype);
    to_FT_ = {};
    refresh(space, A);
  }
  void refresh(Space& space, const Matrix& A) override {
    space.factor_ilu(A, coloring_, F_, inverse_.data());
  }

  void prepare_transpose(Space& space, const Operator& /*A*/) override {
    if (!to_FT_.pattern) {
      to_FT_ = space.transpose(*F_.pattern());
      FT_ = space.matrix(to_FT_.pattern, F_.dtype());
    }
    space.gather(F_.dtype(), F_.values(), to_FT_.source.span(), FT_.values());
  }

  std::size_t bytes() const override {
    return IncompleteFactorization::bytes() + F_.bytes() + FT_.bytes() + to_FT_.source.bytes();
  }

 private:
  // L D U has an entry where ILU(1) has one: (i, j) stored, or a_ik and a_kj for a k before both.
  std::shared_ptr<const Pattern> pattern(Space& space, const Matrix& A) const {
    if (level_ == 0) return space.copy_pattern(A);
    const NodeMatrix nodes(space, A);
    const auto product = space.product(space.triangle(nodes, coloring_, Triangle::lower),
                                       space.triangle(nodes, coloring_, Triangle::upper));
    if (A.block_dim == 1) return product.pattern();
    return space.in_blocks(space.block_pattern(*product.pattern(), A.block_dim, A.block_dim), A.block_dim);
  }

  Operator factors(const Operator& A) const override {
    // Another call may be making the transpose: plain ones don't look at it.
    if (A.mode == Mode::plain) return {F_, {}, A.mode};
    return {F_, FT_, A.mode};
  }

  int level_;
  CsrMatrix F_;
  TransposedPattern to_FT_;
  CsrMatrix FT_;
};

}  // namespace

std::unique_ptr<Method> make_multicolor_ilu(const Slot& slot) {
  const auto level = slot.scope.get(param::ilu_sparsity_level);
  if (level > 1)
    throw ConfigError(slot.scope.path() + ".ilu_sparsity_level: " + std::to_string(level) +
                      " is not available in this version; choose 0 or 1");
  return std::make_unique<MulticolorIlu>(slot.scope, static_cast<int>(level));
}

}  // namespace amg
