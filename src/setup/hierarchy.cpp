#include "setup/hierarchy.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "config/parameters.h"
#include "method/null_space.h"

namespace amg {

namespace {

// Largest matrix that a direct solve is worth: its inverse holds 128 MiB in float64.
constexpr std::int64_t dense_limit = 4096;

}  // namespace

Hierarchy::Hierarchy(const Scope& scope)
    : make_coarsener_(make_coarsener_factory(scope)),
      max_levels_(scope.get(param::max_levels)),
      coarsen_threshold_(scope.get(param::coarsen_threshold)),
      reuse_levels_(scope.get(param::structure_reuse_levels)),
      min_fine_rows_(scope.get(param::min_fine_rows)),
      floor_(scope.get(param::min_coarse_rows)),
      coarse_solver_limit_(std::numeric_limits<std::int64_t>::max()) {
  fine_levels_ = scope.get(param::fine_levels);
  if (fine_levels_ < 0) {
    smoothers_ = {scope.slot(param::smoother)};
  } else {
    smoothers_ = {scope.slot(param::fine_smoother), scope.slot(param::coarse_smoother)};
  }
  // An error in their parameters is the configuration's, not the first setup's.
  for (const Slot& smoother : smoothers_) make_method(smoother);

  const Slot coarse = scope.slot(param::coarse_solver);
  coarse_solver_name_ = coarse.method;
  coarse_solver_ = Preconditioner(coarse);
  if (coarse.method == "DENSE_LU_SOLVER") {
    floor_ = scope.get(param::dense_lu_num_rows);
    const std::int64_t limit = scope.get(param::dense_lu_max_rows);
    coarse_solver_limit_ = limit > 0 ? limit : dense_limit;
  } else if (coarse.method == "NOSOLVER") {
    coarse_solver_limit_ = 0;
  }
}

// Where coarsening stops: in nodes, but for a direct solve, whose size counts rows.
std::int64_t Hierarchy::least_nodes(std::int32_t block_dim) const {
  return coarse_solver_name_ == "DENSE_LU_SOLVER" ? floor_ / block_dim : floor_;
}

void Hierarchy::setup(Space& space, const Matrix& A) {
  fine_rows_ = A.rows;
  fine_entries_ = A.entries;
  levels_.clear();
  levels_.emplace_back();
  build(space, A, A, 0);
}

// Builds level `from`, whose matrix is A, and all that follow it.
void Hierarchy::build(Space& space, const Matrix& finest, const Matrix& A, std::size_t from) {
  ++builds_;
  levels_.resize(from + 1);
  Matrix matrix = A;
  while (static_cast<int>(levels_.size()) < max_levels_ && matrix.nodes() > least_nodes(matrix.block_dim) &&
         matrix.nodes() >= min_fine_rows_) {
    Level next;
    levels_.back().coarsener = make_coarsener_(std::ssize(levels_) - 1);
    if (!coarsen(space, matrix, levels_.back(), next)) break;
    add_smoother(space, matrix);
    levels_.push_back(std::move(next));
    matrix = coarse_matrix(levels_.size() - 1);
  }
  finish(space, finest, matrix);
}

// Level l's matrix with what the level before knows of it.
Matrix Hierarchy::coarse_matrix(std::size_t l) const {
  Matrix matrix = levels_[l].A;
  levels_[l - 1].coarsener->annotate(matrix);
  return matrix;
}

// P, R and the Galerkin product R A P; false when the next level is not worth having.
bool Hierarchy::coarsen(Space& space, const Matrix& A, Level& level, Level& next) const {
  level.P = level.coarsener->setup(space, A);
  const std::int64_t rows = level.P.cols();
  const std::int32_t k = level.coarsener->block_dim(A);
  if (rows == 0 || rows / k < least_nodes(k) ||
      !(static_cast<double>(rows) < coarsen_threshold_ * static_cast<double>(A.rows)))
    return false;
  level.to_R = space.transpose(*level.P.pattern());
  level.R = space.matrix(level.to_R.pattern, A.dtype);
  space.gather(A.dtype, level.P.values(), level.to_R.source.span(), level.R.values());
  const CsrMatrix AP = space.product(A, level.P);
  next.A = space.product(level.R, AP);
  if (!space.in_blocks(next.A.pattern(), k)) throw std::logic_error("a coarse block is not full");
  space.clear_rounding(A, level.R, next.A);  // which asks for the rows of a node
  level.AP = AP.pattern();
  return true;
}

// The coarsest level gets the coarse solver, or a smoother where that is too large for it.
void Hierarchy::finish(Space& space, const Matrix& finest, const Matrix& A) {
  has_coarse_solver_ = A.rows <= coarse_solver_limit_;
  transpose_is_current_ = false;
  if (!has_coarse_solver_) return add_smoother(space, A);
  prepare_coarse_solver(space, finest, A, &Preconditioner::setup_coarsest);
}

void Hierarchy::prepare_coarse_solver(Space& space, const Matrix& finest, const Matrix& A,
                                      void (Preconditioner::*how)(Space&, const Matrix&, Method::IsNull)) {
  (coarse_solver_.*how)(space, A, [&](std::span<const double> v) {
    return annihilates(space, finest, levels_.size() - 1, uploaded(space, v, A.dtype));
  });
}

// Whether the finest level's matrix takes to zero what v of level l interpolates to.
bool Hierarchy::annihilates(Space& space, const Matrix& finest, std::size_t l, ConstVector v) const {
  if (l == 0) return vanishes(space, {finest, {}, Mode::plain}, v);
  const CsrMatrix& P = levels_[l - 1].P;
  const WorkVector finer = space.vector(P.rows(), 1, v.dtype);
  space.multiply({P, {}, Mode::plain}, v, finer);
  return annihilates(space, finest, l - 1, finer);
}

const Slot& Hierarchy::smoother_of(std::size_t l) const {
  return fine_levels_ < 0 || static_cast<int>(l) < fine_levels_ ? smoothers_.front() : smoothers_.back();
}

// The smoother of the last level, whose matrix is A.
void Hierarchy::add_smoother(Space& space, const Matrix& A) {
  Level& level = levels_.back();
  level.smoother = make_method(smoother_of(levels_.size() - 1));
  if (level.P.pattern() && level.P.cols() > 0) level.smoother->split(level.coarsener->splitting());
  level.smoother->setup(space, A);
}

void Hierarchy::refresh(Space& space, const Matrix& A) {
  Matrix matrix = A;
  transpose_is_current_ = false;
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    Level& level = levels_[l];
    const bool kept = keeps_prolongation(l);
    if (level.coarsener && !kept && !level.coarsener->refresh(space, matrix, level.P))
      return build(space, A, matrix, l);
    if (level.smoother) level.smoother->refresh(space, matrix);
    if (is_coarsest(l)) break;
    if (!kept) space.gather(A.dtype, level.P.values(), level.to_R.source.span(), level.R.values());
    CsrMatrix AP = space.matrix(level.AP, A.dtype);
    space.product_values(matrix, level.P, AP);
    space.product_values(level.R, AP, levels_[l + 1].A);
    space.clear_rounding(matrix, level.R, levels_[l + 1].A);
    matrix = coarse_matrix(l + 1);
  }
  if (has_coarse_solver_) prepare_coarse_solver(space, A, matrix, &Preconditioner::refresh_coarsest);
}

