#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/dtype.h"

namespace amg {

// Row or column numbers as a caller holds them.
struct IndexArray {
  const void* data = nullptr;
  std::int64_t size = 0;
  bool wide = false;  // int64, else int32

  AMG_HD std::int64_t operator[](std::int64_t i) const {
    return wide ? static_cast<const std::int64_t*>(data)[i] : static_cast<const std::int32_t*>(data)[i];
  }
  std::size_t bytes() const { return static_cast<std::size_t>(size) * (wide ? 8 : 4); }
};

// A square matrix as a caller holds it: columns in any order, entries given more than once summed.
//
// csr: row_index holds n + 1 offsets; entries behind the last are padding. coo: row_index holds the row of each
// entry; a row number of n or more marks padding, as JAX's BCOO has it. dense: values are n × n, row-major.
struct InputMatrix {
  enum class Format : std::uint8_t { csr, coo, dense };

  Format format = Format::csr;
  std::int64_t rows = 0;
  IndexArray row_index;
  IndexArray col_index;
  DType dtype = DType::f64;
  const void* values = nullptr;
  std::int64_t stored = 0;     // values
  std::int32_t block_dim = 1;  // unknowns of a node

  AMG_HD bool contains(std::int64_t i, std::int64_t j) const {
    return i >= 0 && i < rows && j >= 0 && j < rows;
  }
  std::size_t value_bytes() const { return static_cast<std::size_t>(stored) * size_of(dtype); }
};

// "csr", "coo" or "dense", as Python names them
inline InputMatrix::Format format_named(std::string_view name) {
  using enum InputMatrix::Format;
  return name == "csr" ? csr : name == "coo" ? coo : dense;
}

}  // namespace amg
