#pragma once

#include <cstdint>

#include "method/method.h"
#include "smoothers/spectrum.h"

namespace amg {

// first: T_n, the smallest on an interval. second: U_n, larger at its ends and smaller beside it in the complex plane.
enum class ChebyshevKind : std::uint8_t { first, second };

// The parts of a polynomial method: x += p(M A) M (b − A x), where the error is multiplied by the Chebyshev polynomial of
// that order on the spectrum. Saad, Iterative Methods for Sparse Linear Systems (2003), algorithm 12.1; polynomials of the
// second kind have the same recurrence from another start.
//
// Its transpose is the same with Aᵀ and Mᵀ: p(M A) M is M p(A M). Traffic of a sweep: order (A + 10 vectors) beside M.
void chebyshev(Space& space, const Operator& A, Precondition M, const Spectrum& spectrum, ChebyshevKind kind,
               int order, ConstVector b, Guess guess, Vector x, int sweeps);

}  // namespace amg
