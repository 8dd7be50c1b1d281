#pragma once

#include "core/function_ref.h"
#include "core/space.h"

namespace amg {

// Where the eigenvalues of a preconditioned matrix M A lie, as far as a polynomial cares; 0 < low < high.
struct Spectrum {
  double low;
  double high;
};

// z = M r
using Precondition = FunctionRef<void(ConstVector r, Vector z)>;

// The largest entry of M |A| 1: for a diagonal M the norm |M A|_∞, which bounds every eigenvalue.
double row_sum_bound(Space& space, const Matrix& A, Precondition M);
// The same of a diagonal; or where it consists of blocks, whose signs row sums would miss, the Ritz estimate below.
double jacobi_bound(Space& space, const Matrix& A, const Buffer& diagonal);

// The smallest and 1.1 times the largest of the Ritz values of a few Arnoldi steps (Saad, Numerical Methods for Large
// Eigenvalue Problems, 2011, section 6.2), from a start that depends on nothing but the number of rows.
Spectrum ritz_spectrum(Space& space, const Matrix& A, Precondition M);

// Whether <A u, v> is <u, A v> for random vectors, up to a hundredth of A's Frobenius norm.
bool is_symmetric(Space& space, const Matrix& A);

}  // namespace amg
