#include "config/parameters.h"
#include "method/method.h"

namespace amg {

Preconditioner::Preconditioner(const Slot& slot) : rule_(slot.scope) {
  if (slot.method != "NOSOLVER") method_ = make_method(slot);
}

void Preconditioner::setup(Space& space, const Matrix& A) {
  if (method_) method_->setup(space, A);
}

void Preconditioner::refresh(Space& space, const Matrix& A) {
  if (method_) method_->refresh(space, A);
}

void Preconditioner::prepare_transpose(Space& space) {
  if (method_) method_->prepare_transpose(space);
}

void Preconditioner::split(std::span<const std::int32_t> coarse) {
  if (method_) method_->split(coarse);
}

void Preconditioner::apply(Space& space, const Operator& A, ConstVector r, Vector z) const {
  if (!method_) return space.copy(r, z);
  if (!rule_.monitored) return method_->apply(space, A, r, {}, z, rule_.max_iters);
  space.fill(z, 0.0);
  Monitor monitor(space, rule_, r.lanes, r.dtype);
  method_->solve(space, A, r, z, monitor);
}

}  // namespace amg
