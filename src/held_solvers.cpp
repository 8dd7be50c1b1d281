// The solvers that somebody holds: what jaxamg.setup returns.

#include <utility>

#include "amg/error.h"
#include "core/arena.h"
#include "setup/hierarchy.h"
#include "solver_cache.h"
#include "solver_entry.h"

namespace amg {

namespace {

template <class T>
std::span<const std::byte> bytes_of(const Array<T>& array) {
  return std::as_bytes(array.span());
}

bool same_places(Space& space, const Pattern& one, const Pattern& other) {
  return one.rows == other.rows && one.entries() == other.entries() &&
         space.equal(bytes_of(one.offsets), bytes_of(other.offsets)) &&
         space.equal(bytes_of(one.columns), bytes_of(other.columns));
}

HostMatrix download(Space& space, const Matrix& A) {
  HostMatrix host;
  host.cols = A.cols;
  host.dtype = A.dtype;
  host.offsets.resize(static_cast<std::size_t>(A.rows + 1));
  host.columns.resize(static_cast<std::size_t>(A.entries));
  host.values.resize(value_bytes(A).size());
  space.download(A.offsets, std::as_writable_bytes(std::span(host.offsets)));
  space.download(A.columns, std::as_writable_bytes(std::span(host.columns)));
  space.download(A.values, std::as_writable_bytes(std::span(host.values)));
  return host;
}

}  // namespace

SolverCache::Held SolverCache::hold(const Device& device, const SolveRequest& request) {
  const Arena::Driver driver(Arena::instance());
  Stopwatch watch;
  Workspace workspace(device.memory());
  const std::unique_ptr<Space> space = device.space(workspace);
  const InputMatrix input = request.input();
  auto pattern = std::make_shared<SharedPattern>(*space, device.id(), input);
  Buffer storage;
  const Matrix A = pattern->canonical.matrix(*space, input, storage);
  const auto entry = std::make_shared<Entry>(request, std::move(pattern));
  entry->set_up(*space, A);
  entry->usable = true;

  const std::scoped_lock lock(mutex_);
  held_.emplace(++last_number_, entry);
  return {last_number_, entry->solver.matrix_fault(), watch.lap()};
}

std::shared_ptr<SolverCache::Entry> SolverCache::held(std::int64_t number) const {
  const std::scoped_lock lock(mutex_);
  const auto found = held_.find(number);
  if (found == held_.end())
    throw Error("hierarchy: it has been let go; keep the object that jaxamg.setup returned");
  return found->second;
}

// What is held is taken as it is. The matrix may come in another form than the one it was set up with.
SolverCache::Lease SolverCache::acquire_held(const Device& device, const SolveRequest& request, Matrix& A,
                                             Buffer& storage) {
  std::shared_ptr<Entry> entry = held(request.held);
  const SharedPattern& pattern = *entry->pattern;
  if (pattern.device != device.id()) throw Error("hierarchy: it was set up on another device than A's");
  if (entry->dtype != request.A.dtype) throw Error("hierarchy: it was set up in another precision than A's");
  Workspace workspace(device.memory());
  const std::unique_ptr<Space> space = device.space(workspace);
  InputMatrix input = request.A;
  input.block_dim = pattern.canonical.block_dim();
  if (pattern.canonical.describes(*space, input)) {
    A = pattern.canonical.matrix(*space, input, storage);
  } else {
    const CanonicalPattern other(*space, input);
    const Pattern& places = *pattern.canonical.pattern();
    if (!same_places(*space, *other.pattern(), places))
      throw Error("hierarchy: it was set up for a matrix of another pattern than A's");
    A = places.with(entry->dtype,
                    other.matrix(*space, input, storage).values);  // `other` ends with this call
  }
  const std::scoped_lock lock(mutex_);
  return {*this, device, std::move(entry), Lease::Hold::kept};
}

void SolverCache::let_go(std::int64_t number) {
  std::shared_ptr<Entry> last;  // freed without the mutex
  const std::scoped_lock lock(mutex_);
  if (const auto found = held_.find(number); found != held_.end()) {
    last = std::move(found->second);
    held_.erase(found);
  }
}

SolverReport SolverCache::report(std::int64_t number) const {
  const LinearSolver& solver = held(number)->solver;
  return {solver.grid(), solver.bytes()};
}

int SolverCache::device_id(std::int64_t number) const { return held(number)->pattern->device; }

HostMatrix SolverCache::matrix(const Device& device, std::int64_t number, std::size_t level,
                               LevelMatrix which) const {
  const std::shared_ptr<Entry> entry = held(number);
  Workspace workspace(device.memory());
  const std::unique_ptr<Space> space = device.space(workspace);
  if (level == 0 && which == LevelMatrix::A) {
    const Pattern& pattern = *entry->pattern->canonical.pattern();
    return download(*space, pattern.with(entry->dtype, entry->values.data()));
  }
  const Hierarchy* hierarchy = entry->solver.hierarchy();
  if (!hierarchy || level >= hierarchy->size() || (which != LevelMatrix::A && hierarchy->is_coarsest(level)))
    throw Error("hierarchy: there is no such matrix on level " + std::to_string(level));
  const Level& l = (*hierarchy)[level];
  return download(*space, which == LevelMatrix::A ? l.A : which == LevelMatrix::P ? l.P : l.R);
}

void SolverCache::finalize() {
  const std::scoped_lock lock(mutex_);
  entries_.clear();
  held_.clear();
}

}  // namespace amg
