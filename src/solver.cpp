#include "amg/solver.h"

#include <optional>
#include <string>

#include "amg/error.h"
#include "backends/host/host_space.h"
#include "backends/host/memory.h"
#include "config/parameters.h"
#include "core/arena.h"
#include "linear_solver.h"
#include "matrix/canonical_pattern.h"

namespace amg {

struct Solver::State {
  explicit State(const Config& config)
      : solver(config), block_dim(config.outer().scope.get(param::block_dim)) {}

  Workspace workspace{host_memory()};
  HostSpace space{workspace};
  LinearSolver solver;
  std::int32_t block_dim;
  std::optional<CanonicalPattern> pattern;
  CsrMatrix A;
  TransposedPattern to_AT;
  CsrMatrix AT;
  bool transpose_is_current = false;
};

Solver::Solver(const Config& config) : state_(std::make_unique<State>(config)) {}
Solver::Solver(Solver&&) noexcept = default;
Solver& Solver::operator=(Solver&&) noexcept = default;
Solver::~Solver() = default;

void Solver::setup(const MatrixView& A) {
  const Arena::Driver driver(Arena::instance());
  State& s = *state_;
  InputMatrix input;
  input.rows = static_cast<std::int64_t>(A.offsets.size()) - 1;
  if (input.rows < 1) throw Error("A: no rows");
  input.block_dim = s.block_dim;
  input.row_index = {A.offsets.data(), input.rows + 1, true};
  input.col_index = {A.columns.data(), static_cast<std::int64_t>(A.columns.size()), false};
  std::visit(
      [&]<class T>(std::span<const T> values) {
        input.dtype = dtype_of<T>;
        input.values = values.data();
        input.stored = static_cast<std::int64_t>(values.size());
      },
      A.values);

  const bool known = s.pattern && s.A.dtype() == input.dtype && s.pattern->describes(s.space, input);
  if (!known) {
    s.pattern.emplace(s.space, input);
    s.A = s.space.matrix(s.pattern->pattern(), input.dtype);
    s.to_AT = {};
  }
  Buffer storage;
  const Matrix canonical = s.pattern->matrix(s.space, input, storage);
  const std::size_t bytes = static_cast<std::size_t>(canonical.entries) * size_of(input.dtype);
  s.space.copy_bytes({static_cast<const std::byte*>(canonical.values), bytes}, s.A.values());
  s.transpose_is_current = false;
  known ? s.solver.refresh(s.space, s.A) : s.solver.setup(s.space, s.A);
}

SolveInfo Solver::solve(Values b, MutableValues x, const SolveOptions& options) {
  const Arena::Driver driver(Arena::instance());
  State& s = *state_;
  if (!s.pattern) throw Error("solve: setup has not been called");
  if (options.lanes < 1)
    throw Error("lanes: " + std::to_string(options.lanes) + " right-hand sides; at least 1 is needed");
  const std::int64_t rows = s.A.rows();
  const auto check = [&]<class T>(const char* name, std::span<T> values) {
    if (dtype_of<std::remove_const_t<T>> != s.A.dtype())
      throw Error(std::string(name) + ": type differs from A's");
    if (static_cast<std::int64_t>(values.size()) != rows * options.lanes)
      throw Error(std::string(name) + ": " + std::to_string(values.size()) + " values, expected " +
                  std::to_string(rows * options.lanes));
    return BasicVector<std::is_const_v<T>>{values.data(), s.A.dtype(), rows, options.lanes};
  };
  const ConstVector rhs = std::visit([&](auto values) { return check("b", values); }, b);
  const Vector out = std::visit([&](auto values) { return check("x", values); }, x);

  Operator op{s.A, {}, options.transposed ? Mode::transposed : Mode::plain};
  if (options.transposed) {
    if (!s.transpose_is_current) {
      if (!s.to_AT.pattern) {
        s.to_AT = s.space.transpose(*s.pattern->pattern());
        s.AT = s.space.matrix(s.to_AT.pattern, s.A.dtype());
      }
      s.space.gather(s.A.dtype(), s.A.values(), s.to_AT.source.span(), s.AT.values());
    }
    op.transpose = s.AT;
    if (!std::exchange(s.transpose_is_current, true)) s.solver.prepare_transpose(s.space, op);
  }
  return s.solver.solve(s.space, op, rhs, out, options.observer ? &options.observer : nullptr);
}

GridInfo Solver::grid() const { return state_->solver.grid(); }

std::size_t Solver::bytes() const {
  const State& s = *state_;
  return s.solver.bytes() + s.A.bytes() + s.to_AT.source.bytes() + s.AT.bytes() +
         (s.pattern ? s.pattern->bytes() : 0);
}

}  // namespace amg
