#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "drift.h"
#include "matrix/canonical_pattern.h"
#include "solver_cache.h"

// What the parts of the solver cache share: its entries, and a call's hold on one.

namespace amg {

// A pattern on one device, with what is derived from it once.
struct SharedPattern {
  SharedPattern(Space& space, int device_id, const InputMatrix& input)
      : device(device_id), canonical(space, input), bytes(canonical.bytes()) {}

  bool describes(Space& space, int device_id, const InputMatrix& input) const {
    return device == device_id && canonical.describes(space, input);
  }

  const TransposedPattern& transposed(Space& space) {
    const std::scoped_lock lock(mutex);
    if (!to_AT.pattern) {
      to_AT = space.transpose(*canonical.pattern());
      bytes += to_AT.bytes();
    }
    return to_AT;
  }

  int device;
  CanonicalPattern canonical;
  std::atomic<std::size_t> bytes;
  std::mutex mutex;
  TransposedPattern to_AT;
};

inline std::span<const std::byte> value_bytes(const Matrix& A) {
  return {static_cast<const std::byte*>(A.values), static_cast<std::size_t>(A.entries) * size_of(A.dtype)};
}

inline std::span<const std::byte> bytes_of(ConstVector v) {
  if (!v.data) return {};
  return {static_cast<const std::byte*>(v.data), static_cast<std::size_t>(v.size()) * size_of(v.dtype)};
}

inline std::span<const std::byte> bytes_of(const Buffer& buffer) {
  return {static_cast<const std::byte*>(buffer.data()), buffer.bytes()};
}

class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// A solver with the matrix that it is set up for.
struct SolverCache::Entry {
  Entry(const SolveRequest& request, std::shared_ptr<SharedPattern> shared)
      : config(request.config),
        dtype(request.A.dtype),
        pattern(std::move(shared)),
        solver(Config::parse(request.config)) {}

  void set_up(Space& space, const Matrix& A) {
    solver.setup(space, A);
    copy_values(space, A);
  }
  void refresh(Space& space, const Matrix& A) {
    solver.refresh(space, A);
    copy_values(space, A);
  }

  bool is_set_up_for(Space& space, const Matrix& A) const {
    return space.equal(value_bytes(A), bytes_of(values)) &&
           space.equal(bytes_of(A.near_nullspace), bytes_of(near_nullspace));
  }

  // Without the pattern, which entries share.
  std::size_t count_bytes() const {
    return values.bytes() + near_nullspace.bytes() + static_cast<std::size_t>(AT.entries()) * size_of(dtype) +
           solver.bytes();
  }

  const std::string config;
  const DType dtype;
  const std::shared_ptr<SharedPattern> pattern;
  LinearSolver solver;
  Buffer values, near_nullspace;  // those of the last setup or refresh

  std::mutex transpose_mutex;  // guards those below, and the solver's transposed parts, while they are made
  bool transpose_is_current = false;
  std::optional<bool> is_symmetric;  // where a transposed call has asked
  CsrMatrix AT;

  // Guarded by the cache's mutex:
  int users = 0;           // calls that solve, or compare values
  bool exclusive = false;  // one call sets up or refreshes
  bool usable = false;     // set up at least once
  std::size_t bytes = 0;
  Drift drift[2];  // of plain and of transposed calls
  std::int64_t calls = 0;
  Clock::time_point last_use;
  std::vector<std::unique_ptr<Workspace>> idle_workspaces;

 private:
  void copy_values(Space& space, const Matrix& A) {
    if (!values.data()) values = Buffer(space.memory(), value_bytes(A).size());
    space.copy_bytes(value_bytes(A), values.data());
    const auto vectors = bytes_of(A.near_nullspace);
    if (near_nullspace.bytes() != vectors.size()) near_nullspace = Buffer(space.memory(), vectors.size());
    if (!vectors.empty()) space.copy_bytes(vectors, near_nullspace.data());
    transpose_is_current = false;
    is_symmetric.reset();
  }
};

// One call's hold on an entry: exclusive while it sets up, shared while it solves. The cache's mutex is held
// when one is made.
class SolverCache::Lease {
 public:
  enum class Hold : std::uint8_t {
    current,  // shared, and set up for the call's values
    kept,     // shared, and set up for other values, or for all we know
    exclusive,
  };

  Lease(SolverCache& cache, const Device& device, std::shared_ptr<Entry> entry, Hold hold)
      : cache_(cache), entry_(std::move(entry)), hold_(hold) {
    exclusive() ? void(entry_->exclusive = true) : void(++entry_->users);
    ++entry_->calls;
    entry_->last_use = Clock::now();
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
    if (exclusive()) {  // the setup threw: nobody can use what it left
      entry_->exclusive = entry_->usable = false;
      cache_.entries_.remove(entry_);
    } else {
      --entry_->users;
    }
    cache_.changed_.notify_all();
  }

  Entry* operator->() const { return entry_.get(); }
  bool exclusive() const { return hold_ == Hold::exclusive; }
  bool kept() const { return hold_ == Hold::kept; }
  Workspace& workspace() const { return *workspace_; }

  // The setup is done: other calls may share the entry.
  void share() {
    const std::size_t bytes = entry_->count_bytes();
    const std::scoped_lock lock(cache_.mutex_);
    hold_ = Hold::current;
    entry_->exclusive = false;
    entry_->usable = true;
    entry_->bytes = bytes;
    std::ranges::fill(entry_->drift, Drift());
    ++entry_->users;
    cache_.evict();
    cache_.changed_.notify_all();
  }

  // It has grown by its transposes, which nobody changes meanwhile.
  void recount() {
    const std::size_t bytes = entry_->count_bytes();
    const std::scoped_lock lock(cache_.mutex_);
    entry_->bytes = bytes;
    cache_.evict();
  }

  void learn(Mode mode, const SolveInfo& call) {
    const std::scoped_lock lock(cache_.mutex_);
    entry_->drift[mode == Mode::plain ? 0 : 1].add(call);
  }

 private:
  SolverCache& cache_;
  std::shared_ptr<Entry> entry_;
  Hold hold_;
  std::unique_ptr<Workspace> workspace_;
};

}  // namespace amg