bool Hierarchy::keeps_prolongation(std::size_t l) const {
  return !is_coarsest(l) && (reuse_levels_ < 0 || static_cast<int>(l) < reuse_levels_);
}

void Hierarchy::prepare_transpose(Space& space, const Operator& A) {
  if (std::exchange(transpose_is_current_, true)) return;
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    Level& level = levels_[l];
    if (level.A.pattern()) {
      if (!level.to_AT.pattern) {
        level.to_AT = space.transpose(*level.A.pattern());
        level.AT = space.matrix(level.to_AT.pattern, level.A.dtype());
      }
      space.gather(level.A.dtype(), level.A.values(), level.to_AT.source.span(), level.AT.values());
    }
    if (level.smoother) level.smoother->prepare_transpose(space, matrix(l, A));
  }
  if (has_coarse_solver_) coarse_solver_.prepare_transpose(space, matrix(levels_.size() - 1, A));
}

Operator Hierarchy::matrix(std::size_t l, const Operator& A) const {
  if (l == 0) return A;
  // Another call may be making the transposes: plain ones don't look at them.
  if (A.mode == Mode::plain) return {levels_[l].A, {}, A.mode};
  return {levels_[l].A, levels_[l].AT, A.mode};
}

bool Hierarchy::linear() const {
  const auto smooths_linearly = [](const Level& level) {
    return !level.smoother || level.smoother->linear();
  };
  return std::ranges::all_of(levels_, smooths_linearly) && (!has_coarse_solver_ || coarse_solver_.linear());
}

bool Hierarchy::fixed() const {
  const auto smooths_the_same = [](const Level& level) { return !level.smoother || level.smoother->fixed(); };
  return std::ranges::all_of(levels_, smooths_the_same) && (!has_coarse_solver_ || coarse_solver_.fixed());
}

std::size_t Hierarchy::bytes() const {
  std::size_t sum = coarse_solver_.bytes();
  for (const Level& level : levels_) {
    sum += level.A.bytes() + level.P.bytes() + level.R.bytes() + level.to_R.source.bytes();
    sum += level.AT.bytes() + level.to_AT.source.bytes() + (level.AP ? level.AP->bytes() : 0);
    if (level.coarsener) sum += level.coarsener->bytes();
    if (level.smoother) sum += level.smoother->bytes();
  }
  return sum;
}

GridInfo Hierarchy::grid() const {
  GridInfo info;
  info.builds = builds_;
  for (std::size_t l = 0; l < levels_.size(); ++l)
    info.levels.push_back(
        {l == 0 ? fine_rows_ : levels_[l].A.rows(), l == 0 ? fine_entries_ : levels_[l].A.entries(),
         is_coarsest(l) && has_coarse_solver_ ? coarse_solver_name_ : smoother_of(l).method});
  return info;
}

}  // namespace amg
