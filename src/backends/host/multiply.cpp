#include <cmath>
#include <functional>

#include "backends/host/host_space.h"
#include "backends/host/products.h"
#include "backends/host/reduction.h"

namespace amg {

using host::for_blocks_with_dots;
using host::for_row_sums;
using host::product_rows;

// Traffic: A + x + y, and one vector for each dot whose w is not the result.
void HostSpace::multiply(const Operator& op, ConstVector x, Vector y, Dots dots) {
  const Matrix& A = op.by_rows();
  const std::int32_t lanes = x.lanes;
  visit(y.dtype, [&]<class T>() {
    T* out = y.as<T>();
    for_blocks_with_dots<T>(
        A.rows, product_rows(A), lanes, out, dots, partials_, [&](std::int64_t begin, std::int64_t end) {
          for_row_sums(A, x.as<T>(), lanes, begin, end, [&](std::int64_t i, std::int32_t l, double sum) {
            out[i * lanes + l] = static_cast<T>(sum);
          });
        });
  });
}

// Traffic: A + x + 2 y
void HostSpace::multiply_add(const Operator& op, ConstVector x, Vector y) {
  const Matrix& A = op.by_rows();
  const std::int32_t lanes = x.lanes;
  visit(y.dtype, [&]<class T>() {
    T* out = y.as<T>();
    parallel_for(A.rows, product_rows(A), [&](std::int64_t begin, std::int64_t end) {
      for_row_sums(A, x.as<T>(), lanes, begin, end, [&](std::int64_t i, std::int32_t l, double sum) {
        out[i * lanes + l] += static_cast<T>(sum);
      });
    });
  });
}

// Traffic: A + x + b + r
void HostSpace::residual(const Operator& op, ConstVector b, ConstVector x, Vector r, Dots dots) {
  const Matrix& A = op.by_rows();
  const std::int32_t lanes = x.lanes;
  visit(r.dtype, [&]<class T>() {
    const T* rhs = b.as<T>();
    T* out = r.as<T>();
    for_blocks_with_dots<T>(
        A.rows, product_rows(A), lanes, out, dots, partials_, [&](std::int64_t begin, std::int64_t end) {
          for_row_sums(A, x.as<T>(), lanes, begin, end, [&](std::int64_t i, std::int32_t l, double sum) {
            out[i * lanes + l] = static_cast<T>(static_cast<double>(rhs[i * lanes + l]) - sum);
          });
        });
  });
}

void HostSpace::residual_scale(const Operator& op, ConstVector b, ConstVector x, Scalar out) {
  const Matrix& A = op.by_rows();
  const std::int32_t lanes = x.lanes;
  visit(x.dtype, [&]<class T>() {
    const T* values = A.as<T>();
    for (std::int32_t l = 0; l < lanes; ++l)
      out.data[l] = std::sqrt(parallel_reduce(
          A.rows, product_rows(A), 0.0,
          [&](std::int64_t begin, std::int64_t end) {
            double sum = 0.0;
            for (std::int64_t i = begin; i < end; ++i) {
              double size = std::abs(static_cast<double>(b.as<T>()[i * lanes + l]));
              for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k)
                size += std::abs(static_cast<double>(values[k]) *
                                 static_cast<double>(x.as<T>()[A.columns[k] * std::int64_t{lanes} + l]));
              sum += size * size;
            }
            return sum;
          },
          std::plus<>{}));
  });
}

}  // namespace amg
