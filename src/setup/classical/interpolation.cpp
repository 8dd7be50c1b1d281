#include "setup/classical/interpolation.h"

#include "registry.h"

namespace amg {

namespace {

// An interpolation that is two words of the space.
template <auto pattern, auto values>
class OnePass final : public Interpolation {
 public:
  CsrMatrix setup(Space& space, const Matrix& A, std::span<const std::uint8_t> strong,
                  std::span<const std::int32_t> coarse) override {
    CsrMatrix P = space.matrix((space.*pattern)(A, strong, coarse), A.dtype);
    refresh(space, A, strong, coarse, P);
    return P;
  }

  void refresh(Space& space, const Matrix& A, std::span<const std::uint8_t> strong,
               std::span<const std::int32_t> coarse, CsrMatrix& P) const override {
    (space.*values)(A, strong, coarse, P);
  }
};

}  // namespace

std::unique_ptr<Interpolation> make_d1() {
  return std::make_unique<OnePass<&Space::pattern_d1, &Space::values_d1>>();
}

std::unique_ptr<Interpolation> make_d2() {
  return std::make_unique<OnePass<&Space::pattern_d2, &Space::values_d2>>();
}

std::unique_ptr<Interpolation> make_em() {
  return std::make_unique<OnePass<&Space::pattern_d2, &Space::values_em>>();
}

}  // namespace amg
