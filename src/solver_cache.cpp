#include "solver_cache.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "amg/error.h"
#include "core/arena.h"
#include "solver_entry.h"

namespace amg {

namespace {

std::size_t limit_from_environment(const char* name, const char* what, std::size_t otherwise) {
  const char* text = std::getenv(name);
  if (!text || !*text) return otherwise;
  std::size_t value = 0;
  const char* const end = text + std::strlen(text);
  if (const auto [rest, error] = std::from_chars(text, end, value); rest != end || error != std::errc())
    throw Error(std::string(name) + ": expected a number of " + what + ", got " + text);
  return value;
}

}  // namespace

SolverCache& SolverCache::instance() {
  static SolverCache cache(limit_from_environment("JAXAMG_CACHE_SIZE", "entries", 8),
                           limit_from_environment("JAXAMG_CACHE_BYTES", "bytes", unlimited));
  return cache;
}

// An entry for the request, and its matrix in canonical form: shared when it was set up for these very values or the
// request takes it as it is, else exclusive.
//
// Of several calls that find nothing one makes the entry: the `first`, who looks again at what has come meanwhile.
// It steps back before it waits for a setup, which must not hold up the setups of other matrices.
SolverCache::Lease SolverCache::acquire(const Device& device, const SolveRequest& request, Matrix& A,
                                        Buffer& storage) {
  using Hold = Lease::Hold;
  if (request.held != 0) return acquire_held(device, request, A, storage);
  Workspace workspace(device.memory());
  const std::unique_ptr<Space> owned = device.space(workspace);
  Space& space = *owned;
  const InputMatrix input = request.input();
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
      if (entry->pattern->canonical.block_dim() == input.block_dim &&
          entry->pattern->describes(space, device.id(), input)) {
        pattern = entry->pattern;
        A = pattern->canonical.matrix(space, input, storage);
        A.near_nullspace = request.near_nullspace;
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
    const bool keeps = request.reuse == Reuse::keep && entry->solver.usable();
    const bool same = !keeps && entry->is_set_up_for(space, A);
    lock.lock();
    --entry->users;
    changed_.notify_all();
    const bool kept = keeps || (!same && request.reuse == Reuse::automatic && entry->solver.usable() &&
                                !entry->drift[0] && !entry->drift[1]);
    const bool changes = !same && !kept;
    if (changes && entry->users > 0) continue;  // others solve with what it holds
    if (std::ranges::find(entries_, entry) != entries_.end()) {
      entries_.remove(entry);
      entries_.push_front(entry);
    }
    ++(!changes ? counters_.hits : request.reuse == Reuse::full ? counters_.setups : counters_.refreshes);
    return {*this, device, entry, changes ? Hold::exclusive : kept ? Hold::kept : Hold::current};
  }

  ++counters_.misses;
  ++counters_.setups;
  lock.unlock();
  if (!pattern) {
    pattern = std::make_shared<SharedPattern>(space, device.id(), input);
    A = pattern->canonical.matrix(space, input, storage);
    A.near_nullspace = request.near_nullspace;
  }
  auto entry = std::make_shared<Entry>(request, pattern);
  lock.lock();
  if (capacity_ > 0) entries_.push_front(entry);
  evict();
  return {*this, device, std::move(entry), Hold::exclusive};
}

std::size_t SolverCache::count_bytes() const {
  std::set<const SharedPattern*> patterns;
  std::size_t sum = 0;
  for (const auto& entry : entries_) {
    sum += entry->bytes;
    if (patterns.insert(entry->pattern.get()).second) sum += entry->pattern->bytes;
  }
  return sum;
}

void SolverCache::evict() {
  while (!entries_.empty() && (entries_.size() > capacity_ || count_bytes() > byte_capacity_)) {
    entries_.pop_back();
    ++counters_.evictions;
  }
}

// Aᵀ, in the entry or in AT, and what the entry's solver needs for calls with it. The entry's transpose_mutex is held.
Matrix SolverCache::transposed(Space& space, Lease& entry, const Matrix& A, Mode mode, CsrMatrix& AT) {
  const TransposedPattern& to_AT = entry->pattern->transposed(space);
  if (!std::exchange(entry->transpose_is_current, true)) {
    if (!entry->AT.pattern()) entry->AT = space.matrix(to_AT.pattern, A.dtype);
    space.gather(A.dtype, entry->values.data(), to_AT.source.span(), entry->AT.values());
    entry->solver.prepare_transpose(space, {A, entry->AT, mode});
    entry.recount();
  }
  if (!entry.kept()) return entry->AT;
  AT = space.matrix(to_AT.pattern, A.dtype);
  space.gather(A.dtype, A.values, to_AT.source.span(), AT.values());
  return AT;
}

template <class Use>
void SolverCache::with_solver(const Device& device, const SolveRequest& request, Purpose purpose, Use&& use) {
  const Arena::Driver driver(Arena::instance());
  Matrix A;
  Buffer storage;
  Lease entry = acquire(device, request, A, storage);
  const std::unique_ptr<Space> owned = device.space(entry.workspace());
  Space& space = *owned;

  if (entry.exclusive()) {
    const std::int64_t builds = entry->solver.grid().builds;
    const bool refreshes = entry->usable && request.reuse != Reuse::full;
    refreshes ? entry->refresh(space, A) : entry->set_up(space, A);
    if (refreshes && entry->solver.grid().builds > builds) {
      const std::scoped_lock lock(mutex_);
      ++counters_.rebuilds;
    }
    entry.share();
  }

  Operator op{A, {}, request.mode};
  CsrMatrix AT;  // of values that the entry does not hold
  if (request.mode != Mode::plain) {
    const std::scoped_lock lock(entry->transpose_mutex);
    const auto is_symmetric = [&] {
      if (entry.kept()) return space.is_symmetric(A);
      if (!entry->is_symmetric) entry->is_symmetric = space.is_symmetric(A);
      return *entry->is_symmetric;
    };
    if (purpose == Purpose::solution && is_symmetric())
      op.mode = Mode::plain;
    else
      op.transpose = transposed(space, entry, A, request.mode, AT);
  }
  use(space, entry, std::as_const(op));
}

SolveOutcome SolverCache::solve(const Device& device, const SolveRequest& request) {
  SolveOutcome outcome;
  Stopwatch watch;
  SolveRequest attempt = request;
  Buffer guess;
  bool again = false;
  do {
    with_solver(device, attempt, Purpose::solution, [&](Space& space, Lease& entry, const Operator& A) {
      const std::span x(static_cast<std::byte*>(request.x.data),
                        static_cast<std::size_t>(request.x.size()) * size_of(request.x.dtype));
      if (again) {
        space.copy_bytes(bytes_of(guess), x.data());
      } else if (entry.kept() && request.reuse == Reuse::automatic) {
        guess = Buffer(space.memory(), x.size());
        space.copy_bytes(x, guess.data());
      }
      outcome.setup_time += watch.lap();
      outcome.info = entry->solver.solve(space, A, request.b, request.x, nullptr, request.demands);
      entry.learn(request.mode, outcome.info);
      const bool solved =
          std::ranges::all_of(outcome.info.status, [](Status s) { return s == Status::success; });
      again = !again && !solved && entry.kept() && request.reuse == Reuse::automatic;
      outcome.solve_time += watch.lap();
    });
    attempt.reuse = Reuse::refresh;  // what a kept hierarchy cannot solve deserves one of its own
  } while (again);
  return outcome;
}

void SolverCache::apply(const Device& device, const SolveRequest& request) {
  with_solver(device, request, Purpose::adjoint, [&](Space& space, Lease& entry, const Operator& A) {
    entry->solver.apply(space, A, request.b, request.x);
  });
}

SolverReport SolverCache::report(const Device& device, const SolveRequest& request) {
  SolverReport report;
  with_solver(device, request, Purpose::solution, [&](Space&, Lease& entry, const Operator&) {
    report = {entry->solver.grid(), entry->solver.bytes()};
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
  Info info{counters_, {}, capacity_, byte_capacity_, count_bytes()};
  for (const auto& entry : entries_) {
    const Pattern& pattern = *entry->pattern->canonical.pattern();
    info.entries.push_back({entry->config, entry->dtype, pattern.rows, pattern.entries(),
                            entry->bytes + entry->pattern->bytes, entry->calls, entry->last_use});
  }
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
