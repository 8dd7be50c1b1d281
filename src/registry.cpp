#include "registry.h"

#include "config/parameters.h"
#include "method/method.h"
#include "method/scaled.h"
#include "setup/coarsener.h"

namespace amg {

#define METHOD(name, factory, ...) std::unique_ptr<Method> factory(const Slot& slot);
#define COARSENER(algorithm, factory, ...) CoarsenerFactory factory(const Scope& scope);
#include "registry.def"

namespace {

using MethodFactory = std::unique_ptr<Method> (*)(const Slot&);

const Registry<MethodFactory>& methods() {
  static const Registry<MethodFactory> table = {
#define METHOD(name, factory, ...) {#name, factory},
#include "registry.def"
  };
  return table;
}

const Registry<CoarsenerFactory (*)(const Scope&)>& coarseners() {
  static const Registry<CoarsenerFactory (*)(const Scope&)> table = {
#define COARSENER(algorithm, factory, ...) {#algorithm, factory},
#include "registry.def"
  };
  return table;
}

}  // namespace

std::unique_ptr<Method> make_outer_method(const Slot& slot) {
  return look_up(methods(), slot.method, slot.path)(slot);
}

std::unique_ptr<Method> make_method(const Slot& slot) {
  std::unique_ptr<Method> method = make_outer_method(slot);
  Scaling scaling(slot.scope);
  // What is exact has nothing of a scaling.
  if (scaling.is_none() || slot.method == "DENSE_LU_SOLVER") return method;
  return make_scaled(std::move(scaling), std::move(method));
}

CoarsenerFactory make_coarsener_factory(const Scope& scope) {
  if (scope.get(param::selector) == "GEO")
    throw ConfigError(
        scope.path() +
        ".selector: GEO groups unknowns by their coordinates, which a matrix does not carry; choose "
        "PMIS or HMIS with algorithm CLASSICAL, SIZE_2 with AGGREGATION");
  return look_up(coarseners(), scope.get(param::algorithm), scope.path() + ".algorithm")(scope);
}

std::vector<RegisteredName> registered_names() {
  return {
#define METHOD(name, factory, meaning, source) {"solver", #name, meaning, source},
#define COARSENER(name, factory, meaning, source) {"algorithm", #name, meaning, source},
#define STRENGTH(name, word, meaning, source) {"strength", #name, meaning, source},
#define SELECTOR(name, word, looks_at, meaning, source) {"selector", #name, meaning, source},
#define INTERPOLATOR(name, factory, meaning, source) {"interpolator", #name, meaning, source},
#define AGGREGATOR(name, passes, meaning, source) {"selector", #name, meaning, source},
#define COLORING(name, word)                                                                               \
  {"matrix_coloring_scheme", #name, "First fit, rows of many neighbours first; all schemes are this one.", \
   "Jones, Plassmann 1993; Welsh, Powell 1967"},
#include "registry.def"
  };
}

std::vector<std::string> registered_methods() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : methods()) names.push_back(name);
  return names;
}

}  // namespace amg
