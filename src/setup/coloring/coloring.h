#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/buffer.h"

namespace amg {

class Scope;
class Space;
struct Matrix;

// The rows of a matrix, or its nodes where it has blocks, grouped so that the rows of one color do not see each other:
// a Gauss-Seidel sweep or a triangular solve runs color after color, the rows of one all at once.
struct Coloring {
  Array<std::int32_t> color;        // of each row
  Array<std::int32_t> rows;         // color by color, ascending within one
  std::vector<std::int64_t> first;  // rows[first[c]] … rows[first[c + 1] - 1] have color c; known to the host

  int colors() const { return static_cast<int>(first.size()) - 1; }
  std::span<const std::int32_t> rows_of(int c) const {
    const auto at = static_cast<std::size_t>(c);
    return {rows.data() + first[at], static_cast<std::size_t>(first[at + 1] - first[at])};
  }
  std::size_t bytes() const { return color.bytes() + rows.bytes(); }
};

enum class Triangle : std::uint8_t { lower, upper };

using Colorer = std::function<Coloring(Space&, const Matrix&)>;

// From the keys matrix_coloring_scheme and coloring_level; a method that needs rows of one color further
// apart than coloring_level says asks for it.
Colorer make_colorer(const Scope& scope, int least_distance = 1);

}  // namespace amg
