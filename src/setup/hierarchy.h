#pragma once

#include <memory>
#include <string>
#include <vector>

#include "method/method.h"
#include "setup/coarsener.h"

namespace amg {

// One level: its matrix, how it smooths, and its way to the next one.
struct Level {
  CsrMatrix A;                       // empty on level 0, whose matrix belongs to the caller
  std::unique_ptr<Method> smoother;  // none on the coarsest level if that has a coarse solver

  // Towards the next level. The coarsest level has a coarsener where coarsening was tried and given up: new
  // values may change that.
  std::unique_ptr<Coarsener> coarsener;
  CsrMatrix P;
  CsrMatrix R;             // Pᵀ
  TransposedPattern to_R;  // from P
  std::shared_ptr<const Pattern> AP;

  TransposedPattern to_AT;  // built for the first transposed cycle
  CsrMatrix AT;
};

// The levels of a multigrid method, from the configuration's `algorithm` and the keys that end coarsening.
class Hierarchy {
 public:
  explicit Hierarchy(const Scope& scope);

  void setup(Space& space, const Matrix& A);
  // The bits of setup(A): rebuilds from the first level whose decisions A changes. The prolongations of the first
  // structure_reuse_levels levels stay as they are, whatever A would decide.
  void refresh(Space& space, const Matrix& A);
  void prepare_transpose(Space& space, const Operator& A);

  std::size_t size() const { return levels_.size(); }
  const Level& operator[](std::size_t l) const { return levels_[l]; }
  bool is_coarsest(std::size_t l) const { return l + 1 == levels_.size(); }
  // Level l's matrix as a map, in the mode of level 0's.
  Operator matrix(std::size_t l, const Operator& A) const;

  // Whether a cycle is linear, and the same work each time.
  bool linear() const;
  bool fixed() const;

  // The coarse solver, where the coarsest level has one; otherwise it is smoothed.
  const Preconditioner* coarse_solver() const { return has_coarse_solver_ ? &coarse_solver_ : nullptr; }
  // Whether one visit of the coarsest level leaves nothing to do there.
  bool ends_exactly() const { return has_coarse_solver_ && coarse_solver_name_ == "DENSE_LU_SOLVER"; }

  std::size_t bytes() const;
  GridInfo grid() const;

 private:
  void build(Space& space, const Matrix& finest, const Matrix& A, std::size_t from);
  Matrix coarse_matrix(std::size_t l) const;
  bool coarsen(Space& space, const Matrix& A, Level& level, Level& next) const;
  std::int64_t least_nodes(std::int32_t block_dim) const;
  void finish(Space& space, const Matrix& finest, const Matrix& A);
  void prepare_coarse_solver(Space& space, const Matrix& finest, const Matrix& A,
                             void (Preconditioner::*how)(Space&, const Matrix&, Method::IsNull));
  bool annihilates(Space& space, const Matrix& finest, std::size_t l, ConstVector v) const;
  bool keeps_prolongation(std::size_t l) const;
  const Slot& smoother_of(std::size_t l) const;
  void add_smoother(Space& space, const Matrix& A);

  std::string coarse_solver_name_;
  std::vector<Slot> smoothers_;  // one for all levels, or the fine and the coarse one
  int fine_levels_;              // negative: one for all
  CoarsenerFactory make_coarsener_;
  Preconditioner coarse_solver_;
  int max_levels_;
  double coarsen_threshold_;
  int reuse_levels_;  // negative: all
  std::int64_t min_fine_rows_;
  std::int64_t floor_;  // size under which no level is worth its overhead
  std::int64_t coarse_solver_limit_;

  bool has_coarse_solver_ = false;
  bool transpose_is_current_ = false;
  std::int64_t builds_ = 0;
  std::int64_t fine_rows_ = 0;
  std::int64_t fine_entries_ = 0;
  std::vector<Level> levels_;
};

}  // namespace amg
