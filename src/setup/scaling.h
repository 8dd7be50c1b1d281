#pragma once

#include <optional>

#include "amg/config.h"
#include "core/space.h"
#include "method/null_space.h"

namespace amg {

// The diagonal matrices L and R that a system is solved with: L A R y = L b, x = R y; see the key `scaling`.
//
//   DIAGONAL_SYMMETRIC   L = R = |diag A|^(-1/2)
//   BINORMALIZATION      L = R, and the rows of L A R have 2-norms near 1
//   NBINORMALIZATION     rows and columns of L A R have 2-norms near 1, for any A; L = R if A is symmetric
//
// Binormalization: Livne and Golub, Numer. Algorithms 35 (2004). Its fixed point is approached by dividing
// rows and columns by the roots of their norms all at once, again and again (Knight, Ruiz and Uçar, SIAM J.
// Matrix Anal. Appl. 35, 2014): that runs in parallel and keeps symmetry. A few sweeps come as near as
// matters.
class Scaling {
 public:
  explicit Scaling(const Scope& scope);

  bool is_none() const { return kind_ == Kind::none; }
  void setup(Space& space, const Matrix& A);
  std::size_t bytes() const;

  // One side's diagonal, and its inverse.
  struct Diagonal {
    Buffer scale, inverse;
  };
  const Diagonal& left() const { return left_; }
  const Diagonal& right() const { return kind_ == Kind::nbinormalization ? right_ : left_; }

 private:
  enum class Kind : std::uint8_t { none, diagonal_symmetric, binormalization, nbinormalization };

  Kind kind_;
  Diagonal left_;
  Diagonal right_;  // of nbinormalization
};

// L A R in A's mode, with its null space, for as long as a call takes.
class ScaledOperator {
 public:
  ScaledOperator(Space& space, const Scaling& scaling, const Operator& A);

  ScaledOperator(const ScaledOperator&) = delete;  // scaled_ points to null_
  ScaledOperator& operator=(const ScaledOperator&) = delete;

  operator const Operator&() const { return scaled_; }
  // The diagonals of the map's rows and columns: exchanged in transposed modes.
  const Scaling::Diagonal& of_rows() const { return plain() ? scaling_.left() : scaling_.right(); }
  const Scaling::Diagonal& of_columns() const { return plain() ? scaling_.right() : scaling_.left(); }

 private:
  bool plain() const { return scaled_.mode == Mode::plain; }

  const Scaling& scaling_;
  WorkVector values_, transposed_values_;
  Operator scaled_;
  std::optional<NullSpace> null_;
};

}  // namespace amg
