#include "setup/coloring/coloring.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include "amg/error.h"
#include "config/parameters.h"
#include "core/space.h"
#include "registry.h"

namespace amg {

namespace {

using ColoringWord = Coloring (Space::*)(const Matrix&, const Pattern* transposed, int distance);

const Registry<ColoringWord>& colorings() {
  static const Registry<ColoringWord> table = {
#define COLORING(scheme, word) {#scheme, &Space::word},
#include "registry.def"
  };
  return table;
}

// Aᵀ's pattern where it is another than A's: rows see each other where either entry is stored.
std::shared_ptr<const Pattern> other_transpose(Space& space, const Matrix& A) {
  const std::shared_ptr<const Pattern> pattern = space.copy_pattern(A);
  std::shared_ptr<const Pattern> transposed = space.transpose(*pattern).pattern;
  const bool same =
      space.equal(std::as_bytes(pattern->offsets.span()), std::as_bytes(transposed->offsets.span())) &&
      space.equal(std::as_bytes(pattern->columns.span()), std::as_bytes(transposed->columns.span()));
  return same ? nullptr : transposed;
}

}  // namespace

Colorer make_colorer(const Scope& scope, int least_distance) {
  const ColoringWord word = look_up(colorings(), scope.get(param::matrix_coloring_scheme),
                                    scope.path() + ".matrix_coloring_scheme");
  const auto level = scope.get(param::coloring_level);
  if (level < 1 || level > 2)
    throw ConfigError(scope.path() + ".coloring_level: " + std::to_string(level) +
                      " is not available; rows are colored at distance 1 or 2");
  // Read, as they allow what never happens here: no row is left uncolored, and first fit takes as few colors as it can.
  scope.get(param::max_uncolored_percentage);
  scope.get(param::num_colors);
  const int distance = std::max(static_cast<int>(level), least_distance);
  return [word, distance](Space& space, const Matrix& A) {
    const Matrix nodes = A.by_nodes();
    return (space.*word)(nodes, other_transpose(space, nodes).get(), distance);
  };
}

}  // namespace amg
