#include "core/arena.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <latch>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "amg/error.h"

#if defined(__SANITIZE_THREAD__)
#define AMG_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AMG_THREAD_SANITIZER
#endif
#endif

namespace amg {
namespace {

using Counts = std::vector<std::atomic<int>>;

Arena& arena_of(int threads) {
  Arena::instance().resize(threads);
  return Arena::instance();
}

/// How many chunks of the region did not run exactly once.
int miscounted(Arena& arena, std::int64_t chunks) {
  Counts runs(chunks);
  arena.for_each_chunk(chunks,
                       [&](std::int64_t chunk) { runs[chunk].fetch_add(1, std::memory_order_relaxed); });
  return static_cast<int>(std::ranges::count_if(runs, [](const auto& count) { return count != 1; }));
}

/// Two chunks that wait for each other: finishes only if two threads work on the region.
void meet(Arena& arena, FunctionRef<void()> each = [] {}) {
  std::latch both(2);
  arena.for_each_chunk(2, [&](std::int64_t) {
    both.arrive_and_wait();
    each();
  });
}

void in_threads(int count, FunctionRef<void(int)> body) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([=] { body(i); });
}

class ArenaOf : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ArenaOf, testing::Values(1, 2, 3, 4, 9));

TEST_P(ArenaOf, RunsEachChunkOnceUnderConcurrentDrivers) {
  Arena& arena = arena_of(GetParam());
  EXPECT_EQ(arena.threads(), GetParam());
  std::atomic<int> wrong{0};
  in_threads(4, [&](int driver) {
    for (int round = 0; round < 200; ++round) wrong += miscounted(arena, (round * 7 + driver) % 61);
  });
  EXPECT_EQ(wrong, 0);
}

TEST_P(ArenaOf, KeepsUpWithManyTinyRegions) {
  Arena& arena = arena_of(GetParam());
  const Arena::Driver driver(arena);
  std::atomic<std::int64_t> sum{0};
  for (int round = 0; round < 5000; ++round) {
    arena.for_each_chunk(4, [&](std::int64_t chunk) { sum.fetch_add(chunk, std::memory_order_relaxed); });
    ASSERT_EQ(sum, 6 * (round + 1));  // every chunk is done when the region returns
  }
}

TEST_P(ArenaOf, RunsNestedRegionsInline) {
  Arena& arena = arena_of(GetParam());
  std::atomic<int> wrong{0};
  arena.for_each_chunk(20, [&](std::int64_t) {
    const auto self = std::this_thread::get_id();
    std::int64_t next = 0;
    arena.for_each_chunk(
        10, [&](std::int64_t chunk) { wrong += chunk != next++ || std::this_thread::get_id() != self; });
    wrong += next != 10;
  });
  EXPECT_EQ(wrong, 0);
}

TEST_P(ArenaOf, RethrowsTheFailureOfTheLowestChunk) {
  Arena& arena = arena_of(GetParam());
  for (int round = 0; round < 200; ++round) {
    Counts runs(64);
    try {
      arena.for_each_chunk(64, [&](std::int64_t chunk) {
        ++runs[chunk];
        if (chunk % 16 == 11) throw std::runtime_error(std::to_string(chunk));
      });
      FAIL() << "the exception is lost";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "11");
    }
    for (int chunk = 0; chunk < 64; ++chunk) EXPECT_LE(runs[chunk], 1);
    for (int chunk = 0; chunk <= 11; ++chunk) EXPECT_EQ(runs[chunk], 1);
  }
  EXPECT_EQ(miscounted(arena, 64), 0);
}

TEST_P(ArenaOf, RunsSubmittedSolvesWithTheirRegions) {
  Arena& arena = arena_of(GetParam());
  constexpr int tasks = 24;
  std::atomic<int> wrong{0};
  std::latch done(2 * tasks);
  in_threads(2, [&](int) {
    for (int task = 0; task < tasks; ++task) {
      arena.submit([&, owned = std::make_unique<int>(task)]() noexcept {
        for (int round = 0; round < 20; ++round) wrong += miscounted(arena, *owned + round);
        done.count_down();
      });
    }
  });
  done.wait();
  EXPECT_EQ(wrong, 0);
}

TEST_P(ArenaOf, ReducesToTheSameBits) {
  arena_of(GetParam());
  for (const std::int64_t n : {0, 1, 100, 101, 12345, 200001}) {
    std::vector<float> x(n);
    for (std::int64_t i = 0; i < n; ++i)
      x[i] = std::sin(static_cast<float>(i)) * std::ldexp(1.0F, static_cast<int>(i % 37));
    const auto sum = [&](std::int64_t begin, std::int64_t end) {
      return std::accumulate(x.begin() + begin, x.begin() + end, 0.0F);
    };
    // The definition, run in sequence; 391 = ceil(200001 / 512) exceeds the grain.
    const std::int64_t size = n == 200001 ? 391 : 100;
    float expected = 1.0F;
    for (std::int64_t begin = 0; begin < n; begin += size) expected += sum(begin, std::min(n, begin + size));
    const float actual = parallel_reduce(n, 100, 1.0F, sum, std::plus<>());
    EXPECT_EQ(std::bit_cast<std::uint32_t>(actual), std::bit_cast<std::uint32_t>(expected)) << "n = " << n;
  }
}

TEST_P(ArenaOf, CutsARangeByGrainAlone) {
  arena_of(GetParam());
  for (const std::int64_t n : {0, 1, 9, 10, 11, 30, 95}) {
    std::mutex mutex;
    std::multiset<std::pair<std::int64_t, std::int64_t>> actual, expected;
    parallel_for(n, 10, [&](std::int64_t begin, std::int64_t end) {
      const std::lock_guard lock(mutex);
      actual.emplace(begin, end);
    });
    for (std::int64_t begin = 0; begin < n; begin += 10) expected.emplace(begin, std::min(n, begin + 10));
    EXPECT_EQ(actual, expected);
  }
}

