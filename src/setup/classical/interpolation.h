#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/space.h"

namespace amg {

// How the fine rows of one level follow the coarse ones.
class Interpolation {
 public:
  virtual ~Interpolation() = default;

  virtual CsrMatrix setup(Space& space, const Matrix& A, std::span<const std::uint8_t> strong,
                          std::span<const std::int32_t> coarse) = 0;
  // New values of A with the same strength, hence the same coarse points: the values of setup's P, to the bit.
  virtual void refresh(Space& space, const Matrix& A, std::span<const std::uint8_t> strong,
                       std::span<const std::int32_t> coarse, CsrMatrix& P) const = 0;

  // Of what it keeps for refresh.
  virtual std::size_t bytes() const { return 0; }
};

}  // namespace amg
