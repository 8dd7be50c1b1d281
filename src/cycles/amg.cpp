#include <string>

#include "config/parameters.h"
#include "core/scalar_set.h"
#include "cycles/conjugate_gradients.h"
#include "cycles/cycles_below.h"
#include "method/method.h"
#include "setup/hierarchy.h"

namespace amg {

namespace {

enum class Shape : std::uint8_t { V, W, F, CG, CGF };

Shape shape_of(const Scope& scope) {
  const std::string name = scope.get(param::cycle);
  if (name == "V") return Shape::V;
  if (name == "W") return Shape::W;
  if (name == "F") return Shape::F;
  return name == "CG" ? Shape::CG : Shape::CGF;
}

// Constant interpolation on aggregates makes corrections too small, which a scale repairs; elsewhere AmgX has
// none, and with a nonsymmetric matrix that is for the better.
int error_scaling_of(const Scope& scope) {
  const int kind = scope.get(param::error_scaling);
  return scope.get(param::algorithm) == std::string("AGGREGATION") ? kind : 0;
}

// x = guess + M (b − A guess), and M b without a guess
template <class Map>
void improve(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, const Map& M) {
  if (!guess) return M(b, x);
  const WorkVector r = space.like(b), e = space.like(b);
  space.residual(A, b, *guess, r);
  M(r, e);
  space.combine(x, {{1, *guess}, {1, e}});
}

// Algebraic multigrid; one iteration is one cycle (Briggs, Henson, McCormick, A Multigrid Tutorial, ch. 3).
//
// The cycles differ in what they do on level l + 1 for a correction on level l:
//   V         one cycle
//   W         two, the second from what the first has left; fewer where cycles_below says so
//   F         an F, then a V
//   CG, CGF   cycle_iters iterations of conjugate gradients, preconditioned by the cycle: not linear
//
// The transposed cycle runs on the transposed matrices with pre- and post-smoothing exchanged, and an F after
// the V; P and R = Pᵀ keep their places, since (P A_c⁻¹ R)ᵀ = P A_c⁻ᵀ R.
class Amg final : public Stationary {
 public:
  explicit Amg(const Scope& scope)
      : hierarchy_(scope),
        shape_(shape_of(scope)),
        cycle_iters_(scope.get(param::cycle_iters)),
        error_scaling_(error_scaling_of(scope)),
        scaling_sweeps_(scope.get(param::scaling_smoother_steps)),
        reuse_scale_(scope.get(param::reuse_scale)),
        intensity_(scope.get(param::intensive_smoothing) != 0 ? 4 : 1),
        presweeps_(intensity_ * scope.get(param::presweeps)),
        postsweeps_(intensity_ * scope.get(param::postsweeps)),
        finest_sweeps_(intensity_ * scope.get(param::finest_sweeps)),
        coarsest_sweeps_(intensity_ * scope.get(param::coarsest_sweeps)) {}

  void setup(Space& space, const Matrix& A) override {
    hierarchy_.setup(space, A);
    plan(space);
  }
  void refresh(Space& space, const Matrix& A) override {
    hierarchy_.refresh(space, A);
    plan(space);
  }
  void prepare_transpose(Space& space, const Operator& A) override { hierarchy_.prepare_transpose(space, A); }
  bool linear() const override { return hierarchy_.linear() && !accelerated() && error_scaling_ == 0; }
  bool fixed() const override { return hierarchy_.fixed(); }
  std::size_t bytes() const override { return hierarchy_.bytes() + tail_.bytes() + v_tail_.bytes(); }
  const Hierarchy* hierarchy() const override { return &hierarchy_; }

  void apply(Space& space, const Operator& A, ConstVector b, Guess guess, Vector x, int iterations) override {
    const ScalarArray scales(space, error_scaling_ != 0 ? static_cast<int>(hierarchy_.size()) : 0, b.lanes);
    if (iterations == 0) return start_at(space, guess, x);
    for (int k = 0; k < iterations; ++k) {
      const Run run{space, scales, k % (reuse_scale_ + 1) == 0};
      cycle(run, shape_, 0, A, b, k == 0 ? guess : Guess(x), x);
    }
  }

 private:
  // One cycle from the finest level down.
  struct Run {
    Space& space;
    const ScalarArray& scales;  // error_scaling's of the levels
    bool scales_anew;
  };

  bool accelerated() const { return shape_ == Shape::CG || shape_ == Shape::CGF; }

  void cycle(const Run& run, Shape shape, std::size_t l, const Operator& A, ConstVector b, Guess guess,
             Vector x) const {
    Space& space = run.space;
    const Level& level = hierarchy_[l];
    if (l == tail_level_)
      return improve(space, A, b, guess, x, [&](ConstVector from, Vector to) {
        space.multiply_dense((shape == shape_ ? tail_ : v_tail_).data(), A.mode, from, to);
      });
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
    solve_coarse(run, shape, l, hierarchy_.matrix(l + 1, A), b_coarse, x_coarse);
    if (error_scaling_ == 0)
      space.multiply_add(P, x_coarse, y);
    else
      add_scaled(run, l, A, r, P, x_coarse, y);
    smooth(false, ConstVector(y), x);
  }

