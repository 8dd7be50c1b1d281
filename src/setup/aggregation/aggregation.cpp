#include "config/parameters.h"
#include "registry.h"
#include "setup/coarsener.h"
#include "setup/node_matrix.h"

namespace amg {

namespace {

using Aggregator = Array<std::int32_t> (Space::*)(const Matrix&, const MatchingOptions&);

const Registry<Aggregator>& aggregators() {
  static const Registry<Aggregator> table = {
#define AGGREGATOR(selector, word) {#selector, &Space::word},
#include "registry.def"
  };
  return table;
}

// Aggregation: the rows of a coarse level are groups of rows of the fine one, and prolongation is constant on
// each group. Where rows have nodes it is nodes that are grouped, by what couples them, and each component follows.
class Aggregation final : public Coarsener {
 public:
  Aggregation(Aggregator aggregate, const MatchingOptions& options, std::int32_t weight_component)
      : aggregate_(aggregate), options_(options), weight_component_(weight_component) {}

  CsrMatrix setup(Space& space, const Matrix& A) override {
    aggregates_ = group(space, A);
    CsrMatrix P = space.piecewise_constant(aggregates_.span(), A.dtype);
    if (A.block_dim == 1) return P;
    CsrMatrix all = space.matrix(space.expand(*P.pattern(), A.block_dim, Blocks::diagonal), A.dtype);
    space.fill({all.values(), A.dtype, A.rows, 1}, 1.0);
    return all;
  }

  bool refresh(Space& space, const Matrix& A, CsrMatrix&) override {
    const Array<std::int32_t> aggregates = group(space, A);
    return space.equal(std::as_bytes(aggregates.span()), std::as_bytes(aggregates_.span()));
  }

  std::size_t bytes() const override { return aggregates_.bytes(); }

 private:
  Array<std::int32_t> group(Space& space, const Matrix& A) const {
    return (space.*aggregate_)(NodeMatrix(space, A, weight_component_), options_);
  }

  Aggregator aggregate_;
  MatchingOptions options_;
  std::int32_t weight_component_;  // negative: block norms
  Array<std::int32_t> aggregates_;
};

}  // namespace

CoarsenerFactory make_aggregation(const Scope& scope) {
  const Aggregator aggregate = look_up(aggregators(), scope.get(param::selector), scope.path() + ".selector");
  const MatchingOptions options{
      .weight_formula = scope.get(param::weight_formula),
      .max_matching_iterations = scope.get(param::max_matching_iterations),
      .max_unassigned_percentage = scope.get(param::max_unassigned_percentage),
      .merge_singletons = scope.get(param::merge_singletons) != 0,
  };
  const bool by_component = scope.is_set(param::aggregation_edge_weight_component);
  const int component = scope.get(param::aggregation_edge_weight_component);
  return [aggregate, options, component = by_component ? component : -1](std::int64_t) {
    return std::make_unique<Aggregation>(aggregate, options, component);
  };
}

}  // namespace amg
