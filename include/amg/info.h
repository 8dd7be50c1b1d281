#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace amg {

// As AMGXStatus of the Python package.
enum class Status : std::int32_t { success = 0, failed = 1, diverged = 2, not_converged = 3 };

// Why a solve ended as it did, where the status alone does not say it.
enum class Reason : std::int32_t {
  none = 0,
  nonfinite_matrix = 1,  // A has NaN or infinite entries
  nonfinite_rhs = 2,     // b (or the initial guess) has NaN or infinite entries
  zero_row = 3,          // A has a row without nonzeros: singular
  breakdown = 4,         // the iteration met a zero pivot or lost its finite numbers
  stagnation = 5,        // the recurrence claimed what b - A x does not confirm, and a restart did not help
  rounding = 6,          // converged as far as the precision allows, short of the tolerance
  memory = 7,            // not enough memory
  singular = 8,          // A takes a constant to zero, and nobody has said so
  nullspace = 9,         // a declared null vector is none
  transpose_nullspace = 10,  // a declared null vector of the transpose is none
};

const char* explain(Reason reason);

// What one solve did, lane by lane.
struct SolveInfo {
  std::vector<std::int32_t> iterations;
  std::vector<Status> status;
  std::vector<Reason> reason;
  std::vector<double> residual;  // norm of b - A x, as the configuration measures it
  std::vector<double>
      inconsistency;  // ‖part of b that no A x has‖₂ / ‖b‖₂, with declared null spaces, else NaN
  std::vector<std::vector<double>> history;  // [lane][iteration]; entry 0 is the initial residual
};

// Called once for the initial residual and once for each iteration, with the norm of every lane.
using Observer = std::function<void(int iteration, std::span<const double> residual)>;

// One level of a multigrid hierarchy.
struct LevelInfo {
  std::int64_t rows = 0;
  std::int64_t entries = 0;
  std::string smoother;  // or the coarse solver
};

struct GridInfo {
  std::vector<LevelInfo> levels;  // empty when the configuration has no multigrid
  std::int64_t builds = 0;  // times the structure was built: setups, and refreshes that changed a decision

  double operator_complexity() const;  // Σ entries / entries of level 0
  double grid_complexity() const;      // Σ rows / rows of level 0
};

}  // namespace amg
