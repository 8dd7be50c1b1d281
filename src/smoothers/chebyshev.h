#pragma once

#include "method/method.h"
#include "smoothers/spectrum.h"

namespace amg {

// The parts of a polynomial method: x += p(M A) M (b − A x) with the Chebyshev polynomial of so high an order that is
// smallest on the spectrum. Saad, Iterative Methods for Sparse Linear Systems (2003), algorithm 12.1.
//
// Its transpose is the same with Aᵀ and Mᵀ: p(M A) M is M p(A M). Traffic of a sweep: order (A + 10 vectors) beside M.
void chebyshev(Space& space, const Operator& A, Precondition M, const Spectrum& spectrum, int order,
               ConstVector b, Guess guess, Vector x, int sweeps);

}  // namespace amg
