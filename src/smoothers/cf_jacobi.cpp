#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "config/parameters.h"
#include "method/method.h"
#include "smoothers/alternate.h"

namespace amg {

namespace {

// Jacobi on the coarse rows and on the others in turn, in the order of a word such as "CF".
//
// Where rows are not split into coarse and fine, on a level that is aggregated, on the coarsest and outside of AMG,
// all rows are one part: damped Jacobi. A part's sweep is a Jacobi sweep whose diagonal is zero elsewhere, so that an
// iteration of two parts costs two products.
class CfJacobi final : public Stationary {
 public:
  CfJacobi(double omega, std::string_view order) : omega_(omega), order_(order) {}

  void split(std::span<const std::int32_t> coarse) override { coarse_ = coarse; }

  void setup(Space& space, const Matrix& A) override {
    for (Buffer& inverse : inverses_) inverse = space.diagonal_blocks(A);
    refresh(space, A);
  }
  void refresh(Space& space, const Matrix& A) override {
    auto& [all, coarse, fine] = inverses_;
    space.invert_diagonal(A, all.data());
    if (!coarse_.empty())
      space.split_diagonal(coarse_, A.dtype, A.block_dim, all.data(), coarse.data(), fine.data());
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    smooth(space, A, b, guess, x, iterations, A.mode != Mode::plain);
  }
  void apply_reversed(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x,
                      int iterations) override {
    smooth(space, A, b, guess, x, iterations, A.mode == Mode::plain);
  }

  std::size_t bytes() const override {
    std::size_t sum = 0;
    for (const Buffer& inverse : inverses_) sum += inverse.bytes();
    return sum;
  }

 private:
  void smooth(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations,
              bool backwards) const {
    const int parts = coarse_.empty() ? 1 : static_cast<int>(order_.size());
    alternate(space, guess, x, parts * iterations, [&](int k, ConstVector from, Vector to) {
      const BlockDiagonal inverse = A.diagonal(part(backwards ? parts - 1 - k % parts : k % parts));
      if (from.data)
        space.jacobi_sweep(A, inverse, omega_, b, from, to);
      else
        space.scale_rows(inverse, omega_, b, to);
    });
  }

  const Buffer& part(int k) const {
    if (coarse_.empty()) return inverses_[0];
    return order_[static_cast<std::size_t>(k)] == 'C' ? inverses_[1] : inverses_[2];
  }

  double omega_;
  std::string_view order_;
  std::span<const std::int32_t> coarse_;  // the level's coarsener owns it
  std::array<Buffer, 3> inverses_;        // of the diagonal: whole, at coarse rows, at the others
};

}  // namespace

std::unique_ptr<Method> make_cf_jacobi(const Slot& slot) {
  static constexpr std::array<std::string_view, 4> orders{"CF", "FC", "FCF", "CFC"};
  const int mode = slot.scope.get(param::cf_smoothing_mode);
  return std::make_unique<CfJacobi>(slot.scope.get(param::relaxation_factor),
                                    orders[static_cast<std::size_t>(mode)]);
}

}  // namespace amg
