#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace amg {

struct ColumnColoring {
  std::vector<std::int32_t> colors;  // of each column, from 0
  std::int32_t count = 0;
};

// Colours the columns of a sparse matrix so that no row has two entries in columns of one colour: then the
// product with the sum of a colour's unit vectors holds the entries of these columns apart from each other
// (Curtis, Powell, Reid, "On the estimation of sparse Jacobian matrices", 1974). The longest row is a lower
// bound on the count. Throws Error for offsets that fall or columns out of range.
ColumnColoring color_columns(std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                             std::int32_t column_count);

}  // namespace amg
