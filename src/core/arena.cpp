#include "core/arena.h"

#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "amg/error.h"
#include "core/region.h"

// Sleeping and waking rest on "I write mine, then read yours": a driver opens a region, then reads who is
// awake; a worker says that it sleeps, then looks for open regions. That needs sequential consistency, the
// default of atomics.

namespace amg {
namespace {

constexpr int max_threads = 256;
// Bridges the serial code between two regions of a solve.
constexpr auto spin_time = std::chrono::microseconds(50);

enum class Role { outsider, driver, chunk };
thread_local Role role = Role::outsider;
thread_local int seat = 0;  // a worker's number; callers from outside share seat 0

class RoleScope {
 public:
  explicit RoleScope(Role now) : before_(std::exchange(role, now)) {}
  ~RoleScope() { role = before_; }
  RoleScope(const RoleScope&) = delete;
  RoleScope& operator=(const RoleScope&) = delete;

 private:
  Role before_;
};

int usable_cpus() {
#ifdef __linux__
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) return CPU_COUNT(&cpus);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

int threads_from_environment() {
  const char* variable = std::getenv("JAXAMG_NUM_THREADS");
  if (variable == nullptr) return usable_cpus();
  const std::string_view text(variable);
  int threads = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error("JAXAMG_NUM_THREADS='" + std::string(text) +
                "' is not a number of threads: set it to one, such as 4, or unset it to use every CPU");
  }
  return threads;
}

// Never destroyed: at exit its workers may be asleep or at work.
std::atomic<Arena*> current{nullptr};
std::atomic<int> threads_before_fork{0};

// In a forked child the workers are gone, and so may be the holder of a lock: never touch the old arena
// again.
void forget_arena() {
  if (const Arena* old = current.exchange(nullptr)) threads_before_fork = old->threads();
}
[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, forget_arena);

}  // namespace

struct alignas(cache_line) Arena::Worker {
  std::atomic<int> asleep{0};  // an int is what a futex waits for
  std::thread thread;
};

Arena& Arena::instance() {
  if (Arena* arena = current) return *arena;
  // Neither a lock nor a function-local static: a fork in another thread would leave it locked in the child.
  const int inherited = threads_before_fork;
  std::unique_ptr<Arena> fresh(new Arena(inherited > 0 ? inherited : threads_from_environment()));
  Arena* first = nullptr;
  return current.compare_exchange_strong(first, fresh.get()) ? *fresh.release() : *first;
}

Arena::Arena(int threads) { start(threads); }

Arena::~Arena() { stop(); }

void Arena::start(int threads) {
  threads = std::clamp(threads, 1, max_threads);
  if (threads == 1) return;
  regions_ = std::vector<Region>(threads);
  for (Region& region : regions_) region.prepare(threads);
  workers_ = std::vector<Worker>(threads);
  threads_ = threads;
  awake_ = threads;
  stopping_ = false;
  try {
    for (Worker& worker : workers_) worker.thread = std::thread(&Arena::work, this, std::ref(worker));
  } catch (const std::system_error& error) {
    stop();
    throw Error("cannot start " + std::to_string(threads) + " threads (" + error.what() +
                "): set JAXAMG_NUM_THREADS to a smaller number");
  }
}

/// Leaves an arena of one thread. Nothing may be running.
void Arena::stop() {
  stopping_ = true;
  for (Worker& worker : workers_) wake(worker);
  for (Worker& worker : workers_) {
    if (worker.thread.joinable()) worker.thread.join();
  }
  threads_ = 1;
  workers_.clear();
  regions_.clear();
}

void Arena::resize(int threads) {
  if (role != Role::outsider) throw Error("the arena cannot be resized inside a solve: resize it before");
  const std::lock_guard lock(resize_mutex_);
  resizing_ = 1;
  while (drivers_ != 0) std::this_thread::yield();
  const auto reopen = [](std::atomic<int>* resizing) {
    *resizing = 0;
    resizing->notify_all();
  };
  const std::unique_ptr<std::atomic<int>, decltype(reopen)> gate(&resizing_, reopen);
  stop();
  start(threads);
}

void Arena::enter() {
  drivers_.fetch_add(1);
  // Whoever is inside already passes: a resize waits for it.
  while (role == Role::outsider && resizing_ != 0) {
    leave();
    resizing_.wait(1);
    drivers_.fetch_add(1);
  }
}

void Arena::leave() { drivers_.fetch_sub(1); }

