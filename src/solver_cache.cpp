#include "solver_cache.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>
#include <vector>

#include "amg/error.h"
#include "core/arena.h"
#include "matrix/canonical_pattern.h"

namespace amg {

namespace {

// A pattern on one device, with what is derived from it once.
struct SharedPattern {
  SharedPattern(Space& space, int device_id, const InputMatrix& input)
      : device(device_id), canonical(space, input) {}

  bool describes(Space& space, int device_id, const InputMatrix& input) const {
    return device == device_id && canonical.describes(space, input);
  }

  const TransposedPattern& transposed(Space& space) {
    const std::scoped_lock lock(mutex);
    if (!to_AT.pattern) to_AT = space.transpose(*canonical.pattern());
    return to_AT;
  }

  std::size_t bytes() {
    const std::scoped_lock lock(mutex);
    return canonical.bytes() + to_AT.bytes();
  }

  int device;
  CanonicalPattern canonical;
  std::mutex mutex;
  TransposedPattern to_AT;
};

std::size_t capacity_from_environment() {
  constexpr std::size_t default_capacity = 8;
  const char* text = std::getenv("JAXAMG_CACHE_SIZE");
  if (!text || !*text) return default_capacity;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*end || value < 0)
    throw Error(std::string("JAXAMG_CACHE_SIZE: expected a number of entries, got ") + text);
  return static_cast<std::size_t>(value);
}

std::span<const std::byte> value_bytes(const Matrix& A) {
  return {static_cast<const std::byte*>(A.values), static_cast<std::size_t>(A.entries) * size_of(A.dtype)};
}

std::span<const std::byte> bytes_of(const Buffer& buffer) {
  return {static_cast<const std::byte*>(buffer.data()), buffer.bytes()};
}

class Clock {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

struct SolverCache::Entry {
  Entry(const SolveRequest& request, std::shared_ptr<SharedPattern> shared)
      : config(request.config),
        dtype(request.A.dtype),
        pattern(std::move(shared)),
        solver(Config::parse(request.config)) {}

  std::size_t count_bytes() const { return pattern->bytes() + values.bytes() + AT.bytes() + solver.bytes(); }

  const std::string config;
  const DType dtype;
  const std::shared_ptr<SharedPattern> pattern;
  LinearSolver solver;
  Buffer values;  // those of the last setup or refresh

  std::mutex transpose_mutex;  // guards the two below, and the solver's transposed parts, while they are made
  bool transpose_is_current = false;
  CsrMatrix AT;

