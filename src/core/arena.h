// The engine's threads: one arena with a cap, shared by every solve of the process.
//
// No OpenMP and no TBB: libgomp makes one team per calling thread, so concurrent solves multiply threads, and
// neither survives a fork. A *driver* is the thread that runs a solve, its own or a submitted one; it opens
// one region of chunks after another, and idle arena threads help. Drivers and helpers together are at most
// `threads()`; when that many drive, each works alone. What a chunk computes never depends on who runs it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cfenv>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/function_ref.h"

namespace amg {

class Region;

class Arena {
 public:
  /// The process's arena: JAXAMG_NUM_THREADS threads, else one per CPU this process may use; at most 256.
  /// In a forked child, a new arena of the parent's size. Throws Error if the variable is not a number.
  static Arena& instance();

  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  /// Waits until no region and no task runs; clamped to [1, 256]. Throws Error when called from inside one.
  void resize(int threads);

  /// Runs body(0) … body(chunks - 1), each once, and returns when all are done. Thread-safe; from inside a
  /// chunk it runs inline. If chunks throw, the exception of the lowest of them is rethrown and higher chunks
  /// may be skipped. Every chunk sees the caller's floating-point environment: XLA's threads flush denormals,
  /// and who runs a chunk must not change its bits.
  void for_each_chunk(std::int64_t chunks, FunctionRef<void(std::int64_t)> body);

  /// Runs a whole solve on an arena thread, which drives its regions. On an arena of one thread it runs
  /// before this returns. A task must not throw, so its type has to say noexcept, nor wait for another task,
  /// which may be queued.
  template <class F>
  void submit(F task) {
    static_assert(std::is_nothrow_invocable_v<F&>,
                  "a submitted task must be noexcept: it has no caller to throw to");
    enqueue(std::make_unique<TaskOf<F>>(std::move(task)));
  }

  /// Makes the calling thread a driver for a whole solve. Without it, each region is a driver of its own:
  /// correct, but concurrent solves then see each other come and go, and helpers are put to sleep and woken
  /// in between.
  class Driver {
   public:
    explicit Driver(Arena& arena);
    ~Driver();
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

   private:
    Arena* arena_;  // null where an enclosing scope already drives
  };

 private:
  struct Task {
    virtual ~Task() = default;
    virtual void run() noexcept = 0;
    std::fenv_t environment{};
  };
  template <class F>
  struct TaskOf final : Task {
    explicit TaskOf(F&& f) : function(std::move(f)) {}
    void run() noexcept override { function(); }
    F function;
  };
  struct Worker;

  explicit Arena(int threads);
  void start(int threads);
  void stop();
  void enter();
  void leave();
  void enqueue(std::unique_ptr<Task> task);
  Region* claim_region();
  void wake_helpers(std::int64_t wanted);
  bool wake(Worker& worker);
  void work(Worker& me);
  bool run_task();
  void drive(std::unique_ptr<Task> task);
  bool help();
  void sleep(Worker& me);

  std::atomic<int> threads_{1};
  // Callers outside that drive, and tasks, running or queued.
  std::atomic<int> drivers_{0};
  // Workers that neither drive nor sleep: more than threads_ - drivers_ are too many, and some go to sleep.
  std::atomic<int> awake_{0};
  std::atomic<int> queued_{0};
  std::atomic<int> resizing_{0};
  std::atomic<bool> stopping_{false};
  // One of each for every thread, as each may drive. Worker 0 rests while a caller outside drives in its
  // place.
  std::vector<Region> regions_;
  std::vector<Worker> workers_;
  std::mutex queue_mutex_;
  std::list<std::unique_ptr<Task>> queue_;
  std::mutex resize_mutex_;
};

/// f(begin, end) over [0, n) in chunks of `grain`. Chunk bounds depend on n and grain only.
template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, F&& f) {
  assert(grain > 0);
  if (n <= grain) {
    if (n > 0) f(std::int64_t{0}, n);
    return;
  }
  Arena::instance().for_each_chunk((n + grain - 1) / grain, [&](std::int64_t chunk) {
    f(chunk * grain, std::min(n, (chunk + 1) * grain));
  });
}

/// f(i) for i of [0, n), in the chunks of parallel_for.
template <class F>
void parallel_for_each(std::int64_t n, std::int64_t grain, const F& f) {
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

/// init ∘ f(0, c) ∘ f(c, 2c) ∘ …, combined in this order: the same bits at any thread count. Chunks hold at
/// least `grain` entries and number at most 512, so that the partial results fit on the stack.
template <class T, class F, class Combine>
T parallel_reduce(std::int64_t n, std::int64_t grain, T init, F&& f, Combine&& combine) {
  constexpr std::int64_t max_chunks = 512;
  const std::int64_t size = std::max(grain, (n + max_chunks - 1) / max_chunks);
  std::array<T, max_chunks> partial;
  parallel_for(n, size, [&](std::int64_t begin, std::int64_t end) { partial[begin / size] = f(begin, end); });
  for (std::int64_t chunk = 0; chunk * size < n; ++chunk) {
    init = combine(std::move(init), std::move(partial[chunk]));
  }
  return init;
}

}  // namespace amg
