#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "amg/error.h"
#include "core/input_matrix.h"
#include "core/vector.h"
#include "xla/ffi/api/ffi.h"

namespace amg {

namespace xffi = xla::ffi;

inline std::int64_t count(const xffi::AnyBuffer& buffer) {
  return static_cast<std::int64_t>(buffer.element_count());
}

inline DType dtype_of_buffer(const xffi::AnyBuffer& buffer) {
  switch (buffer.element_type()) {
    case xffi::F32:
      return DType::f32;
    case xffi::F64:
      return DType::f64;
    default:
      throw Error("dtype: expected float32 or float64");
  }
}

inline IndexArray index_array(const xffi::AnyBuffer& buffer) {
  const bool wide = buffer.element_type() == xffi::S64;
  if (!wide && buffer.element_type() != xffi::S32) throw Error("indices: expected int32 or int64");
  return {buffer.untyped_data(), count(buffer), wide};
}

// The matrix, or the first of `members` that share its pattern.
inline InputMatrix input_matrix(std::string_view format, const xffi::AnyBuffer& row_index,
                                const xffi::AnyBuffer& col_index, const xffi::AnyBuffer& values,
                                std::int64_t rows, std::int64_t members) {
  return {
      .format = format_named(format),
      .rows = rows,
      .row_index = index_array(row_index),
      .col_index = index_array(col_index),
      .dtype = dtype_of_buffer(values),
      .values = values.untyped_data(),
      .stored = members > 0 ? count(values) / members : 0,
  };
}

// A vector of shape (n) or (n, lanes), or the first of a batch, whose axis is in front.
inline Vector vector(const xffi::AnyBuffer& buffer, bool is_batch = false) {
  const auto dimensions = buffer.dimensions();
  const auto shape = std::span(dimensions.begin(), dimensions.size()).subspan(is_batch ? 1 : 0);
  if (shape.size() != 1 && shape.size() != 2) throw Error("vectors: expected one or two dimensions");
  return {buffer.untyped_data(), dtype_of_buffer(buffer), shape[0],
          shape.size() == 2 ? static_cast<std::int32_t>(shape[1]) : 1};
}

inline const void* advanced(const void* data, std::size_t bytes) {
  return static_cast<const std::byte*>(data) + bytes;
}
inline void* advanced(void* data, std::size_t bytes) { return static_cast<std::byte*>(data) + bytes; }

// Member k of a batch, from the first.
template <bool is_const>
BasicVector<is_const> member(BasicVector<is_const> v, std::int64_t k) {
  v.data = advanced(v.data, static_cast<std::size_t>(k * v.size()) * size_of(v.dtype));
  return v;
}
inline InputMatrix member(InputMatrix A, std::int64_t k) {
  A.values = advanced(A.values, static_cast<std::size_t>(k) * A.value_bytes());
  return A;
}

// Runs a handler's body; what it throws becomes XLA's error.
template <class Body>
xffi::Error guarded(Body&& body) noexcept {
  try {
    body();
    return xffi::Error::Success();
  } catch (const std::bad_alloc&) {
    return {xffi::ErrorCode::kResourceExhausted, "jaxamg: not enough memory"};
  } catch (const std::exception& error) {
    return {xffi::ErrorCode::kInvalidArgument, std::string("jaxamg: ") + error.what()};
  } catch (...) {
    return {xffi::ErrorCode::kInternal, "jaxamg: unknown exception"};
  }
}

}  // namespace amg
