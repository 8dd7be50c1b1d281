#include "config/parameters.h"
#include "method/method.h"
#include "method/null_space.h"

namespace amg {

Preconditioner::Preconditioner(const Slot& slot) : rule_(slot.scope) {
  if (slot.method != "NOSOLVER") method_ = make_method(slot);
}

Preconditioner Preconditioner::of(const Scope& krylov) {
  Preconditioner M(krylov.slot(param::preconditioner));
  if (M.method_ && krylov.get(param::precond_dtype) == "float32") M.single_.emplace();
  return M;
}

void Preconditioner::setup(Space& space, const Matrix& A) {
  if (method_) method_->setup(space, single_ ? single_->update(space, A) : A);
}

void Preconditioner::refresh(Space& space, const Matrix& A) {
  if (method_) method_->refresh(space, single_ ? single_->update(space, A) : A);
}

void Preconditioner::setup_coarsest(Space& space, const Matrix& A, Method::IsNull is_null) {
  if (method_) method_->setup_coarsest(space, A, is_null);
}

void Preconditioner::refresh_coarsest(Space& space, const Matrix& A, Method::IsNull is_null) {
  if (method_) method_->refresh_coarsest(space, A, is_null);
}

void Preconditioner::prepare_transpose(Space& space, const Operator& A) {
  if (method_) method_->prepare_transpose(space, single_ ? single_->update_transpose(space, A) : A);
}

void Preconditioner::split(std::span<const std::int32_t> coarse) {
  if (method_) method_->split(coarse);
}

void Preconditioner::apply(Space& space, const Operator& A, ConstVector r, Vector z) const {
  if (!method_) {
    space.copy(r, z);
  } else if (!single_) {
    run(space, A, r, z);
  } else {
    single_->apply(space, A, r, z,
                   [&](const Operator& A32, ConstVector r32, Vector z32) { run(space, A32, r32, z32); });
  }
  // A nearly singular M is large there, and A does not see it until it is all that a vector has.
  if (A.null) A.null->remove(space, z);
}

void Preconditioner::run(Space& space, const Operator& A, ConstVector r, Vector z) const {
  if (!rule_.monitored) return method_->apply(space, A, r, {}, z, rule_.max_iters);
  space.fill(z, 0.0);
  Monitor monitor(space, rule_, r, A.matrix.block_dim);
  method_->solve(space, A, r, z, monitor);
}

}  // namespace amg
