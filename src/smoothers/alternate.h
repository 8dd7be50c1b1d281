#pragma once

#include <array>

#include "core/function_ref.h"
#include "method/method.h"

namespace amg {

// Runs sweeps that read one vector and write another: they write to x and a spare in turn, so that the last one lands
// in x. sweep(k, from, to) is the k-th; `from` without data stands for zero.
inline void alternate(Space& space, Guess guess, Vector x, int sweeps,
                      FunctionRef<void(int k, ConstVector from, Vector to)> sweep) {
  if (sweeps == 0) return guess ? space.copy(*guess, x) : space.fill(x, 0.0);
  const WorkVector other = space.like(x);
  const std::array<Vector, 2> target = {x, other};
  ConstVector from = guess.value_or(ConstVector{});
  for (int k = 0; k < sweeps; ++k) {
    const Vector to = target[static_cast<std::size_t>((sweeps - 1 - k) % 2)];
    if (from.data == to.data) {
      space.copy(from, other);
      from = other;
    }
    sweep(k, from, to);
    from = to;
  }
}

}  // namespace amg
