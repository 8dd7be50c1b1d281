#pragma once

#include <cstdint>

// Scalars of an iteration (alpha, beta …), one value per lane. They live in the memory of the execution space,
// so that a GPU computes them without asking the host; host code only ever names them.

namespace amg {

struct Scalar {
  double* data = nullptr;
  std::int32_t lanes = 1;
};

// ± a scalar, or a plain number: what multiplies a vector.
struct Coefficient {
  Coefficient(double number) : factor(number) {}
  Coefficient(Scalar s, double sign = 1.0) : scalar(s), factor(sign) {}

  Scalar scalar{};
  double factor = 1.0;

  double of_lane(std::int32_t lane) const { return scalar.data ? factor * scalar.data[lane] : factor; }
};

inline Coefficient operator-(Scalar s) { return {s, -1.0}; }

// Arithmetic on scalars, carried out lane by lane by Space::compute:
//   space.compute(active, {let(alpha, rho / pq), let(beta, rr / rho)});
struct ScalarExpression {
  enum class Op : std::uint8_t { copy, multiply, divide };
  Op op;
  Scalar a;
  Scalar b{};
};

struct ScalarAssignment {
  Scalar out;
  ScalarExpression value;
};

inline ScalarExpression operator*(Scalar a, Scalar b) { return {ScalarExpression::Op::multiply, a, b}; }
inline ScalarExpression operator/(Scalar a, Scalar b) { return {ScalarExpression::Op::divide, a, b}; }
inline ScalarAssignment let(Scalar out, ScalarExpression value) { return {out, value}; }
inline ScalarAssignment let(Scalar out, Scalar value) { return {out, {ScalarExpression::Op::copy, value}}; }

}  // namespace amg
