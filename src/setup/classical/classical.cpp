#include <utility>

#include "config/parameters.h"
#include "registry.h"
#include "setup/classical/interpolation.h"
#include "setup/coarsener.h"
#include "setup/node_matrix.h"

namespace amg {

#define INTERPOLATOR(name, factory, ...) std::unique_ptr<Interpolation> factory();
#include "registry.def"

namespace {

using Strong = std::span<const std::uint8_t>;
using Strength = Array<std::uint8_t> (Space::*)(const Matrix&, const StrengthOptions&);
using MakeInterpolation = std::unique_ptr<Interpolation> (*)();

// What decides on coarse points, beside the pattern.
enum class LooksAt : std::uint8_t { strength, values };

struct Selector {
  Array<std::int32_t> (Space::*word)(const Matrix&, Strong);
  LooksAt looks_at;
};

const Registry<Strength>& strengths() {
  static const Registry<Strength> table = {
#define STRENGTH(name, word, ...) {#name, &Space::word},
#include "registry.def"
  };
  return table;
}

const Registry<Selector>& selectors() {
  static const Registry<Selector> table = {
#define SELECTOR(name, word, looks_at, ...) {#name, {&Space::word, LooksAt::looks_at}},
#include "registry.def"
  };
  return table;
}

const Registry<MakeInterpolation>& interpolators() {
  static const Registry<MakeInterpolation> table = {
#define INTERPOLATOR(name, factory, ...) {#name, factory},
#include "registry.def"
  };
  return table;
}

struct Options {
  Strength strength;
  StrengthOptions strength_options;
  double truncation_factor;
  std::int64_t max_elements;
  Selector select;
  MakeInterpolation make_interpolation;

  bool truncates() const { return truncation_factor < 1.0 || max_elements > 0; }
};

// Ruge–Stüben coarsening: rows that many others depend on stay, and interpolate to those.
//
// Strength and selection decide everything but truncation; so new values with the same strength need new
// weights only, another selection where that looks at values too, and a look at what truncation makes of the
// weights.
//
// Nodes of several components are coarsened as one, by the norms of blocks, and each component interpolates from its own
// kind at the coarse nodes, by what couples it to that: the unknown approach on common points (Ruge and Stüben 1987,
// section 4.8.2; Baker, Kolev, Yang 2010).
class Classical final : public Coarsener {
 public:
  explicit Classical(const Options& options)
      : options_(options), interpolation_(options.make_interpolation()) {}

  CsrMatrix setup(Space& space, const Matrix& A) override {
    const NodeMatrix nodes(space, A);
    strong_ = strength(space, A, nodes);
    coarse_ = select(space, nodes);
    CsrMatrix P = interpolation_->setup(space, NodeMatrix(space, A, 0), strong_.span(), coarse_.span());
    if (A.block_dim > 1) {
      of_component_ = P.pattern();
      P = space.matrix(space.component_pattern(*of_component_, A.block_dim), A.dtype);
      interpolate(space, A, P);
    }
    if (!options_.truncates()) return P;
    untruncated_ = P.pattern();
    return truncate(space, A, P);
  }

  bool refresh(Space& space, const Matrix& A, CsrMatrix& P) override {
    const NodeMatrix nodes(space, A);
    if (!same(space, strength(space, A, nodes), strong_)) return false;
    if (options_.select.looks_at == LooksAt::values && !same(space, select(space, nodes), coarse_))
      return false;
    if (!options_.truncates()) {
      interpolate(space, A, P);
      return true;
    }
    CsrMatrix weights = space.matrix(untruncated_, A.dtype);
    interpolate(space, A, weights);
    CsrMatrix truncated = truncate(space, A, weights);
    const Pattern& now = *truncated.pattern();
    const Pattern& before = *P.pattern();
    if (!same(space, now.offsets, before.offsets) || !same(space, now.columns, before.columns)) return false;
    P = CsrMatrix(P.pattern(), std::move(truncated).release_values(), P.dtype());
    return true;
  }

  std::span<const std::int32_t> splitting() const override { return coarse_.span(); }

  std::size_t bytes() const override {
    return strong_.bytes() + coarse_.bytes() + interpolation_->bytes() +
           (untruncated_ ? untruncated_->bytes() : 0) + (of_component_ ? of_component_->bytes() : 0);
  }