Arena::Driver::Driver(Arena& arena) : arena_(role == Role::outsider ? &arena : nullptr) {
  if (arena_ == nullptr) return;
  arena_->enter();
  role = Role::driver;
}

Arena::Driver::~Driver() {
  if (arena_ == nullptr) return;
  role = Role::outsider;
  arena_->leave();
}

void Arena::for_each_chunk(std::int64_t chunks, FunctionRef<void(std::int64_t)> body) {
  const auto run_inline = [&] {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) body(chunk);
  };
  if (chunks <= 1 || role == Role::chunk) return run_inline();
  const Driver driver(*this);
  const RoleScope scope(Role::chunk);
  Region* region = drivers_ < threads() ? claim_region() : nullptr;
  if (region == nullptr) return run_inline();  // every thread drives
  region->open(chunks, body);
  wake_helpers(chunks - 1);
  region->work(seat);
  if (const std::exception_ptr failure = region->release()) std::rethrow_exception(failure);
}

Region* Arena::claim_region() {
  const auto free = std::ranges::find_if(regions_, [](Region& region) { return region.claim(seat); });
  return free == regions_.end() ? nullptr : &*free;
}

void Arena::wake_helpers(std::int64_t wanted) {
  std::int64_t missing = std::min<std::int64_t>(wanted, threads() - drivers_) - awake_;
  for (int k = 1; k < threads() && missing > 0; ++k) {
    if (wake(workers_[(seat + k) % threads()])) --missing;
  }
}

bool Arena::wake(Worker& worker) {
  if (worker.asleep == 0 || worker.asleep.exchange(0) == 0) return false;
  awake_.fetch_add(1);
  worker.asleep.notify_one();
  return true;
}

void Arena::enqueue(std::unique_ptr<Task> task) {
  std::fegetenv(&task->environment);
  std::list<std::unique_ptr<Task>> node;
  node.push_back(std::move(task));
  enter();
  if (threads() == 1) return drive(std::move(node.front()));
  // Under the lock, the task cannot end, nor then a resize begin, while we look at the workers.
  const std::lock_guard lock(queue_mutex_);
  queue_.splice(queue_.end(), node);
  queued_.fetch_add(1);
  for (Worker& worker : workers_) {
    if (wake(worker)) break;
  }
}

void Arena::work(Worker& me) {
  using Clock = std::chrono::steady_clock;
  seat = static_cast<int>(&me - workers_.data());
  for (auto idle_since = Clock::now(); !stopping_;) {
    const bool surplus = awake_ + drivers_ > threads();
    if (run_task() || (!surplus && help())) {
      idle_since = Clock::now();
    } else if (surplus || Clock::now() - idle_since > spin_time) {
      sleep(me);
      idle_since = Clock::now();
    } else {
      pause_cpu();
    }
  }
}

bool Arena::run_task() {
  if (queued_ == 0) return false;
  std::list<std::unique_ptr<Task>> node;
  {
    const std::lock_guard lock(queue_mutex_);
    if (queue_.empty()) return false;
    node.splice(node.end(), queue_, queue_.begin());
    queued_.fetch_sub(1);
  }
  awake_.fetch_sub(1);
  drive(std::move(node.front()));
  awake_.fetch_add(1);
  return true;
}

/// Runs a task that enter() has counted.
void Arena::drive(std::unique_ptr<Task> task) {
  {
    const RoleScope scope(Role::driver);
    std::fesetenv(&task->environment);
    task->run();
    task.reset();
  }
  leave();
}

bool Arena::help() {
  const RoleScope scope(Role::chunk);
  for (Region& region : regions_) {
    if (!region.wants(seat) || !region.join()) continue;
    region.work(seat);
    region.leave();
    return true;
  }
  return false;
}

void Arena::sleep(Worker& me) {
  awake_.fetch_sub(1);
  me.asleep = 1;
  // Look again: whoever made work before this may have taken us for awake.
  const bool room = awake_ + drivers_ < threads();
  const auto wants_me = [](const Region& region) { return region.wants(seat); };
  if (stopping_ || queued_ != 0 || (room && std::ranges::any_of(regions_, wants_me))) {
    wake(me);
  } else if (room && std::ranges::any_of(regions_, &Region::is_open)) {
    wake_helpers(threads());  // we were in the driver's seat, and kept another from helping
  }
  me.asleep.wait(1);
}

}  // namespace amg
