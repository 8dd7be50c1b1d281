#pragma once

#include "core/scalar_set.h"
#include "core/space.h"

namespace amg {

// x ≈ A⁻¹ b by some iterations of conjugate gradients from 0, preconditioned by M: what a K-cycle does on a
// coarse level, where M is the cycle of that level (Notay and Vassilevski, Numer. Linear Algebra Appl. 15,
// 2008). `flexible` takes Polak and Ribière's beta, <z, r − r_old> / <z_old, r_old> with r − r_old = −alpha A
// p, as M changes from one iteration to the next. No scalar is looked at: always the same work.
template <class Precondition>
void conjugate_gradients(Space& space, const Operator& A, ConstVector b, Vector x, int iterations,
                         bool flexible, const Precondition& M) {
  const WorkVector r = space.like(b), z = space.like(b), p = space.like(b), Ap = space.like(b);
  const ScalarSet<7> scalars(space, b.lanes);
  const Scalar alpha = scalars[0], beta = scalars[1], rz = scalars[2], rz_old = scalars[3], p_Ap = scalars[4],
               z_Ap = scalars[5], one = scalars[6];
  space.fill(one, 1.0);

  M(b, p);
  space.dot(p, {{b, rz}});
  for (int k = 1;; ++k) {
    space.multiply(A, p, Ap, {{p, p_Ap}});
    space.compute(one, {let(alpha, rz / p_Ap), let(rz_old, rz)});
    if (k == 1)
      space.combine(x, {{alpha, p}});
    else
      space.combine(x, {{1, x}, {alpha, p}});
    if (k == iterations) return;

    space.combine(r, {{1, k == 1 ? b : ConstVector(r)}, {-alpha, Ap}});
    M(r, z);
    space.dot(z, {{r, rz}, {Ap, z_Ap}});
    if (flexible) {
      space.compute(one, {let(beta, alpha / rz_old), let(beta, beta * z_Ap)});
      space.combine(p, {{1, z}, {-beta, p}});
    } else {
      space.compute(one, {let(beta, rz / rz_old)});
      space.combine(p, {{1, z}, {beta, p}});
    }
  }
}

}  // namespace amg