 private:
  // Of nodes where A has them. Their norms have no sign, so that their sums tell nothing of a row's.
  Array<std::uint8_t> strength(Space& space, const Matrix& A, const Matrix& nodes) const {
    StrengthOptions options = options_.strength_options;
    if (A.block_dim > 1) options.max_row_sum = 1;
    return (space.*options_.strength)(nodes, options);
  }
  Array<std::int32_t> select(Space& space, const Matrix& nodes) const {
    return (space.*options_.select.word)(nodes, strong_.span());
  }
  template <class T>
  static bool same(Space& space, const Array<T>& a, const Array<T>& b) {
    return space.equal(std::as_bytes(a.span()), std::as_bytes(b.span()));
  }

  void interpolate(Space& space, const Matrix& A, CsrMatrix& P) const {
    if (A.block_dim == 1) return interpolation_->refresh(space, A, strong_.span(), coarse_.span(), P);
    CsrMatrix weights = space.matrix(of_component_, A.dtype);
    for (std::int32_t c = 0; c < A.block_dim; ++c) {
      interpolation_->refresh(space, NodeMatrix(space, A, c), strong_.span(), coarse_.span(), weights);
      space.set_component(weights, c, A.block_dim, P);
    }
  }

  // The rows of a node have the same columns, and keep the same.
  CsrMatrix truncate(Space& space, const Matrix& A, const CsrMatrix& P) const {
    Matrix of_nodes = P;
    of_nodes.block_dim = A.block_dim;
    return space.truncate(of_nodes, options_.truncation_factor, options_.max_elements);
  }

  Options options_;
  Array<std::uint8_t> strong_;
  Array<std::int32_t> coarse_;
  std::unique_ptr<Interpolation> interpolation_;
  std::shared_ptr<const Pattern> untruncated_;   // none without truncation
  std::shared_ptr<const Pattern> of_component_;  // of a component's P, where there are several
};

}  // namespace

// The selector of the aggressive levels: the aggressive form of the one that is named.
static std::string aggressive_selector(const Scope& scope) {
  const std::string named = scope.get(param::aggressive_selector);
  const std::string selector = named == "DEFAULT" ? scope.get(param::selector) : named;
  const std::string aggressive = selector.starts_with("AGGRESSIVE_") ? selector : "AGGRESSIVE_" + selector;
  if (!selectors().contains(aggressive))
    throw ConfigError(scope.path() + ".aggressive_levels: selector " + selector +
                      " has no aggressive form; set aggressive_selector to PMIS or HMIS");
  return aggressive;
}

static Options options_from(const Scope& scope, const std::string& selector, const std::string& selector_key,
                            const std::string& interpolator, const std::string& interpolator_key) {
  return {
      .strength = look_up(strengths(), scope.get(param::strength), scope.path() + ".strength"),
      .strength_options = {.strength_threshold = scope.get(param::strength_threshold),
                           .max_row_sum = scope.get(param::max_row_sum),
                           .affinity_iterations = scope.get(param::affinity_iterations),
                           .affinity_vectors = scope.get(param::affinity_vectors)},
      .truncation_factor = scope.get(param::interp_truncation_factor),
      .max_elements = scope.get(param::interp_max_elements),
      .select = look_up(selectors(), selector, scope.path() + selector_key),
      .make_interpolation = look_up(interpolators(), interpolator, scope.path() + interpolator_key),
  };
}

CoarsenerFactory make_classical(const Scope& scope) {
  const Options usual = options_from(scope, scope.get(param::selector), ".selector",
                                     scope.get(param::interpolator), ".interpolator");
  const std::int64_t aggressive_levels = scope.get(param::aggressive_levels);
  Options aggressive = usual;
  if (aggressive_levels > 0)
    aggressive = options_from(scope, aggressive_selector(scope), ".aggressive_selector",
                              scope.get(param::aggressive_interpolator), ".aggressive_interpolator");
  return [=](std::int64_t level) {
    return std::make_unique<Classical>(level < aggressive_levels ? aggressive : usual);
  };
}

// As classical coarsening, with keys of its own for how points are selected and followed.
CoarsenerFactory make_energymin(const Scope& scope) {
  const Options options = options_from(scope, scope.get(param::energymin_selector), ".energymin_selector",
                                       scope.get(param::energymin_interpolator), ".energymin_interpolator");
  return [=](std::int64_t) { return std::make_unique<Classical>(options); };
}

}  // namespace amg