  // Guarded by the cache's mutex:
  int users = 0;           // calls that solve, or compare values
  bool exclusive = false;  // one call sets up or refreshes
  bool usable = false;     // set up at least once
  std::size_t bytes = 0;
  std::vector<std::unique_ptr<Workspace>> idle_workspaces;
};

// One call's hold on an entry: exclusive while it sets up, shared while it solves. The cache's mutex is held
// when one is made.
class SolverCache::Lease {
 public:
  Lease(SolverCache& cache, const Device& device, std::shared_ptr<Entry> entry, bool exclusive)
      : cache_(cache), entry_(std::move(entry)), exclusive_(exclusive) {
    exclusive ? void(entry_->exclusive = true) : void(++entry_->users);
    if (entry_->idle_workspaces.empty()) {
      workspace_ = std::make_unique<Workspace>(device.memory());
    } else {
      workspace_ = std::move(entry_->idle_workspaces.back());
      entry_->idle_workspaces.pop_back();
    }
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  ~Lease() {
    const std::scoped_lock lock(cache_.mutex_);
    entry_->idle_workspaces.push_back(std::move(workspace_));
    if (exclusive_) {  // the setup threw: nobody can use what it left
      entry_->exclusive = entry_->usable = false;
      cache_.entries_.remove(entry_);
    } else {
      --entry_->users;
    }
    cache_.changed_.notify_all();
  }

  Entry* operator->() const { return entry_.get(); }
  bool exclusive() const { return exclusive_; }
  Workspace& workspace() const { return *workspace_; }

  // The setup is done: other calls may share the entry.
  void share() {
    const std::size_t bytes = entry_->count_bytes();
    const std::scoped_lock lock(cache_.mutex_);
    exclusive_ = entry_->exclusive = false;
    entry_->usable = true;
    entry_->bytes = bytes;
    ++entry_->users;
    cache_.changed_.notify_all();
  }

 private:
  SolverCache& cache_;
  std::shared_ptr<Entry> entry_;
  bool exclusive_;
  std::unique_ptr<Workspace> workspace_;
};

SolverCache& SolverCache::instance() {
  static SolverCache cache(capacity_from_environment());
  return cache;
}

// An entry for the request, and its matrix in canonical form: shared when it was set up for these very values,
// else exclusive.
//
// Of several calls that find nothing one makes the entry: the `first`, who looks again at what has come meanwhile.
// It steps back before it waits for a setup, which must not hold up the setups of other matrices.
SolverCache::Lease SolverCache::acquire(const Device& device, const SolveRequest& request, Matrix& A,
                                        Buffer& storage) {
  Workspace workspace(device.memory());
  const std::unique_ptr<Space> owned = device.space(workspace);
  Space& space = *owned;
  std::unique_lock first(first_mutex_, std::defer_lock);
  std::unique_lock lock(mutex_);
  std::shared_ptr<SharedPattern> pattern;
  std::vector<std::shared_ptr<Entry>> seen;
  for (;;) {
    const auto unseen = std::ranges::find_if(
        entries_, [&](const auto& e) { return std::ranges::find(seen, e) == seen.end(); });
    if (unseen == entries_.end()) {
      if (first.owns_lock()) break;
      lock.unlock();
      first.lock();
      lock.lock();
      continue;
    }
    const std::shared_ptr<Entry>& entry = seen.emplace_back(*unseen);
    if (!pattern) {
      lock.unlock();
      if (entry->pattern->describes(space, device.id(), request.A)) {
        pattern = entry->pattern;
        A = pattern->canonical.matrix(space, request.A, storage);
      }
      lock.lock();
    }
    if (entry->pattern != pattern || entry->dtype != request.A.dtype || entry->config != request.config)
      continue;
    if (first.owns_lock()) first.unlock();
    changed_.wait(lock, [&] { return !entry->exclusive; });
    if (!entry->usable) continue;
    ++entry->users;
    lock.unlock();
    const bool same = (request.reuse_setup && entry->solver.usable()) ||
                      space.equal(value_bytes(A), bytes_of(entry->values));
    lock.lock();
    --entry->users;
    changed_.notify_all();
    if (!same && entry->users > 0) continue;  // others solve with what it holds
    if (std::ranges::find(entries_, entry) != entries_.end()) {
      entries_.remove(entry);
      entries_.push_front(entry);
    }
    ++(same ? counters_.hits : counters_.refreshes);
    return {*this, device, entry, !same};
  }

  ++counters_.setups;
  lock.unlock();
  if (!pattern) {
    pattern = std::make_shared<SharedPattern>(space, device.id(), request.A);
    A = pattern->canonical.matrix(space, request.A, storage);
  }
  auto entry = std::make_shared<Entry>(request, pattern);
  lock.lock();
  if (capacity_ > 0) entries_.push_front(entry);
  while (entries_.size() > capacity_) {
    entries_.pop_back();
    ++counters_.evictions;
  }
  return {*this, device, std::move(entry), true};
}

template <class Use>
void SolverCache::with_solver(const Device& device, const SolveRequest& request, Use&& use) {
  const Arena::Driver driver(Arena::instance());
  Matrix A;
  Buffer storage;
  Lease entry = acquire(device, request, A, storage);
  const std::unique_ptr<Space> owned = device.space(entry.workspace());
  Space& space = *owned;

  if (entry.exclusive()) {
    const std::int64_t builds = entry->solver.grid().builds;
    if (entry->usable) {
      entry->solver.refresh(space, A);
    } else {
      entry->values = Buffer(space.memory(), value_bytes(A).size());
      entry->solver.setup(space, A);
    }
    space.copy_bytes(value_bytes(A), entry->values.data());
    entry->transpose_is_current = false;
    if (entry->usable && entry->solver.grid().builds > builds) {
      const std::scoped_lock lock(mutex_);
      ++counters_.rebuilds;
    }
    entry.share();
  }

  Operator op{A, {}, request.mode};
  CsrMatrix AT;  // of values that the entry does not hold
  if (request.mode != Mode::plain) {
    const TransposedPattern& to_AT = entry->pattern->transposed(space);
    const std::scoped_lock lock(entry->transpose_mutex);
    if (!std::exchange(entry->transpose_is_current, true)) {
      entry->solver.prepare_transpose(space);
      if (!entry->AT.pattern()) entry->AT = space.matrix(to_AT.pattern, A.dtype);
      space.gather(A.dtype, entry->values.data(), to_AT.source.span(), entry->AT.values());
    }
    if (request.reuse_setup) {
      AT = space.matrix(to_AT.pattern, A.dtype);
      space.gather(A.dtype, A.values, to_AT.source.span(), AT.values());
    }
    op.transpose = request.reuse_setup ? AT : entry->AT;
  }
  use(space, entry->solver, std::as_const(op));
}

SolveOutcome SolverCache::solve(const Device& device, const SolveRequest& request) {
  SolveOutcome outcome;
  Clock clock;
  with_solver(device, request, [&](Space& space, LinearSolver& solver, const Operator& A) {
    outcome.setup_time = clock.lap();
    outcome.info = solver.solve(space, A, request.b, request.x, nullptr, request.demands);
    outcome.solve_time = clock.lap();
  });
  return outcome;
}

void SolverCache::apply(const Device& device, const SolveRequest& request) {
  with_solver(device, request, [&](Space& space, LinearSolver& solver, const Operator& A) {
    solver.apply(space, A, request.b, request.x);
  });
}

SolverReport SolverCache::report(const Device& device, const SolveRequest& request) {
  SolverReport report;
  with_solver(device, request, [&](Space&, LinearSolver& solver, const Operator&) {
    report = {solver.grid(), solver.bytes()};
  });
  return report;
}

void SolverCache::multiply(const Device& device, const InputMatrix& input, Mode mode, ConstVector x,
                           Vector y) {
  const Arena::Driver driver(Arena::instance());
  Workspace workspace(device.memory());
  const std::unique_ptr<Space> space = device.space(workspace);
  std::vector<std::shared_ptr<Entry>> entries;
  {
    const std::scoped_lock lock(mutex_);
    entries.assign(entries_.begin(), entries_.end());
  }
  const auto known = std::ranges::find_if(
      entries, [&](const auto& entry) { return entry->pattern->describes(*space, device.id(), input); });
  const auto pattern = known != entries.end() ? (*known)->pattern
                                              : std::make_shared<SharedPattern>(*space, device.id(), input);
  Buffer storage;
  Operator A{pattern->canonical.matrix(*space, input, storage), {}, mode};
  CsrMatrix AT;
  if (mode != Mode::plain) {
    const TransposedPattern& to_AT = pattern->transposed(*space);
    AT = space->matrix(to_AT.pattern, input.dtype);
    space->gather(input.dtype, A.matrix.values, to_AT.source.span(), AT.values());
    A.transpose = AT;
  }
  space->multiply(A, x, y);
}

SolverCache::Info SolverCache::info() const {
  const std::scoped_lock lock(mutex_);
  Info info{counters_};
  info.entries = static_cast<std::int64_t>(entries_.size());
  info.capacity = static_cast<std::int64_t>(capacity_);
  for (const auto& entry : entries_) info.bytes += entry->bytes;
  return info;
}

void SolverCache::release_memory() {
  const std::scoped_lock lock(mutex_);
  counters_.evictions += static_cast<std::int64_t>(entries_.size());
  entries_.clear();
}

void SolverCache::clear() {
  const std::scoped_lock lock(mutex_);
  entries_.clear();
  counters_ = {};
}

}  // namespace amg
