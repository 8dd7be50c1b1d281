#include <algorithm>
#include <vector>

#include "config/parameters.h"
#include "krylov/combine_range.h"
#include "method/method.h"

namespace amg {

namespace {

// IDR(s) with biorthogonalisation: van Gijzen and Sonneveld, ACM Trans. Math. Softw. 38 (2011), algorithm 913,
// with the preconditioner on the right. Letters as there; P is the shadow space, of numbers hashed from the row.
//
// An iteration is one product and one preconditioning: s steps that bring G to the next Sonneveld space, then
// one that lowers the residual. Traffic of a step on average, beside the preconditioner's: A and 6 s + 12 vectors.
class Idr final : public PreconditionedKrylov {
 public:
  Idr(Preconditioner M, int s) : PreconditionedKrylov(std::move(M)), s_(s) {}

  void solve(Space& space, const Operator& A, ConstVector b, Vector x, Monitor& monitor) override {
    const int s = static_cast<int>(std::min<std::int64_t>(s_, b.rows));
    const WorkVector r = space.like(b), v = space.like(b), t = space.like(b);
    const ScalarSet<8> scalars(space, b.lanes);
    const Scalar omega = scalars[0], beta = scalars[1], rr = scalars[2], tr = scalars[3], tt = scalars[4],
                 stretch = scalars[5], square = scalars[6], kappa = scalars[7];
    const ScalarArray shadow_products(space, s * s, b.lanes), f(space, s, b.lanes), c(space, s, b.lanes);
    const Scalar active = monitor.active();

    space.residual(A, b, x, r, {{r, rr}});
    if (monitor.start(r, rr)) return;

    std::vector<WorkVector> P, G, U;
    for (int k = 0; k < s; ++k) {
      for (auto* vectors : {&P, &G, &U}) vectors->push_back(space.like(b));
      space.random(P.back(), static_cast<std::uint64_t>(k));
    }
    const auto p = [&](int i) -> Vector { return P[static_cast<std::size_t>(i)]; };
    const auto g = [&](int i) -> Vector { return G[static_cast<std::size_t>(i)]; };
    const auto u = [&](int i) -> Vector { return U[static_cast<std::size_t>(i)]; };
    const auto M = [&](int i, int k) { return shadow_products[i * s + k]; };

    // M = 0 gives c = 0 in the first round, which leaves G and U out of it.
    shadow_products.clear(space);
    space.compute(active, {let(omega, active)});
    space.write(kappa, std::vector(static_cast<std::size_t>(b.lanes), 0.7));

    // out(i) = <p_i, y> for begin <= i < s, two a pass
    const auto shadow = [&](ConstVector y, int begin, auto out) {
      int i = begin;
      for (; i + 1 < s; i += 2) space.dot(y, {{p(i), out(i)}, {p(i + 1), out(i + 1)}});
      if (i < s) space.dot(y, {{p(i), out(i)}});
    };

    const auto step = [&](int k) {
      if (k == 0) shadow(r, 0, [&](int i) { return f[i]; });
      std::vector<ScalarAssignment> program;  // M c = f, lower triangular, from row k on
      for (int i = k; i < s; ++i) {
        program.push_back(let(c[i], f[i]));
        for (int j = k; j < i; ++j) program.push_back(let(c[i], c[i] - M(i, j) * c[j]));
        program.push_back(let(c[i], c[i] / M(i, i)));
      }
      space.compute(active, program);
      combine_range(space, t, {1, r}, k, s, [&](int i) { return Term{-c[i], g(i)}; });
      M_.apply(space, A, t, v);
      combine_range(space, u(k), {c[k], u(k)}, k, s,
                    [&](int i) { return i == k ? Term{omega, v} : Term{c[i], u(i)}; });

      // g_k orthogonal to p_0 … p_{k−1}; the coefficients lie above M's diagonal, where nothing else does.
      space.multiply(A, u(k), g(k), {{p(0), M(0, k)}});
      for (int i = 0; i < k; ++i) {
        space.compute(active, {let(M(i, k), M(i, k) / M(i, i))});
        space.combine(g(k), {{1, g(k)}, {-M(i, k), g(i)}}, {{p(i + 1), M(i + 1, k)}});
      }
      if (k > 0) combine_range(space, u(k), {1, u(k)}, 0, k, [&](int i) { return Term{-M(i, k), u(i)}; });
      shadow(g(k), k + 1, [&](int i) { return M(i, k); });

      program = {let(beta, f[k] / M(k, k))};
      for (int i = k + 1; i < s; ++i) program.push_back(let(f[i], f[i] - beta * M(i, k)));
      space.compute(active, program);
      space.combine(x, {{1, x}, {beta, u(k)}});
      space.combine(r, {{1, r}, {-beta, g(k)}}, {{r, rr}});
    };

    // The least residual along A M⁻¹ r, but never a step so short that the next spaces lose accuracy: Sleijpen
    // and van der Vorst, Numer. Algorithms 10 (1995), lengthen it where the angle between r and t is large.
    const auto enter_next_space = [&] {
      M_.apply(space, A, r, v);
      space.multiply(A, v, t, {{r, tr}, {t, tt}});
      space.compute(
          active, {let(stretch, tt * rr), let(square, tr * tr), let(stretch, stretch / square),
                   let(stretch, root(stretch)), let(stretch, kappa * stretch),
                   let(stretch, larger(stretch, active)), let(omega, tr / tt), let(omega, stretch * omega)});
      space.combine(x, {{1, x}, {omega, v}});
      space.combine(r, {{1, r}, {-omega, t}}, {{r, rr}});
    };

    std::vector<Recording> recordings(static_cast<std::size_t>(s) + 1, Recording(M_.fixed()));
    for (;;) {
      for (int k = 0; k < s; ++k) {
        space.replay(recordings[static_cast<std::size_t>(k)], [&] { step(k); });
        if (monitor.advance(r, rr, {M(k, k)})) return;
      }
      space.replay(recordings.back(), enter_next_space);
      if (monitor.advance(r, rr, {omega})) return;
    }
  }

 private:
  int s_;
};

}  // namespace

std::unique_ptr<Method> make_idr(const Slot& slot) {
  return std::make_unique<Idr>(Preconditioner::of(slot.scope),
                               static_cast<int>(slot.scope.get(param::subspace_dim_s)));
}

}  // namespace amg