TEST(Arena, HelpsCallersOutside) {
  Arena& arena = arena_of(2);
  for (int round = 0; round < 500; ++round) meet(arena);
}

TEST(Arena, HelpsSubmittedSolves) {
  Arena& arena =
      arena_of(3);  // a finished task counts as a driver for a moment still: with 2, the next would be alone
  for (int round = 0; round < 500; ++round) {
    std::latch done(1);
    arena.submit([&]() noexcept {
      meet(arena);
      done.count_down();
    });
    done.wait();
  }
}

TEST(Arena, CarriesTheFloatingPointEnvironment) {
  Arena& arena = arena_of(3);
  for (const int mode : {FE_UPWARD, FE_TOWARDZERO, FE_TONEAREST}) {
    std::fesetround(mode);
    std::atomic<int> wrong{0};
    meet(arena, [&] { wrong += std::fegetround() != mode; });
    std::latch done(1);
    arena.submit([&]() noexcept {
      wrong += std::fegetround() != mode;
      done.count_down();
    });
    done.wait();
    EXPECT_EQ(wrong, 0);
  }
}

TEST(Arena, ResizeWaitsForRegionsAndTasks) {
  Arena& arena = arena_of(3);
  std::atomic<bool> region_done{false}, task_done{false};
  std::latch started(2);
  const auto slow = [&](std::atomic<bool>& done) {
    started.count_down();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    done = true;
  };
  const std::jthread caller([&] {
    arena.for_each_chunk(2, [&](std::int64_t chunk) {
      if (chunk == 1) slow(region_done);
    });
  });
  arena.submit([&]() noexcept { slow(task_done); });
  started.wait();
  arena.resize(2);
  EXPECT_TRUE(region_done);
  EXPECT_TRUE(task_done);
}

TEST(Arena, ResizesBetweenTheRegionsOfOthers) {
  Arena& arena = arena_of(1);
  std::atomic<int> wrong{0}, tasks{0};
  std::atomic<bool> stop{false};
  std::jthread resizer([&] {
    for (int round = 0; !stop; ++round) arena.resize(1 + round % 4);
  });
  in_threads(3, [&](int) {
    for (int round = 0; round < 100; ++round) {
      wrong += miscounted(arena, round % 17);
      arena.submit([&]() noexcept {
        wrong += miscounted(arena, 5);
        ++tasks;
      });
    }
  });
  stop = true;
  resizer.join();
  arena.resize(2);  // waits for the tasks
  EXPECT_EQ(tasks, 300);
  EXPECT_EQ(wrong, 0);
}

TEST(Arena, RefusesToResizeInsideASolve) {
  Arena& arena = arena_of(2);
  EXPECT_THROW(arena.for_each_chunk(2, [&](std::int64_t) { arena.resize(3); }), Error);
  {
    const Arena::Driver driver(arena);
    const Arena::Driver nested(arena);
    EXPECT_THROW(arena.resize(3), Error);
    meet(arena);
  }
  EXPECT_EQ(arena.threads(), 2);
  arena.resize(1000);
  EXPECT_EQ(arena.threads(), 256);
  arena.resize(-1);
  EXPECT_EQ(arena.threads(), 1);
}

TEST(Arena, WorksInAForkedChild) {
#ifdef AMG_THREAD_SANITIZER
  GTEST_SKIP() << "ThreadSanitizer does not support new threads after a fork of a threaded process";
#endif
  arena_of(3);
  for (int round = 0; round < 20; ++round) {
    // Between solves, as programs fork: its workers are awake. POSIX promises nothing to a child of a process
    // whose other threads start or allocate at that moment.
    in_threads(2, [](int) { meet(Arena::instance()); });
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);  // a hang becomes a failure
      Arena& arena = Arena::instance();
      std::latch done(1);
      int wrong = arena.threads() != 3;
      meet(arena);
      arena.submit([&]() noexcept {
        wrong += miscounted(arena, 20);
        done.count_down();
      });
      done.wait();
      arena.resize(2);
      meet(arena);
      _exit(wrong);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << "round " << round;
  }
}

/// Exits with the number of threads that JAXAMG_NUM_THREADS = text gives, or with 100 for a clear error.
[[noreturn]] void exit_with_threads(const char* text) {
  setenv("JAXAMG_NUM_THREADS", text, 1);
  try {
    std::exit(Arena::instance().threads());
  } catch (const Error& error) {
    std::exit(std::string(error.what()).find("JAXAMG_NUM_THREADS") != std::string::npos ? 100 : 101);
  }
}

TEST(ArenaDeathTest, TakesItsSizeFromTheEnvironment) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";  // a fresh process, without an arena yet
  EXPECT_EXIT(exit_with_threads("3"), testing::ExitedWithCode(3), "");
  EXPECT_EXIT(exit_with_threads("0"), testing::ExitedWithCode(1), "");
  EXPECT_EXIT(exit_with_threads("three"), testing::ExitedWithCode(100), "");
  EXPECT_EXIT(exit_with_threads("3x"), testing::ExitedWithCode(100), "");
  EXPECT_EXIT(exit_with_threads(""), testing::ExitedWithCode(100), "");
}

TEST(ArenaDeathTest, LetsTheProcessExitWhileWorkersSpinOrSleep) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT((meet(arena_of(4)), std::exit(7)), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace amg