  // x ≈ A⁻¹ b on level l + 1, by what the shape asks of a visit of level l.
  void solve_coarse(const Run& run, Shape shape, std::size_t l, const Operator& A, ConstVector b,
                    Vector x) const {
    const auto descend = [&](Shape next, ConstVector from, Guess guess, Vector to) {
      cycle(run, next, l + 1, A, from, guess, to);
    };
    if (shape == Shape::V || l + 1 == exact_level_) return descend(shape, b, {}, x);
    if (shape == Shape::F) {
      const bool plain = A.mode == Mode::plain;
      descend(plain ? Shape::F : Shape::V, b, {}, x);
      return descend(plain ? Shape::V : Shape::F, b, ConstVector(x), x);
    }
    if (shape == Shape::W) {
      descend(shape, b, {}, x);
      for (int k = 1; k < cycles_below_[l]; ++k) descend(shape, b, ConstVector(x), x);
      return;
    }
    if (cycles_below_[l] < cycle_iters_) return descend(shape, b, {}, x);
    conjugate_gradients(run.space, A, b, x, cycle_iters_, shape == Shape::CGF,
                        [&](ConstVector r, Vector z) { descend(shape, r, {}, z); });
  }

  // y += λ e, where e is P x_c, smoothed: of the least |r − λ A e|, or of the least error in the A-norm.
  void add_scaled(const Run& run, std::size_t l, const Operator& A, ConstVector r, const Operator& P,
                  ConstVector x_coarse, Vector y) const {
    Space& space = run.space;
    const WorkVector e = space.like(y);
    space.multiply(P, x_coarse, e);
    hierarchy_[l].smoother->apply(space, A, r, ConstVector(e), e, scaling_sweeps_);
    const Scalar scale = run.scales[static_cast<int>(l)];
    if (run.scales_anew) {
      const WorkVector Ae = space.like(y);
      const ScalarSet<3> scalars(space, y.lanes);
      const Scalar above = scalars[0], below = scalars[1], one = scalars[2];
      space.fill(one, 1.0);
      if (error_scaling_ == 2) {
        space.multiply(A, e, Ae, {{r, above}, {Ae, below}});
      } else {
        space.multiply(A, e, Ae, {{e, below}});
        space.dot(e, {{r, above}});
      }
      space.compute(one, {let(scale, above / below)});
    }
    space.combine(y, {{1, y}, {scale, e}});
  }

  void solve_coarsest(Space& space, const Level& level, const Operator& A, ConstVector b, Guess guess,
                      Vector x) const {
    const Preconditioner* solver = hierarchy_.coarse_solver();
    if (!solver) return level.smoother->apply(space, A, b, guess, x, coarsest_sweeps_);
    improve(space, A, b, guess, x, [&](ConstVector r, Vector e) { solver->apply(space, A, r, e); });
  }

  // What follows from the hierarchy.
  void plan(Space& space) {
    exact_level_ = hierarchy_.ends_exactly() ? hierarchy_.size() - 1 : no_level;
    cycles_below_ = amg::cycles_below(hierarchy_.grid(), accelerated() ? cycle_iters_ : 2);
    form_tail(space);
  }

  // The cycle from the first small level on as one dense matrix: what it makes of the columns of the
  // identity.
  void form_tail(Space& space) {
    tail_level_ = no_level;
    std::size_t l = 1;
    while (l < hierarchy_.size() && hierarchy_[l].A.rows() > space.dense_tail_rows()) ++l;
    if (l + 1 >= hierarchy_.size() || !linear()) return;
    const Matrix A = hierarchy_[l].A;
    const WorkVector identity = space.vector(A.rows, static_cast<std::int32_t>(A.rows), A.dtype);
    space.identity(identity);
    const ScalarArray no_scales(space, 0, 1);
    const auto form = [&](Shape shape, Buffer& dense) {
      dense = Buffer(space.memory(), static_cast<std::size_t>(A.rows * A.rows) * size_of(A.dtype));
      cycle({space, no_scales, false}, shape, l, {A, {}, Mode::plain}, identity, {},
            {dense.data(), A.dtype, A.rows, static_cast<std::int32_t>(A.rows)});
    };
    form(shape_, tail_);
    if (shape_ == Shape::F) form(Shape::V, v_tail_);
    tail_level_ = l;
  }

  static constexpr auto no_level = static_cast<std::size_t>(-1);

  Hierarchy hierarchy_;
  Shape shape_;
  int cycle_iters_;
  int error_scaling_;
  int scaling_sweeps_;
  int reuse_scale_;
  int intensity_;  // what intensive_smoothing multiplies all sweeps by
  int presweeps_;
  int postsweeps_;
  int finest_sweeps_;  // negative: as on the other levels
  int coarsest_sweeps_;

  std::size_t exact_level_ = no_level;  // the coarsest one, where one cycle is all that there is to do
  std::vector<int> cycles_below_;
  std::size_t tail_level_ = no_level;
  Buffer tail_;
  Buffer v_tail_;  // of the V's in an F
};

}  // namespace

std::unique_ptr<Method> make_amg(const Slot& slot) { return std::make_unique<Amg>(slot.scope); }

}  // namespace amg
