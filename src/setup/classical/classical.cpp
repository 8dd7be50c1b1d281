#include <utility>

#include "config/parameters.h"
#include "registry.h"
#include "setup/classical/interpolation.h"
#include "setup/coarsener.h"
#include "setup/node_matrix.h"

namespace amg {

#define INTERPOLATOR(name, factory) std::unique_ptr<Interpolation> factory();
#include "registry.def"

namespace {

using Strong = std::span<const std::uint8_t>;
using Selector = Array<std::int32_t> (Space::*)(const Matrix&, Strong);
using MakeInterpolation = std::unique_ptr<Interpolation> (*)();

const Registry<Selector>& selectors() {
  static const Registry<Selector> table = {
#define SELECTOR(name, word) {#name, &Space::word},
#include "registry.def"
  };
  return table;
}

const Registry<MakeInterpolation>& interpolators() {
  static const Registry<MakeInterpolation> table = {
#define INTERPOLATOR(name, factory) {#name, factory},
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
  MakeInterpolation make_interpolation;

  bool truncates() const { return truncation_factor < 1.0 || max_elements > 0; }
};

// Ruge–Stüben coarsening: rows that many others depend on stay, and interpolate to those.
//
// Strength and selection decide everything but truncation; so new values with the same strength need new
// weights only, and a look at what truncation makes of them.
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
    coarse_ = (space.*options_.select)(nodes, strong_.span());
    CsrMatrix P = interpolation_->setup(space, NodeMatrix(space, A, 0), strong_.span(), coarse_.span());
    if (A.block_dim > 1) {
      of_component_ = P.pattern();
      P = space.matrix(space.expand(*of_component_, A.block_dim, Blocks::diagonal), A.dtype);
      interpolate_components(space, A, P);
      return P;
    }
    if (!options_.truncates()) return P;
    untruncated_ = P.pattern();
    return space.truncate(P, options_.truncation_factor, options_.max_elements);
  }

  bool refresh(Space& space, const Matrix& A, CsrMatrix& P) override {
    const Array<std::uint8_t> strong = strength(space, A, NodeMatrix(space, A));
    if (!space.equal(std::as_bytes(strong.span()), std::as_bytes(strong_.span()))) return false;
    if (A.block_dim > 1) {
      interpolate_components(space, A, P);
      return true;
    }
    if (!options_.truncates()) {
      interpolation_->refresh(space, A, strong_.span(), coarse_.span(), P);
      return true;
    }
    CsrMatrix weights = space.matrix(untruncated_, A.dtype);
    interpolation_->refresh(space, A, strong_.span(), coarse_.span(), weights);
    CsrMatrix truncated = space.truncate(weights, options_.truncation_factor, options_.max_elements);
    const Pattern& now = *truncated.pattern();
    const Pattern& before = *P.pattern();
    if (!space.equal(std::as_bytes(now.offsets.span()), std::as_bytes(before.offsets.span())) ||
        !space.equal(std::as_bytes(now.columns.span()), std::as_bytes(before.columns.span())))
      return false;
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
    return space.strength_ahat(nodes, options_.strength_threshold,
                               A.block_dim > 1 ? 1.0 : options_.max_row_sum);
  }

  void interpolate_components(Space& space, const Matrix& A, CsrMatrix& P) const {
    CsrMatrix weights = space.matrix(of_component_, A.dtype);
    for (std::int32_t c = 0; c < A.block_dim; ++c) {
      interpolation_->refresh(space, NodeMatrix(space, A, c), strong_.span(), coarse_.span(), weights);
      space.set_component(weights, c, A.block_dim, P);
    }
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
  return selector.starts_with("AGGRESSIVE_") ? selector : "AGGRESSIVE_" + selector;
}

CoarsenerFactory make_classical(const Scope& scope) {
  if (scope.get(param::strength) != "AHAT")
    throw ConfigError(scope.path() + ".strength: only AHAT is available in this version");
  const Options usual{
      .strength_threshold = scope.get(param::strength_threshold),
      .max_row_sum = scope.get(param::max_row_sum),
      .truncation_factor = scope.get(param::interp_truncation_factor),
      .max_elements = scope.get(param::interp_max_elements),
      .select = look_up(selectors(), scope.get(param::selector), scope.path() + ".selector"),
      .make_interpolation =
          look_up(interpolators(), scope.get(param::interpolator), scope.path() + ".interpolator"),
  };
  if (usual.truncates() && scope.get(param::block_dim) > 1)
    throw ConfigError(
        scope.path() +
        ": interpolation in blocks is not truncated in this version, as all components of a node "
        "follow the same coarse nodes; leave out interp_truncation_factor and interp_max_elements");
  const std::int64_t aggressive_levels = scope.get(param::aggressive_levels);
  Options aggressive = usual;
  if (aggressive_levels > 0) {
    aggressive.select =
        look_up(selectors(), aggressive_selector(scope), scope.path() + ".aggressive_selector");
    aggressive.make_interpolation = look_up(interpolators(), scope.get(param::aggressive_interpolator),
                                            scope.path() + ".aggressive_interpolator");
  }
  return [=](std::int64_t level) {
    return std::make_unique<Classical>(level < aggressive_levels ? aggressive : usual);
  };
}

}  // namespace amg
