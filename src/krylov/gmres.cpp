#include <algorithm>
#include <cmath>
#include <vector>

#include "config/parameters.h"
#include "krylov/combine_range.h"
#include "method/method.h"

namespace amg {

namespace {

// GMRES(m), flexible, with the preconditioner on the right, so that r is the residual of the system itself: Saad,
// Iterative Methods for Sparse Linear Systems (2003), algorithms 6.9 and 9.6. GMRES and FGMRES are one method
// here: a preconditioner may change from one iteration to the next.
//
// Arnoldi's vectors are v; column k of the Hessenberg matrix, h, is made triangular by reflections (c, s) as it comes.
// Instead of solving with the triangle R at the end, directions p = Z R⁻¹ are kept (Saad and Wu, DQGMRES, Numer.
// Linear Algebra Appl. 3, 1996): x and r are those of the iteration just done, so that every norm can be
// monitored and every lane stops where it likes, and no column is needed for longer than its iteration. It also
// is DQGMRES, if only the last `kept` < m vectors are orthogonalized against.
//
// Where A p is a combination of what A made of the directions before, as far as rounding lets one tell, R is singular:
// nothing of p is taken, and the lane has broken down (Brown and Walker, SIAM J. Matrix Anal. Appl. 18, 1997).
//
// Traffic of iteration k of a cycle beside the preconditioner's: A, 4 k vectors for the modified Gram-Schmidt
// sweep, 5/3 k for p, and 10. Memory: 2 (kept + 1) vectors, taken as a cycle first needs them.
class Gmres final : public PreconditionedKrylov {
 public:
  Gmres(Preconditioner M, int restart, int kept)
      : PreconditionedKrylov(std::move(M)), restart_(restart), kept_(kept) {}

  void solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) override {
    const WorkVector r = space.like(b);
    const ScalarSet<13> scalars(space, b.lanes);
    const Scalar rr = scalars[0], ww = scalars[1], gamma = scalars[2], inverse = scalars[3],
                 step = scalars[4], shrink = scalars[5], turn = scalars[6], turned = scalars[7],
                 size = scalars[8], pivot = scalars[9], goes = scalars[10], noise = scalars[11],
                 zero = scalars[12];
    const ScalarArray h(space, restart_ + 1, b.lanes), c(space, restart_, b.lanes),
        s(space, restart_, b.lanes), rho(space, restart_, b.lanes);
    const Scalar active = monitor.active();

    space.residual(A, b, x, r, {{r, rr}});
    if (monitor.start(r, rr)) return;
    space.fill(noise, std::pow(100 * epsilon(b.dtype), 2));
    space.clear(zero);

    // Vectors i of the basis and of the directions, in rings of kept + 1.
    std::vector<WorkVector> basis, directions;
    const auto in_ring = [this](int i) { return static_cast<std::size_t>(i % (kept_ + 1)); };
    const auto v = [&](int i) -> Vector { return basis[in_ring(i)]; };
    const auto p = [&](int i) -> Vector { return directions[in_ring(i)]; };
    const auto need = [&](std::vector<WorkVector>& ring, int i) {
      while (ring.size() <= in_ring(i)) ring.push_back(space.like(b));
    };

    // Column k of R from column k of the Hessenberg matrix, in place, entry i divided by R_ii = rho_i as p needs
    // it; and the reflection k that takes h_{k+1} = |w| to zero.
    const auto reflect = [&](int k, int top) {
      std::vector<ScalarAssignment> program;
      for (int i = top; i < k; ++i) {
        const Scalar upper = h[i], lower = h[i + 1];
        program.insert(program.end(), {let(turned, c[i] * upper + s[i] * lower),
                                       let(lower, s[i] * upper - c[i] * lower), let(upper, turned / rho[i])});
      }
      program.insert(
          program.end(),
          {let(h[k + 1], root(ww)), let(rho[k], h[k] * h[k] + ww), let(pivot, rho[k] - noise * size),
           let(pivot, larger(pivot, zero)), let(goes, pivot / pivot), let(rho[k], root(rho[k])),
           let(c[k], h[k] / rho[k]), let(s[k], h[k + 1] / rho[k]), let(inverse, active / h[k + 1]),
           let(step, c[k] * gamma), let(gamma, s[k] * gamma), let(turn, c[k] * gamma),
           let(shrink, s[k] * s[k]), let(step, step / rho[k]), let(step, goes * step)});
      space.compute(active, program);
    };

    const auto iterate = [&](int k) {
      const int first = std::max(0, k + 1 - kept_), top = std::max(0, k - kept_);
      M_.apply(space, A, v(k), p(k));
      const Vector w = v(k + 1);
      space.multiply(A, p(k), w, {{v(first), h[first]}, {w, size}});
      for (int i = first; i <= k; ++i)
        space.combine(w, {{1, w}, {-h[i], v(i)}}, {i < k ? Dot{v(i + 1), h[i + 1]} : Dot{w, ww}});

      if (top < first) space.clear(h[top]);  // outside the band; the last reflection reaches there
      reflect(k, top);
      space.combine(w, {{inverse, w}});
      combine_range(space, p(k), {1, p(k)}, top, k, [&](int i) { return Term{-h[i], p(i)}; });
      space.combine(x, {{1, x}, {step, p(k)}});
      space.combine(r, {{shrink, r}, {-turn, w}}, {{r, rr}});
    };

    std::vector<Recording> recordings(static_cast<std::size_t>(restart_), Recording(M_.fixed()));
    for (;;) {
      need(basis, 0);
      space.compute(active, {let(gamma, root(rr)), let(inverse, active / gamma)});
      space.combine(v(0), {{inverse, r}});
      for (int k = 0; k < restart_; ++k) {
        need(basis, k + 1);
        need(directions, k);
        space.replay(recordings[static_cast<std::size_t>(k)], [&] { iterate(k); });
        if (monitor.advance(r, rr, {pivot})) return;
      }
      space.residual(A, b, x, r, {{r, rr}});
    }
  }

 private:
  int restart_;
  int kept_;
};

}  // namespace

std::unique_ptr<Method> make_gmres(const Slot& slot) {
  const auto restart = static_cast<int>(slot.scope.get(param::gmres_n_restart));
  const auto kept = static_cast<int>(slot.scope.get(param::gmres_krylov_dim));
  return std::make_unique<Gmres>(Preconditioner::of(slot.scope), restart,
                                 kept == 0 ? restart : std::min(kept, restart));
}

}  // namespace amg
