#pragma once

#include "method/method.h"

namespace amg {

// x += omega M (b − A x) with a diagonal M, of blocks where A has them, which `diagonal` computes.
class Jacobi final : public Stationary {
 public:
  using Diagonal = void (Space::*)(const Matrix& A, void* M);

  Jacobi(Diagonal diagonal, double omega) : diagonal_(diagonal), omega_(omega) {}

  void setup(Space& space, const Matrix& A) override;
  void refresh(Space& space, const Matrix& A) override;
  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override;
  std::size_t bytes() const override { return M_.bytes(); }

 private:
  Diagonal diagonal_;
  double omega_;
  Buffer M_;
};

}  // namespace amg
