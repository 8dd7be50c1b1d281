#pragma once

#include <cstdint>
#include <span>
#include <variant>

namespace amg {

using Values = std::variant<std::span<const float>, std::span<const double>>;
using MutableValues = std::variant<std::span<float>, std::span<double>>;

// A square matrix in compressed sparse rows, as the caller holds it: offsets has a row more than the matrix;
// columns of a row come in any order, and entries given more than once are summed.
struct MatrixView {
  std::span<const std::int64_t> offsets;
  std::span<const std::int32_t> columns;
  Values values;
};

}  // namespace amg
