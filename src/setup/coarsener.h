#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "amg/config.h"
#include "core/space.h"

namespace amg {

// The decisions that lead from one level to the next: which rows stay, and how the others follow them.
class Coarsener {
 public:
  virtual ~Coarsener() = default;

  // The prolongation from the next level; without columns when nothing is left to coarsen.
  virtual CsrMatrix setup(Space& space, const Matrix& A) = 0;
  // New values of A: fills P's values and returns true if they lead to the same decisions, hence to the pattern
  // that P has; false, with P unspecified, if setup has to be run again.
  virtual bool refresh(Space& space, const Matrix& A, CsrMatrix& P) = 0;

  // Where nodes are coarse or not: the number of node i on the next level, or negative. Until the next setup.
  virtual std::span<const std::int32_t> splitting() const { return {}; }

  // Unknowns of a node of the next level.
  virtual std::int32_t block_dim(const Matrix& A) const { return A.block_dim; }
  // Adds to the next level's matrix what is known of it besides its entries.
  virtual void annotate(Matrix& /*coarse*/) const {}

  virtual std::size_t bytes() const = 0;
};

// Makes the coarsener of one level, the finest being 0; the scope has been read once, for all levels.
using CoarsenerFactory = std::function<std::unique_ptr<Coarsener>(std::int64_t level)>;

CoarsenerFactory make_coarsener_factory(const Scope& scope);

}  // namespace amg
