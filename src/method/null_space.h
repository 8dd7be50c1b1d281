#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/space.h"

namespace amg {

// The null spaces of a singular A as a call brings them, in the memory of its space: orthonormal vectors, one after
// the other. A disconnected domain has components, and what a vector has in the rows of one is a vector of its own.
// Rows belong to runs, short pieces of one component, and runs to components; python/jaxamg/_nullspace.py makes both.
struct NullSpaces {
  const void* right = nullptr;  // A q = 0
  const void* left = nullptr;   // Aᵀ q = 0; may be `right`
  std::int32_t right_count = 0;
  std::int32_t left_count = 0;
  std::span<const std::int32_t> run_of_row;
  std::span<const std::int32_t> component_of_run;

  explicit operator bool() const { return right_count > 0; }
};

// Sums over the rows of every component, by way of the runs: in parallel, in an order that depends on the rows alone.
struct ComponentSums {
  ComponentSums(Space& space, DType dtype, const NullSpaces& of);

  CsrMatrix to_rows;  // what a run has → its rows, all entries 1
  TransposedPattern from_rows;
  CsrMatrix to_runs;  // what a component has → its runs
  CsrMatrix from_runs;
};

// A null space and the projection along it, Q being its orthonormal basis; for one call.
class NullSpace {
 public:
  NullSpace(Space& space, std::shared_ptr<const ComponentSums> sums, const void* vectors, std::int32_t count,
            DType dtype);
  // What a matrix of so many rows takes to zero if all its rows sum to zero.
  static NullSpace constants(Space& space, std::int64_t rows, DType dtype);

  // Of A diag(scale), where this one is A's: spanned by diag(inverse) Q, along which x −= diag(inverse) Q Qᵀ diag(scale) x
  // projects. That takes away what Q Qᵀ would of diag(scale) x.
  NullSpace scaled(Space& space, const void* scale, const void* inverse) const;

  // x −= Q Qᵀ x. Traffic for each vector: 4 x, and 28 bytes a row in float64.
  void remove(Space& space, Vector x) const;

 private:
  NullSpace() = default;

  // Column j of Q, as the map to the runs, and negated as the map back.
  struct Column {
    CsrMatrix to_runs;
    CsrMatrix from_runs;
  };

  std::shared_ptr<const ComponentSums> sums_;
  std::vector<Column> columns_;
};

// The two null spaces of a call.
struct Quotient {
  Quotient(Space& space, DType dtype, const NullSpaces& declared);

  // Whether A takes the right one to zero and Aᵀ the left one, judged by random vectors.
  Reason fault(Space& space, const Operator& A) const;
  // Whether what A cannot reach is declared to have the unit vectors of A.matrix's rows of zeros.
  bool has_zero_rows(Space& space, const Operator& A) const;

  std::shared_ptr<const NullSpace> right;
  std::shared_ptr<const NullSpace> left;
};

// v, computed on the host, in the space and the precision that are asked for.
WorkVector uploaded(Space& space, std::span<const double> v, DType dtype);

// Whether A v is rounding, or `tolerance` if that is larger, of ‖v‖∞ Σ_j |a_ij| in every row i: beside large rows, small
// ones that are not singular count as well. v has one lane.
bool vanishes(Space& space, const Operator& A, ConstVector v, double tolerance = 0.0);

}  // namespace amg
