#include "config/parameters.h"
#include "registry.h"
#include "setup/coarsener.h"

namespace amg {

namespace {

using Strong = std::span<const std::uint8_t>;
using Coarse = std::span<const std::int32_t>;

using Selector = Array<std::int32_t> (Space::*)(const Matrix&, Strong);

struct Interpolator {
  std::shared_ptr<const Pattern> (Space::*pattern)(const Matrix&, Strong, Coarse);
  void (Space::*values)(const Matrix&, Strong, Coarse, CsrMatrix&);
};

const Registry<Selector>& selectors() {
  static const Registry<Selector> table = {
#define SELECTOR(name, word) {#name, &Space::word},
#include "registry.def"
  };
  return table;
}

const Registry<Interpolator>& interpolators() {
  static const Registry<Interpolator> table = {
#define INTERPOLATOR(name, pattern_word, values_word) {#name, {&Space::pattern_word, &Space::values_word}},
#include "registry.def"
  };
  return table;
}

struct Options {
  double strength_threshold;
  double max_row_sum;
  double truncation_factor;
  std::int64_t max_elements;
  Selector select;
  Interpolator interpolate;

  bool truncates() const { return truncation_factor < 1.0 || max_elements > 0; }
};

// Ruge–Stüben coarsening: rows that many others depend on stay, and interpolate to those.
//
// Strength and selection decide everything but truncation; so new values with the same strength need new
// weights only, and a look at what truncation makes of them.
class Classical final : public Coarsener {
 public:
  explicit Classical(const Options& options) : options_(options) {}

  CsrMatrix setup(Space& space, const Matrix& A) override {
    strong_ = space.strength_ahat(A, options_.strength_threshold, options_.max_row_sum);
    coarse_ = (space.*options_.select)(A, strong_.span());
    untruncated_ = (space.*options_.interpolate.pattern)(A, strong_.span(), coarse_.span());
    CsrMatrix P = weights(space, A);
    if (!options_.truncates()) return P;
    return space.truncate(P, options_.truncation_factor, options_.max_elements);
  }

  bool refresh(Space& space, const Matrix& A, CsrMatrix& P) override {
    const Array<std::uint8_t> strong =
        space.strength_ahat(A, options_.strength_threshold, options_.max_row_sum);
    if (!space.equal(std::as_bytes(strong.span()), std::as_bytes(strong_.span()))) return false;
    if (!options_.truncates()) {
      (space.*options_.interpolate.values)(A, strong_.span(), coarse_.span(), P);
      return true;
    }
    CsrMatrix truncated =
        space.truncate(weights(space, A), options_.truncation_factor, options_.max_elements);
    const Pattern& now = *truncated.pattern();
    const Pattern& before = *P.pattern();
    if (!space.equal(std::as_bytes(now.offsets.span()), std::as_bytes(before.offsets.span())) ||
        !space.equal(std::as_bytes(now.columns.span()), std::as_bytes(before.columns.span())))
      return false;
    P = CsrMatrix(P.pattern(), std::move(truncated).release_values(), P.dtype());
    return true;
  }

  std::size_t bytes() const override {
    return strong_.bytes() + coarse_.bytes() + (options_.truncates() ? untruncated_->bytes() : 0);
  }

 private:
  CsrMatrix weights(Space& space, const Matrix& A) const {
    CsrMatrix P = space.matrix(untruncated_, A.dtype);
    (space.*options_.interpolate.values)(A, strong_.span(), coarse_.span(), P);
    return P;
  }

  Options options_;
  Array<std::uint8_t> strong_;
  Array<std::int32_t> coarse_;
  std::shared_ptr<const Pattern> untruncated_;  // without truncation, P's own pattern
};

}  // namespace

CoarsenerFactory make_classical(const Scope& scope) {
  if (scope.get(param::strength) != "AHAT")
    throw ConfigError(scope.path() + ".strength: only AHAT is available in this version");
  if (scope.get(param::aggressive_levels) > 0)
    throw ConfigError(scope.path() + ".aggressive_levels: only 0 is available in this version");
  const Options options{
      .strength_threshold = scope.get(param::strength_threshold),
      .max_row_sum = scope.get(param::max_row_sum),
      .truncation_factor = scope.get(param::interp_truncation_factor),
      .max_elements = scope.get(param::interp_max_elements),
      .select = look_up(selectors(), scope.get(param::selector), scope.path() + ".selector"),
      .interpolate = look_up(interpolators(), scope.get(param::interpolator), scope.path() + ".interpolator"),
  };
  return [options] { return std::make_unique<Classical>(options); };
}

}  // namespace amg
