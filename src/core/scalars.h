#pragma once

#include <cmath>
#include <cstdint>

#include "core/dtype.h"

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

  AMG_HD double of_lane(std::int32_t lane) const { return scalar.data ? factor * scalar.data[lane] : factor; }
};

inline Coefficient operator-(Scalar s) { return {s, -1.0}; }

struct ScalarProduct {
  ScalarProduct(Scalar factor) : a(factor) {}
  ScalarProduct(Scalar left, Scalar right) : a(left), b(right) {}

  Scalar a;
  Scalar b{};  // 1 if absent
};

// Arithmetic on scalars, carried out lane by lane by Space::compute:
//   space.compute(active, {let(alpha, rho / pq), let(beta, rr / rho), let(h, c * h - s * g)});
struct ScalarExpression {
  enum class Op : std::uint8_t { sum, quotient, root, maximum };

  ScalarExpression() = default;
  ScalarExpression(Scalar value) : a(value) {}
  ScalarExpression(ScalarProduct product) : a(product.a), b(product.b) {}
  ScalarExpression(Op operation, Scalar left, Scalar right) : op(operation), a(left), b(right) {}
  ScalarExpression(ScalarProduct left, double sign, ScalarProduct right)
      : a(left.a), b(left.b), c(right.a), d(right.b), factor(sign) {}

  Op op = Op::sum;  // a b ± c d, or a / b, √a, max(a, b)
  Scalar a, b, c, d;
  double factor = 1.0;

  AMG_HD double of_lane(std::int32_t l) const {
    const double left = a.data[l];
    if (op == Op::root) return std::sqrt(left);
    const double right = b.data ? b.data[l] : 1.0;
    if (op == Op::quotient) return right == 0.0 ? 0.0 : left / right;
    if (op == Op::maximum) return left > right ? left : right;
    const double first = left * right;
    return c.data ? first + factor * c.data[l] * (d.data ? d.data[l] : 1.0) : first;
  }
};

struct ScalarAssignment {
  Scalar out;
  ScalarExpression value;
};

inline ScalarProduct operator*(Scalar a, Scalar b) { return {a, b}; }
inline ScalarExpression operator+(ScalarProduct a, ScalarProduct b) { return {a, 1.0, b}; }
inline ScalarExpression operator-(ScalarProduct a, ScalarProduct b) { return {a, -1.0, b}; }
inline ScalarExpression operator/(Scalar a, Scalar b) { return {ScalarExpression::Op::quotient, a, b}; }
inline ScalarExpression root(Scalar a) { return {ScalarExpression::Op::root, a, {}}; }
inline ScalarExpression larger(Scalar a, Scalar b) { return {ScalarExpression::Op::maximum, a, b}; }
inline ScalarAssignment let(Scalar out, ScalarExpression value) { return {out, value}; }

}  // namespace amg
