// Sparse linear systems from C++:
//
//   amg::Solver solver(amg::Config::from_tree({{"solver", "PCG"}, {"tolerance", 1e-8},
//                                              {"convergence", "RELATIVE_INI"}}));
//   solver.setup({offsets, columns, values});
//   amg::SolveInfo info = solver.solve(b, x);  // x holds the initial guess
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "amg/config.h"
#include "amg/info.h"
#include "amg/matrix.h"

namespace amg {

struct SolveOptions {
  std::int32_t lanes = 1;   // right-hand sides; element (i, lane) of b and x lies at i * lanes + lane
  bool transposed = false;  // solve Aᵀ x = b
  Observer observer = {};
};

// One configuration, set up for one matrix. Not for use by two threads at once.
class Solver {
 public:
  explicit Solver(const Config& config);  // throws ConfigError
  Solver(Solver&&) noexcept;
  Solver& operator=(Solver&&) noexcept;
  ~Solver();

  // Copies A. A second call with the same pattern refreshes: the result is that of a new setup, in less time.
  // Throws Error if A is malformed; a matrix that is singular or not finite shows in the status of solve.
  void setup(const MatrixView& A);

  // Throws Error if a size or a type does not match.
  SolveInfo solve(Values b, MutableValues x, const SolveOptions& options = {});

  GridInfo grid() const;
  std::size_t bytes() const;  // memory held, the copy of A included

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace amg
