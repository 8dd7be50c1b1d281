#include <memory>
#include <utility>

#include "config/parameters.h"
#include "registry.h"
#include "setup/coarsener.h"
#include "setup/node_matrix.h"

namespace amg {

namespace {

// How often a selector pairs: rows, pairs, pairs of pairs …; 0: aggregation_passes. The strongest edges are taken first
// (match_size_2), which is greedy and parallel, so that PARALLEL_GREEDY_SELECTOR is no more than a number of passes:
// roots with all their neighbours, the other such algorithm, would group across weak connections too.
const Registry<int>& aggregators() {
  static const Registry<int> table = {
#define AGGREGATOR(selector, passes, ...) {#selector, passes},
#include "registry.def"
  };
  return table;
}

struct AggregationOptions {
  int passes;
  MatchingOptions matching;
  std::int32_t weight_component;  // negative: block norms
};

CsrMatrix galerkin(Space& space, const Matrix& A, const CsrMatrix& P) {
  const TransposedPattern to_R = space.transpose(*P.pattern());
  const CsrMatrix R = space.matrix(to_R.pattern, A.dtype);
  space.gather(A.dtype, P.values(), to_R.source.span(), R.values());
  return space.product(R, space.product(A, P));
}

// Aggregation: the rows of a coarse level are groups of rows of the fine one, and prolongation is constant on
// each group. Where rows have nodes it is nodes that are grouped, by what couples them, and each component follows.
class Aggregation final : public Coarsener {
 public:
  explicit Aggregation(const AggregationOptions& options) : options_(options) {}

  CsrMatrix setup(Space& space, const Matrix& A) override {
    CsrMatrix P = aggregate(space, NodeMatrix(space, A, options_.weight_component));
    aggregates_ = P.pattern();
    if (A.block_dim == 1) return P;
    CsrMatrix all = space.matrix(space.component_pattern(*aggregates_, A.block_dim), A.dtype);
    space.fill({all.values(), A.dtype, all.entries(), 1}, 1.0);
    return all;
  }

  bool refresh(Space& space, const Matrix& A, CsrMatrix&) override {
    const CsrMatrix P = aggregate(space, NodeMatrix(space, A, options_.weight_component));
    const auto same = [&](const auto& a, const auto& b) {
      return space.equal(std::as_bytes(a.span()), std::as_bytes(b.span()));
    };
    return same(P.pattern()->offsets, aggregates_->offsets) &&
           same(P.pattern()->columns, aggregates_->columns);
  }

  std::size_t bytes() const override { return aggregates_ ? aggregates_->bytes() : 0; }

 private:
  // The prolongation of nodes from their aggregates. Passes after the first match the aggregates of the one before, by
  // what couples them.
  CsrMatrix aggregate(Space& space, const Matrix& nodes) const {
    CsrMatrix P = space.piecewise_constant(space.match_size_2(nodes, options_.matching).span(), nodes.dtype);
    CsrMatrix step, coarse;
    for (int pass = 1; pass < options_.passes; ++pass) {
      coarse = pass == 1 ? galerkin(space, nodes, P) : galerkin(space, coarse, step);
      step = space.piecewise_constant(space.match_size_2(coarse, options_.matching).span(), nodes.dtype);
      P = space.product(P, step);
    }
    return P;
  }

  AggregationOptions options_;
  std::shared_ptr<const Pattern> aggregates_;
};

}  // namespace

CoarsenerFactory make_aggregation(const Scope& scope) {
  AggregationOptions options{
      .passes = look_up(aggregators(), scope.get(param::selector), scope.path() + ".selector"),
      .matching = {.weight_formula = scope.get(param::weight_formula),
                   .max_matching_iterations = scope.get(param::max_matching_iterations),
                   .max_unassigned_percentage = scope.get(param::max_unassigned_percentage),
                   .merge_singletons = scope.get(param::merge_singletons) != 0},
      .weight_component = scope.is_set(param::aggregation_edge_weight_component)
                              ? scope.get(param::aggregation_edge_weight_component)
                              : -1};
  if (options.passes == 0) {  // MULTI_PAIRWISE, which has keys of its own
    options.passes = scope.get(param::aggregation_passes);
    options.matching.notay_weights = scope.get(param::notay_weights) != 0;
    if (scope.get(param::filter_weights) != 0)
      options.matching.filter_weights_alpha = scope.get(param::filter_weights_alpha);
    // Read, as between passes the whole Galerkin product is formed in any case.
    scope.get(param::full_ghost_level);
  }
  return [options](std::int64_t) { return std::make_unique<Aggregation>(options); };
}

}  // namespace amg
