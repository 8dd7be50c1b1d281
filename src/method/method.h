#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "amg/config.h"
#include "amg/info.h"
#include "convergence/monitor.h"
#include "core/space.h"
#include "method/single_matrix.h"

namespace amg {

class Hierarchy;

// Where an iteration starts: nothing stands for x = 0, which saves the first product.
using Guess = std::optional<ConstVector>;

// x = the guess, which may be x itself.
inline void start_at(Space& space, const Guess& guess, Vector x) {
  if (!guess)
    space.fill(x, 0.0);
  else if (guess->data != x.data)
    space.copy(*guess, x);
}

// What fills a slot: outer solver, preconditioner, smoother and coarse solver are one class.
//
// Laws, tested for every registered method:
//   refresh(A) leaves the bits that setup(A) would;
//   a linear method is x = M b with <M b, y> = <b, Mᵀ y>, where Mᵀ is the same call on the transposed operator.
// The matrix is an argument of every call: what a method keeps, it owns. A method is immutable while it solves.
class Method {
 public:
  virtual ~Method() = default;

  virtual void setup(Space& space, const Matrix& A) = 0;
  virtual void refresh(Space& space, const Matrix& A) { setup(space, A); }
  // Called by a hierarchy before setup, where a level's rows are split: coarse[i] >= 0 for those that stay. The array
  // stays as it is until the next setup.
  virtual void split(std::span<const std::int32_t> /*coarse*/) {}
  // The setup and refresh of a hierarchy's coarsest level. Where A is singular, `is_null` knows it better than A's own
  // few entries, which may all be rounding: whether the finest level's matrix takes v, interpolated, to zero.
  using IsNull = FunctionRef<bool(std::span<const double> v)>;
  virtual void setup_coarsest(Space& space, const Matrix& A, IsNull /*is_null*/) { setup(space, A); }
  virtual void refresh_coarsest(Space& space, const Matrix& A, IsNull /*is_null*/) { refresh(space, A); }
  // Called once after a setup or refresh before the first transposed application, with the operator of that.
  virtual void prepare_transpose(Space&, const Operator& /*A*/) {}

  // x = the result of `iterations` iterations for A x = b from guess; guess may be x itself.
  virtual void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x,
                     int iterations) = 0;
  // The same, with the parts of an iteration in reversed order where a method has such parts: the way a cycle smooths
  // after its coarse correction.
  virtual void apply_reversed(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x,
                              int iterations) {
    apply(space, A, b, guess, x, iterations);
  }
  // Improves x until the monitor stops it.
  virtual void solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) = 0;

  virtual bool linear() const = 0;
  // Whether apply does the same work on every call, without a look at the numbers: see Space::replay.
  virtual bool fixed() const = 0;
  virtual std::size_t bytes() const = 0;  // memory owned
  // That of the multigrid method which this one is, or has as its preconditioner; null without one.
  virtual const Hierarchy* hierarchy() const { return nullptr; }
};

// Looks the slot's method up in the registry; throws ConfigError for a name that is not built yet.
std::unique_ptr<Method> make_method(const Slot& slot);
// The same without what the slot's key `scaling` asks for, which the outer solver takes care of.
std::unique_ptr<Method> make_outer_method(const Slot& slot);

// Methods whose iteration is x += M (b − A x): smoothers and AMG itself. They implement apply; solving is the
// same for all.
class Stationary : public Method {
 public:
  void solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) override;
  bool linear() const override { return true; }
  bool fixed() const override { return true; }
};

// Krylov methods implement solve; applying is solving with a monitor that only counts.
class Krylov : public Method {
 public:
  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override;
  bool linear() const override { return false; }
};

// A preconditioner slot: what it holds, and how long one application runs.
class Preconditioner {
 public:
  Preconditioner() = default;  // the identity
  explicit Preconditioner(const Slot& slot);
  // That of a Krylov method, in the precision that its precond_dtype names.
  static Preconditioner of(const Scope& krylov);

  void setup(Space& space, const Matrix& A);
  void refresh(Space& space, const Matrix& A);
  void setup_coarsest(Space& space, const Matrix& A, Method::IsNull is_null);
  void refresh_coarsest(Space& space, const Matrix& A, Method::IsNull is_null);
  void prepare_transpose(Space& space, const Operator& A);
  void split(std::span<const std::int32_t> coarse);
  // z ≈ A⁻¹ r, without A's null space where that is declared
  void apply(Space& space, const Operator& A, ConstVector r, Vector z) const;
  bool linear() const { return !method_ || (!rule_.monitored && method_->linear()); }
  bool fixed() const { return !method_ || (!rule_.monitored && method_->fixed()); }
  std::size_t bytes() const { return (method_ ? method_->bytes() : 0) + (single_ ? single_->bytes() : 0); }
  const Hierarchy* hierarchy() const { return method_ ? method_->hierarchy() : nullptr; }

 private:
  void run(Space& space, const Operator& A, ConstVector r, Vector z) const;

  std::unique_ptr<Method> method_;
  StoppingRule rule_ = StoppingRule::counting(1);
  std::optional<SingleMatrix> single_;  // what the method sees in place of A
};

// A Krylov method with a preconditioner; without one, its letters' M is the identity.
class PreconditionedKrylov : public Krylov {
 public:
  explicit PreconditionedKrylov(Preconditioner M) : M_(std::move(M)) {}

  void setup(Space& space, const Matrix& A) override { M_.setup(space, A); }
  void refresh(Space& space, const Matrix& A) override { M_.refresh(space, A); }
  void prepare_transpose(Space& space, const Operator& A) override { M_.prepare_transpose(space, A); }
  bool fixed() const override { return M_.fixed(); }
  std::size_t bytes() const override { return M_.bytes(); }
  const Hierarchy* hierarchy() const override { return M_.hierarchy(); }

 protected:
  Preconditioner M_;
};

}  // namespace amg
