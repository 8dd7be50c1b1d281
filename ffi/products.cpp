#include <algorithm>
#include <vector>

#include "backends/host/host_space.h"
#include "buffers.h"
#include "core/arena.h"
#include "handlers.h"

// Products with a matrix as the caller holds it: what the derivative rules of a solve are made of.

namespace amg {

namespace {

using Result = xffi::Result<xffi::AnyBuffer>;

// Calls f(row, column, k) for the stored entries of rows [begin, end) of a CSR or dense matrix.
template <class F>
void for_entries(const InputMatrix& A, std::int64_t begin, std::int64_t end, F&& f) {
  for (std::int64_t i = begin; i < end; ++i) {
    if (A.format == InputMatrix::Format::dense)
      for (std::int64_t j = 0; j < A.rows; ++j) f(i, j, i * A.rows + j);
    else
      for (std::int64_t k = A.row_index[i]; k < A.row_index[i + 1]; ++k) f(i, A.col_index[k], k);
  }
}

// y = A x, or Aᵀ x. Row-wise products run in parallel; the others add to y entry by entry, in order.
xffi::Error multiply(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer values,
                     xffi::AnyBuffer x, Result y, std::string_view format, bool transposed) {
  return guarded([&] {
    const Vector in = vector(x), out = vector(*y);
    const InputMatrix A = input_matrix(format, row_index, col_index, values, in.rows);
    const std::int64_t lanes = in.lanes;
    visit(in.dtype, [&]<class T>() {
      const T* v = static_cast<const T*>(A.values);
      std::vector<double> sums(static_cast<std::size_t>(out.size()), 0.0);
      const auto add = [&](std::int64_t i, std::int64_t j, std::int64_t k) {
        if (i < 0 || i >= A.rows || j < 0 || j >= A.rows) return;  // padding
        if (transposed) std::swap(i, j);
        for (std::int64_t l = 0; l < lanes; ++l)
          sums[static_cast<std::size_t>(i * lanes + l)] +=
              static_cast<double>(v[k]) * static_cast<double>(in.as<T>()[j * lanes + l]);
      };
      if (A.format == InputMatrix::Format::coo)
        for (std::int64_t k = 0; k < A.stored; ++k) add(A.row_index[k], A.col_index[k], k);
      else if (transposed)
        for_entries(A, 0, A.rows, add);
      else
        parallel_for(A.rows, block_rows,
                     [&](std::int64_t begin, std::int64_t end) { for_entries(A, begin, end, add); });
      std::ranges::transform(sums, out.as<T>(), [](double sum) { return static_cast<T>(sum); });
    });
  });
}

// out[k] = Σ over lanes of u[row k] v[column k]: the outer product u vᵀ on the pattern of A; padding gets 0.
xffi::Error outer(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer u, xffi::AnyBuffer v,
                  Result out, std::string_view format) {
  return guarded([&] {
    const Vector left = vector(u), right = vector(v);
    const InputMatrix A = input_matrix(format, row_index, col_index, *out, left.rows);
    const std::int64_t lanes = left.lanes;
    visit(left.dtype, [&]<class T>() {
      T* values = out->typed_data<T>();
      const auto form = [&](std::int64_t i, std::int64_t j, std::int64_t k) {
        double sum = 0.0;
        if (i >= 0 && i < A.rows && j >= 0 && j < A.rows)
          for (std::int64_t l = 0; l < lanes; ++l)
            sum += static_cast<double>(left.as<T>()[i * lanes + l]) *
                   static_cast<double>(right.as<T>()[j * lanes + l]);
        values[k] = static_cast<T>(sum);
      };
      if (A.format == InputMatrix::Format::coo) {
        parallel_for(A.stored, block_rows, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t k = begin; k < end; ++k) form(A.row_index[k], A.col_index[k], k);
        });
        return;
      }
      parallel_for(A.rows, block_rows,
                   [&](std::int64_t begin, std::int64_t end) { for_entries(A, begin, end, form); });
      std::fill(values + A.row_index[A.rows], values + A.stored, T{0});
    });
  });
}

}  // namespace

}  // namespace amg

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_multiply, amg::multiply,
                              xla::ffi::Ffi::Bind()
                                  .Arg<xla::ffi::AnyBuffer>()  // row_index
                                  .Arg<xla::ffi::AnyBuffer>()  // col_index
                                  .Arg<xla::ffi::AnyBuffer>()  // values
                                  .Arg<xla::ffi::AnyBuffer>()  // x (n) or (n, lanes)
                                  .Ret<xla::ffi::AnyBuffer>()  // y
                                  .Attr<std::string_view>("format")
                                  .Attr<bool>("transposed"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxamg_outer, amg::outer,
                              xla::ffi::Ffi::Bind()
                                  .Arg<xla::ffi::AnyBuffer>()  // row_index
                                  .Arg<xla::ffi::AnyBuffer>()  // col_index
                                  .Arg<xla::ffi::AnyBuffer>()  // u (n) or (n, lanes)
                                  .Arg<xla::ffi::AnyBuffer>()  // v, like u
                                  .Ret<xla::ffi::AnyBuffer>()  // one value for each stored entry
                                  .Attr<std::string_view>("format"));
