#include <algorithm>

#include "backends/host/host_space.h"
#include "buffers.h"
#include "core/arena.h"
#include "handlers.h"
#include "solver_cache.h"

// Products with a matrix as the caller holds it: what the derivative rules of a solve are made of.

namespace amg {

namespace {

using Result = xffi::Result<xffi::AnyBuffer>;

// y = A x, or Aᵀ x.
xffi::Error multiply(xffi::AnyBuffer row_index, xffi::AnyBuffer col_index, xffi::AnyBuffer values,
                     xffi::AnyBuffer x, Result y, std::string_view format, bool transposed) {
  return guarded([&] {
    const Vector in = vector(x);
    SolverCache::instance().multiply(HostDevice(), input_matrix(format, row_index, col_index, values, in.rows),
                                     transposed ? Mode::transposed : Mode::plain, in, vector(*y));
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
      const auto form = [&](std::int64_t i, std::int64_t k) {
        const std::int64_t j = A.col_index[k];
        double sum = 0.0;
        if (i >= 0 && i < A.rows && j >= 0 && j < A.rows)
          for (std::int64_t l = 0; l < lanes; ++l)
            sum += static_cast<double>(left.as<T>()[i * lanes + l]) *
                   static_cast<double>(right.as<T>()[j * lanes + l]);
        values[k] = static_cast<T>(sum);
      };
      if (A.format == InputMatrix::Format::coo) {
        parallel_for(A.stored, block_rows, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t k = begin; k < end; ++k) form(A.row_index[k], k);
        });
        return;
      }
      parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          for (std::int64_t k = A.row_index[i]; k < A.row_index[i + 1]; ++k) form(i, k);
      });
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
