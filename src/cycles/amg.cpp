#include "amg/error.h"
#include "config/parameters.h"
#include "method/method.h"
#include "setup/hierarchy.h"

namespace amg {

namespace {

// Algebraic multigrid; one iteration is one V cycle (Briggs, Henson, McCormick, A Multigrid Tutorial, ch. 3).
//
// The transposed cycle runs on the transposed matrices with pre- and post-smoothing exchanged; P and R = Pᵀ
// keep their places, since (P A_c⁻¹ R)ᵀ = P A_c⁻ᵀ R.
class Amg final : public Stationary {
 public:
  explicit Amg(const Scope& scope)
      : hierarchy_(scope),
        intensity_(scope.get(param::intensive_smoothing) != 0 ? 4 : 1),
        presweeps_(intensity_ * scope.get(param::presweeps)),
        postsweeps_(intensity_ * scope.get(param::postsweeps)),
        finest_sweeps_(intensity_ * scope.get(param::finest_sweeps)),
        coarsest_sweeps_(intensity_ * scope.get(param::coarsest_sweeps)) {
    if (const std::string cycle = scope.get(param::cycle); cycle != "V")
      throw ConfigError(scope.path() + ".cycle: " + cycle + " is not available in this version; choose V");
    if (scope.get(param::error_scaling) != 0)
      throw ConfigError(scope.path() + ".error_scaling: only 0 is available in this version");
  }

  void setup(Space& space, const Matrix& A) override {
    hierarchy_.setup(space, A);
    form_tail(space);
  }
  void refresh(Space& space, const Matrix& A) override {
    hierarchy_.refresh(space, A);
    form_tail(space);
  }
  void prepare_transpose(Space& space, const Operator& A) override { hierarchy_.prepare_transpose(space, A); }
  bool linear() const override { return hierarchy_.linear(); }
  bool fixed() const override { return hierarchy_.fixed(); }
  std::size_t bytes() const override { return hierarchy_.bytes() + tail_.bytes(); }
  const Hierarchy* hierarchy() const override { return &hierarchy_; }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    if (iterations == 0) return guess ? space.copy(*guess, x) : space.fill(x, 0.0);
    cycle(space, 0, A, b, guess, x);
    for (int k = 1; k < iterations; ++k) cycle(space, 0, A, b, x, x);
  }

 private:
  void cycle(Space& space, std::size_t l, const Operator& A, ConstVector b, Guess guess, Vector x) const {
    const Level& level = hierarchy_[l];
    if (l == tail_level_) return space.multiply_dense(tail_.data(), A.mode, b, x);
    if (hierarchy_.is_coarsest(l)) return solve_coarsest(space, level, A, b, guess, x);
    const bool plain = A.mode == Mode::plain;
    const bool others = l == 0 && finest_sweeps_ >= 0;
    const int before = others ? finest_sweeps_ : presweeps_, after = others ? finest_sweeps_ : postsweeps_;
    // A cycle smooths in reversed order after the correction, hence its transpose before.
    const auto smooth = [&](bool first, Guess from, Vector to) {
      Method& smoother = *level.smoother;
      if (first == plain)
        smoother.apply(space, A, b, from, to, before);
      else
        smoother.apply_reversed(space, A, b, from, to, after);
    };

    const WorkVector y = space.like(b), r = space.like(b);
    const WorkVector b_coarse = space.vector(level.R.rows(), b.lanes, b.dtype);
    const WorkVector x_coarse = space.vector(level.R.rows(), b.lanes, b.dtype);
    const Operator P{level.P, {}, Mode::plain}, R{level.R, {}, Mode::plain};

    smooth(true, guess, y);
    space.residual(A, b, y, r);
    space.multiply(R, r, b_coarse);
    cycle(space, l + 1, hierarchy_.matrix(l + 1, A), b_coarse, {}, x_coarse);
    space.multiply_add(P, x_coarse, y);
    smooth(false, ConstVector(y), x);
  }

  // The cycle from the first small level on as one dense matrix: what it makes of the columns of the identity.
  void form_tail(Space& space) {
    tail_level_ = no_tail;
    std::size_t l = 1;
    while (l < hierarchy_.size() && hierarchy_[l].A.rows() > space.dense_tail_rows()) ++l;
    if (l + 1 >= hierarchy_.size() || !hierarchy_.linear()) return;
    const Matrix A = hierarchy_[l].A;
    tail_ = Buffer(space.memory(), static_cast<std::size_t>(A.rows * A.rows) * size_of(A.dtype));
    const WorkVector identity = space.vector(A.rows, static_cast<std::int32_t>(A.rows), A.dtype);
    space.identity(identity);
    cycle(space, l, {A, {}, Mode::plain}, identity, {},
          {tail_.data(), A.dtype, A.rows, static_cast<std::int32_t>(A.rows)});
    tail_level_ = l;
  }

  void solve_coarsest(Space& space, const Level& level, const Operator& A, ConstVector b, Guess guess,
                      Vector x) const {
    if (const Preconditioner* solver = hierarchy_.coarse_solver()) return solver->apply(space, A, b, x);
    level.smoother->apply(space, A, b, guess, x, coarsest_sweeps_);
  }

  static constexpr auto no_tail = static_cast<std::size_t>(-1);

  Hierarchy hierarchy_;
  std::size_t tail_level_ = no_tail;
  Buffer tail_;
  int intensity_;  // what intensive_smoothing multiplies all sweeps by
  int presweeps_;
  int postsweeps_;
  int finest_sweeps_;  // negative: as on the other levels
  int coarsest_sweeps_;
};

}  // namespace

std::unique_ptr<Method> make_amg(const Slot& slot) { return std::make_unique<Amg>(slot.scope); }

}  // namespace amg
