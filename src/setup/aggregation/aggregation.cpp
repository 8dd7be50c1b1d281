#include "config/parameters.h"
#include "registry.h"
#include "setup/coarsener.h"

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
// each group.
class Aggregation final : public Coarsener {
 public:
  Aggregation(Aggregator aggregate, const MatchingOptions& options)
      : aggregate_(aggregate), options_(options) {}

  CsrMatrix setup(Space& space, const Matrix& A) override {
    aggregates_ = (space.*aggregate_)(A, options_);
    return space.piecewise_constant(aggregates_.span(), A.dtype);
  }

  bool refresh(Space& space, const Matrix& A, CsrMatrix&) override {
    const Array<std::int32_t> aggregates = (space.*aggregate_)(A, options_);
    return space.equal(std::as_bytes(aggregates.span()), std::as_bytes(aggregates_.span()));
  }

  std::size_t bytes() const override { return aggregates_.bytes(); }

 private:
  Aggregator aggregate_;
  MatchingOptions options_;
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
  return [aggregate, options](std::int64_t) { return std::make_unique<Aggregation>(aggregate, options); };
}

}  // namespace amg
