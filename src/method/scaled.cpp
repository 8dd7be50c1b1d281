#include "method/scaled.h"

#include <utility>

namespace amg {

namespace {

// A's values are scaled anew for every application, which costs one pass over A and keeps no copy.
class Scaled final : public Method {
 public:
  Scaled(Scaling scaling, std::unique_ptr<Method> method)
      : scaling_(std::move(scaling)), method_(std::move(method)) {}

  void setup(Space& space, const Matrix& A) override { prepare(space, A, &Method::setup); }
  void refresh(Space& space, const Matrix& A) override { prepare(space, A, &Method::refresh); }
  void split(std::span<const std::int32_t> coarse) override { method_->split(coarse); }
  void prepare_transpose(Space& space, const Operator& A) override {
    method_->prepare_transpose(space, ScaledOperator(space, scaling_, A));
  }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    run(space, A, b, guess, x, [&](const Operator& scaled, ConstVector rhs, Guess from) {
      method_->apply(space, scaled, rhs, from, x, iterations);
    });
  }
  void apply_reversed(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x,
                      int iterations) override {
    run(space, A, b, guess, x, [&](const Operator& scaled, ConstVector rhs, Guess from) {
      method_->apply_reversed(space, scaled, rhs, from, x, iterations);
    });
  }
  void solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) override {
    run(space, A, b, ConstVector(x), x, [&](const Operator& scaled, ConstVector rhs, Guess) {
      method_->solve(space, scaled, rhs, x, monitor);
    });
  }

  bool linear() const override { return method_->linear(); }
  bool fixed() const override { return method_->fixed(); }
  std::size_t bytes() const override { return method_->bytes() + scaling_.bytes(); }
  const Hierarchy* hierarchy() const override { return method_->hierarchy(); }

 private:
  void prepare(Space& space, const Matrix& A, void (Method::*how)(Space&, const Matrix&)) {
    scaling_.setup(space, A);
    const ScaledOperator scaled(space, scaling_, {A, {}, Mode::plain});
    ((*method_).*how)(space, static_cast<const Operator&>(scaled).matrix);
  }

  template <class Solve>
  void run(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, const Solve& solve) const {
    // Whoever calls a preconditioner takes the null space out of what it returns.
    const ScaledOperator scaled(space, scaling_, {A.matrix, A.transpose, A.mode});
    const WorkVector rhs = space.like(b);
    space.scale_rows(scaled.of_rows().scale.data(), 1.0, b, rhs);
    if (guess) {
      space.scale_rows(scaled.of_columns().inverse.data(), 1.0, *guess, x);
      guess = ConstVector(x);
    }
    solve(scaled, rhs, guess);
    space.scale_rows(scaled.of_columns().scale.data(), 1.0, x, x);
  }

  Scaling scaling_;
  std::unique_ptr<Method> method_;
};

}  // namespace

std::unique_ptr<Method> make_scaled(Scaling scaling, std::unique_ptr<Method> method) {
  return std::make_unique<Scaled>(std::move(scaling), std::move(method));
}

}  // namespace amg
