#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/block_dim.h"
#include "core/device.h"
#include "core/input_matrix.h"
#include "linear_solver.h"

namespace amg {

// What becomes of a hierarchy for a matrix of its pattern with other values.
enum class Reuse : std::uint8_t {
  refresh,    // brought to the bits of a new setup, keeping the structure where that stays the same
  full,       // set up anew
  keep,       // taken as it is
  automatic,  // taken as it is until calls need clearly more iterations than the best one with it: see Drift
};

struct SolveRequest {
  std::string config;  // canonical
  InputMatrix A;
  Mode mode = Mode::plain;
  Reuse reuse = Reuse::refresh;
  std::int64_t held = 0;  // solve with what SolverCache::hold returned under this number, whatever A's values
  ConstVector b;
  Vector x;                      // holds the guess
  ConstVector near_nullspace{};  // of A, see Matrix
  Demands demands;

  // A in the blocks that the configuration says it has.
  InputMatrix input() const {
    InputMatrix input = A;
    input.block_dim = block_dim_of(config);
    return input;
  }
};

struct SolveOutcome {
  SolveInfo info;
  double setup_time = 0.0;  // s; recognising the matrix, setup or refresh
  double solve_time = 0.0;  // s
};

enum class LevelMatrix : std::uint8_t { A, P, R };

// A matrix in compressed sparse rows on the host.
struct HostMatrix {
  std::int64_t cols = 0;
  DType dtype = DType::f64;
  std::vector<std::int64_t> offsets;
  std::vector<std::int32_t> columns;
  std::vector<std::uint8_t> values;  // bytes
};

struct SolverReport {
  GridInfo grid;
  std::size_t bytes = 0;
};

// The solvers that have been set up, by device, configuration, dtype and pattern: the engine's only global state.
//
// A call finds the entry whose whole pattern equals its own. With the values of the last setup it goes straight
// to the solve, and so does a backward call on the same A; with new values it refreshes. Several calls may
// solve with one entry at once, and concurrent first calls on one matrix set it up once; an entry in use by others is
// not refreshed but left to them, and evicting it frees it with its last user. The least recently used are evicted
// until entries and bytes are within their limits; an entry larger than the limit serves its call and goes.
class SolverCache {
 public:
  struct Counters {
    std::int64_t hits = 0;       // calls that found their matrix set up, or kept a hierarchy of other values
    std::int64_t refreshes = 0;  // calls that found their pattern, with other values
    std::int64_t rebuilds = 0;   // … and whose values changed a decision of the hierarchy
    std::int64_t misses = 0;     // calls that found nothing
    std::int64_t setups = 0;     // those, and calls that asked for a full setup for other values
    std::int64_t evictions = 0;
  };
  using Clock = std::chrono::system_clock;
  struct EntryInfo {
    std::string config;
    DType dtype;
    std::int64_t rows;
    std::int64_t entries;
    std::size_t bytes;
    std::int64_t calls;
    Clock::time_point last_use;
  };
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
  struct Info : Counters {
    std::vector<EntryInfo> entries;  // most recently used first
    std::size_t capacity = 0;
    std::size_t byte_capacity = unlimited;
    std::size_t bytes = 0;  // of all entries, what they share counted once; without temporaries
  };

  static SolverCache& instance();
  // Keeps `capacity` entries of `byte_capacity` together; 0 reuses nothing.
  explicit SolverCache(std::size_t capacity, std::size_t byte_capacity = unlimited)
      : capacity_(capacity), byte_capacity_(byte_capacity) {}

  // Arrays of the request are in the device's memory.
  SolveOutcome solve(const Device& device, const SolveRequest& request);
  // One application of the method as a preconditioner; the guess in the request's x is not looked at.
  void apply(const Device& device, const SolveRequest& request);
  // What the solver for the request's matrix is made of; b and x are not looked at.
  SolverReport report(const Device& device, const SolveRequest& request);
  // y = A x, or Aᵀ x, with the pattern of an entry where one has it.
  void multiply(const Device& device, const InputMatrix& A, Mode mode, ConstVector x, Vector y);
  Info info() const;

  // Sets up for the request's matrix and holds the result, apart from the entries: they are nobody's but those who
  // have its number. `fault`: why no method takes the matrix.
  struct Held {
    std::int64_t number;
    Reason fault;
    double setup_time;  // s
  };
  Held hold(const Device& device, const SolveRequest& request);
  void let_go(std::int64_t number);
  SolverReport report(std::int64_t number) const;
  // A matrix of a level on the host.
  HostMatrix matrix(const Device& device, std::int64_t number, std::size_t level, LevelMatrix which) const;
  int device_id(std::int64_t number) const;

  void clear();  // the entries, and the counters
  // Lets go of every entry; those in use stay with their users until they are done.
  void release_memory();
  // Lets go of all that is held, too.
  void finalize();

 private:
  struct Entry;
  class Lease;

  // What a call in transposed mode is for: the solution, which any method for A finds where Aᵀ = A, or the adjoint of what
  // the method does.
  enum class Purpose : std::uint8_t { solution, adjoint };

  // Calls use(space, lease, A) with an entry that is set up for the request's matrix.
  template <class Use>
  void with_solver(const Device& device, const SolveRequest& request, Purpose purpose, Use&& use);
  static Matrix transposed(Space& space, Lease& entry, const Matrix& A, Mode mode, CsrMatrix& AT);
  Lease acquire(const Device& device, const SolveRequest& request, Matrix& A, Buffer& storage);
  Lease acquire_held(const Device& device, const SolveRequest& request, Matrix& A, Buffer& storage);
  std::shared_ptr<Entry> held(std::int64_t number) const;
  // With the mutex held:
  std::size_t count_bytes() const;
  void evict();

  std::mutex first_mutex_;  // held by the call that makes a new entry; taken before the one below
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t capacity_;
  std::size_t byte_capacity_;
  std::list<std::shared_ptr<Entry>> entries_;  // most recently used first
  Counters counters_;
  std::map<std::int64_t, std::shared_ptr<Entry>> held_;
  std::int64_t last_number_ = 0;
};

}  // namespace amg
