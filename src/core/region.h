// How the chunks of a parallel region get to the threads that work on it.
//
// Each thread starts with a contiguous part of the chunks, the same part in every region, which keeps
// caches and NUMA pages warm; then it takes from the parts of others what they have left.
#pragma once

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/function_ref.h"

namespace amg {

constexpr std::size_t cache_line = 64;

inline void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// A place for one region after another, so that a worker may look at it at any time. A driver claims it,
/// opens it, works and releases it; helpers join while it is open. Only who is counted as a helper may use
/// the fields, and the driver waits until none is.
class alignas(cache_line) Region {
 public:
  void prepare(int threads) { cursors_ = std::vector<Cursor>(threads); }

  bool claim(int seat) {
    std::uint32_t free = 0;
    return state_ == free &&
           state_.compare_exchange_strong(free, claimed | static_cast<std::uint32_t>(seat) << seat_shift);
  }

  void open(std::int64_t chunks, FunctionRef<void(std::int64_t)> body) {
    body_ = body;
    chunks_ = chunks;
    parts_ = std::min(chunks, static_cast<std::int64_t>(cursors_.size()));
    std::fegetenv(&environment_);
    for (std::int64_t p = 0; p < parts_; ++p) cursor(p).store(begin(p), std::memory_order_relaxed);
    first_failure_.store(std::numeric_limits<std::int64_t>::max(), std::memory_order_relaxed);
    state_.fetch_or(opened);
  }

  bool is_open() const { return (state_ & opened) != 0; }

  /// True while chunks may be left for this worker. One in the driver's own seat would be a thread too
  /// many: it stands in for the caller outside who drives here.
  bool wants(int seat) const {
    const std::uint32_t now = state_;
    return (now & opened) != 0 && (now & seats) >> seat_shift != static_cast<std::uint32_t>(seat);
  }

  bool join() {
    if ((state_.fetch_add(1) & opened) == 0) {
      leave();
      return false;
    }
    std::fesetenv(&environment_);
    return true;
  }

  void leave() { state_.fetch_sub(1); }

  /// Own part first, then the others'. Returns when every chunk is taken, which closes the region.
  void work(int seat) {
    for (std::int64_t k = 0; k < parts_ && is_open(); ++k) {
      const std::int64_t part = (seat + k) % parts_;
      const std::int64_t end = begin(part + 1);
      while (cursor(part).load(std::memory_order_relaxed) < end) {
        const std::int64_t chunk = cursor(part).fetch_add(1, std::memory_order_relaxed);
        if (chunk < end) run(chunk);
      }
    }
    if (is_open()) state_.fetch_and(~opened);
  }

  /// Waits for the helpers and returns the failure of the lowest chunk that failed.
  std::exception_ptr release() {
    constexpr int patience = 1000;  // then the helper has probably lost its CPU: lend ours
    for (int k = 0; (state_ & helpers) != 0; ++k) k < patience ? pause_cpu() : std::this_thread::yield();
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    state_.fetch_and(helpers);  // a late worker may be about to find out that the region is closed
    return failure;
  }

 private:
  static constexpr std::uint32_t claimed = 1U << 31, opened = 1U << 30, seats = 0x3fff0000, helpers = 0xffff;
  static constexpr int seat_shift = 16;

  struct alignas(cache_line) Cursor {
    std::atomic<std::int64_t> next;
  };

  std::int64_t begin(std::int64_t part) const { return chunks_ * part / parts_; }
  std::atomic<std::int64_t>& cursor(std::int64_t part) { return cursors_[part].next; }

  void run(std::int64_t chunk) {
    // Chunks below a failure still run: if one of them fails too, its exception is the one to report.
    if (chunk > first_failure_.load(std::memory_order_relaxed)) return;
    try {
      body_(chunk);
    } catch (...) {
      const std::lock_guard lock(failure_mutex_);
      if (chunk > first_failure_.load(std::memory_order_relaxed)) return;
      first_failure_.store(chunk, std::memory_order_relaxed);
      failure_ = std::current_exception();
    }
  }

  static constexpr auto nothing = [](std::int64_t) {};

  std::atomic<std::uint32_t> state_{0};  // claimed | opened | the driver's seat | the number of helpers
  FunctionRef<void(std::int64_t)> body_{nothing};
  std::int64_t chunks_ = 0;
  std::int64_t parts_ = 0;
  std::vector<Cursor> cursors_;  // the next chunk of each part
  std::fenv_t environment_{};
  std::atomic<std::int64_t> first_failure_{0};
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace amg
