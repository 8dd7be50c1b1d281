#pragma once

#include "core/space.h"

namespace amg {

// y = first + Σ term(i) for begin <= i < end, three of them a pass. Traffic: 5/3 vectors a term, and first.
template <class TermOf>
void combine_range(Space& space, Vector y, Term first, int begin, int end, TermOf term) {
  const auto term_or_nothing = [&](int i) { return i < end ? term(i) : Term{0.0, y}; };
  int i = begin;
  do {
    space.combine(y, {first, term_or_nothing(i), term_or_nothing(i + 1), term_or_nothing(i + 2)});
    first = {1.0, y};
    i += 3;
  } while (i < end);
}

}  // namespace amg
