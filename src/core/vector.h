#pragma once

#include <cstdint>
#include <type_traits>

#include "core/dtype.h"

namespace amg {

// A view of `lanes` right-hand sides side by side: element (i, l) lies at data[i * lanes + l], so that one
// pass over a matrix serves all lanes.
template <bool is_const>
struct BasicVector {
  using Pointer = std::conditional_t<is_const, const void*, void*>;

  Pointer data = nullptr;
  DType dtype = DType::f64;
  std::int64_t rows = 0;
  std::int32_t lanes = 1;

  std::int64_t size() const { return rows * lanes; }

  template <class T>
  auto as() const {
    return static_cast<std::conditional_t<is_const, const T*, T*>>(data);
  }

  operator BasicVector<true>() const
    requires(!is_const)
  {
    return {data, dtype, rows, lanes};
  }
};

using Vector = BasicVector<false>;
using ConstVector = BasicVector<true>;

}  // namespace amg
