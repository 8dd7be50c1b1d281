// Golden tests of the configuration: each asserts one sentence about scopes, types, ranges or names.
#include "amg/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <random>

#include "amg/error.h"
#include "config/parameters.h"

namespace amg {
namespace {

using Paths = std::vector<std::string>;

// The message of the ConfigError that `build` throws; "" when it throws none.
std::string error_of(std::invocable auto build) {
  try {
    build();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

testing::AssertionResult says(const std::string& message, std::string_view start,
                              std::initializer_list<std::string_view> parts = {}) {
  const auto holds = [&](std::string_view part) { return message.find(part) != std::string::npos; };
  if (!message.empty() && message.starts_with(start) && std::ranges::all_of(parts, holds)) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "the message is \"" << message << "\"";
}

std::string tree_error(const ConfigValue& tree) {
  return error_of([&] { Config::from_tree(tree); });
}

std::string parse_error(std::string_view text) {
  return error_of([&] { Config::parse(text); });
}

std::string canonical(const ConfigValue& tree) { return Config::from_tree(tree).canonical(); }

// --- Scopes ---

TEST(ConfigScopes, FlatDictDescribesTheOuterSolver) {
  const Slot outer = Config::from_tree({{"solver", "PCG"}, {"tolerance", 1e-8}}).outer();
  EXPECT_EQ(outer.method, "PCG");
  EXPECT_EQ(outer.path, "solver");
  EXPECT_EQ(outer.scope.get(param::tolerance), 1e-8);
}

TEST(ConfigScopes, NestedFileGivesTheSameSolver) {
  EXPECT_EQ(canonical({{"solver", "PCG"}, {"tolerance", 1e-8}}),
            canonical({{"config_version", 2}, {"solver", {{"solver", "PCG"}, {"tolerance", 1e-8}}}}));
}

TEST(ConfigScopes, ObjectOpensItsOwnScope) {
  const Slot outer =
      Config::from_tree({{"solver", "PCG"}, {"preconditioner", {{"solver", "AMG"}, {"presweeps", 3}}}})
          .outer();
  const Slot preconditioner = outer.scope.slot(param::preconditioner);
  EXPECT_EQ(preconditioner.method, "AMG");
  EXPECT_EQ(preconditioner.path, "solver.preconditioner");
  EXPECT_EQ(preconditioner.scope.path(), "solver.preconditioner");
  EXPECT_EQ(preconditioner.scope.get(param::presweeps), 3);
  EXPECT_EQ(outer.scope.get(param::presweeps), 1);
}

TEST(ConfigScopes, UnsetKeyTakesTheRegisteredDefaultNotAnOuterScopesValue) {
  const Config config =
      Config::from_tree({{"config_version", 2},
                         {"tolerance", 1e-3},
                         {"max_iters", 7},
                         {"solver",
                          {{"solver", "PCG"},
                           {"max_iters", 50},
                           {"preconditioner", {{"solver", "AMG"}, {"smoother", {{"solver", "GS"}}}}}}}});
  const Scope outer = config.outer().scope;
  const Scope amg = outer.slot(param::preconditioner).scope;
  EXPECT_EQ(outer.get(param::tolerance), 1e-12);
  EXPECT_EQ(amg.get(param::max_iters), 100);
  EXPECT_EQ(amg.slot(param::smoother).scope.get(param::max_iters), 100);
}

TEST(ConfigScopes, NameReadsTheTopLevelOfANestedFile) {
  const Config config =
      Config::from_tree({{"config_version", 2},
                         {"max_iters", 7},
                         {"solver", {{"solver", "PCG"}, {"preconditioner", "BLOCK_JACOBI"}}}});
  EXPECT_EQ(config.outer().scope.get(param::max_iters), 100);
  EXPECT_EQ(config.outer().scope.slot(param::preconditioner).scope.get(param::max_iters), 7);
}

TEST(ConfigScopes, NameInAFlatDictRunsWithRegisteredDefaults) {
  const Scope outer =
      Config::from_tree({{"solver", "PCG"}, {"max_iters", 7}, {"preconditioner", "BLOCK_JACOBI"}})
          .outer()
          .scope;
  EXPECT_EQ(outer.get(param::max_iters), 7);
  EXPECT_EQ(outer.slot(param::preconditioner).scope.get(param::max_iters), 100);
}

TEST(ConfigScopes, UnsetSlotIsTheRegisteredMethodInTheDefaultScope) {
  const Scope amg =
      Config::from_tree({{"config_version", 2}, {"relaxation_factor", 0.5}, {"solver", {{"solver", "AMG"}}}})
          .outer()
          .scope;
  const Slot smoother = amg.slot(param::smoother);
  EXPECT_EQ(smoother.method, "BLOCK_JACOBI");
  EXPECT_EQ(smoother.scope.get(param::relaxation_factor), 0.5);
  EXPECT_EQ(Config::from_tree(ConfigValue::Object{}).outer().method, "AMG");
}

TEST(ConfigScopes, ObjectWithoutSolverIsTheRegisteredMethod) {
  const Slot outer = Config::from_tree({{"solver", "CG"}, {"preconditioner", {{"max_iters", 2}}}}).outer();
  EXPECT_EQ(outer.scope.slot(param::preconditioner).method, "AMG");
  EXPECT_EQ(outer.scope.slot(param::preconditioner).scope.get(param::max_iters), 2);
}

TEST(ConfigScopes, ObjectsWithTheSameScopeNameShareIt) {
  const Scope amg = Config::from_tree({{"solver", "AMG"},
                                       {"smoother", {{"solver", "GS"}, {"scope", "s"}, {"max_iters", 3}}},
                                       {"coarse_solver",
                                        {{"solver", "BLOCK_JACOBI"}, {"scope", "s"}, {"symmetric_GS", 1}}}})
                        .outer()
                        .scope;
  for (const Slot& slot : {amg.slot(param::smoother), amg.slot(param::coarse_solver)}) {
    EXPECT_EQ(slot.scope.get(param::max_iters), 3);
    EXPECT_EQ(slot.scope.get(param::symmetric_GS), 1);
  }
  EXPECT_EQ(amg.slot(param::smoother).method, "GS");
  EXPECT_EQ(amg.slot(param::coarse_solver).method, "BLOCK_JACOBI");
}

TEST(ConfigScopes, SharedScopesShareTheirUnnamedInnerScopes) {
  const ConfigValue first{
      {"solver", "AMG"}, {"scope", "s"}, {"smoother", {{"solver", "GS"}, {"max_iters", 3}}}};
  const ConfigValue second{
      {"solver", "AMG"}, {"scope", "s"}, {"smoother", {{"solver", "GS"}, {"symmetric_GS", 1}}}};
  const Config config =
      Config::from_tree({{"solver", "AMG"}, {"smoother", first}, {"coarse_solver", second}});
  const Scope inner = config.outer().scope.slot(param::smoother).scope.slot(param::smoother).scope;
  EXPECT_EQ(inner.get(param::max_iters), 3);
  EXPECT_EQ(inner.get(param::symmetric_GS), 1);
}

TEST(ConfigScopes, ContradictionInASharedScopeNamesBothPaths) {
  EXPECT_TRUE(says(tree_error({{"solver", "AMG"},
                               {"smoother", {{"solver", "GS"}, {"scope", "s"}, {"max_iters", 3}}},
                               {"coarse_solver", {{"solver", "GS"}, {"scope", "s"}, {"max_iters", 4}}}}),
                   "solver.coarse_solver.max_iters:", {"solver.smoother.max_iters", "3", "4"}));
  EXPECT_TRUE(says(parse_error("max_iters=3, max_iters=4"), "", {"max_iters"}));
  EXPECT_EQ(parse_error("max_iters=3, max_iters=3"), "");
  EXPECT_TRUE(says(parse_error("solver(a)=PCG, solver(b)=PCG, a:max_iters=1"), "", {"in another scope"}));
}

TEST(ConfigScopes, GlobalKeysAreTopLevelOnly) {
  for (const char* key : {"determinism_flag", "fine_level_consolidation", "min_rows_latency_hiding"}) {
    EXPECT_TRUE(says(tree_error({{"solver", {{"solver", "PCG"}, {key, 1}}}}),
                     std::string("solver.") + key + ":", {"top level"}));
    EXPECT_EQ(tree_error({{"config_version", 2}, {key, 1}, {"solver", {{"solver", "PCG"}}}}), "");
  }
  for (const char* key : {"separation_interior", "separation_exterior", "block_format"}) {
    const char* value = key == std::string("block_format") ? "COL_MAJOR" : "FULL";
    EXPECT_TRUE(says(tree_error({{"solver", {{"solver", "PCG"}, {key, value}}}}), "", {"top level"}));
  }
}

TEST(ConfigScopes, GlobalKeysOfAFlatDictAreItsTopLevelAndReadFromAnyScope) {
  const Config config = Config::from_tree(
      {{"solver", "PCG"}, {"determinism_flag", 1}, {"preconditioner", {{"solver", "AMG"}}}});
  EXPECT_EQ(config.outer().scope.get(param::determinism_flag), 1);
  EXPECT_EQ(config.outer().scope.slot(param::preconditioner).scope.get(param::determinism_flag), 1);
}

TEST(ConfigScopes, MethodInsideItselfIsAnErrorNotAnEndlessRecursion) {
  const Config config =
      Config::from_tree({{"config_version", 2}, {"solver", "PCG"}, {"preconditioner", "PCG"}});
  const Slot outer = config.outer();
  EXPECT_TRUE(
      says(error_of([&] { outer.scope.slot(param::preconditioner); }), "solver.preconditioner:", {"PCG"}));
  const Config nested = Config::from_tree({{"solver", "PCG"}, {"preconditioner", {{"solver", "PCG"}}}});
  EXPECT_EQ(nested.outer().scope.slot(param::preconditioner).method, "PCG");
}

// --- Unknown keys and names ---

TEST(ConfigNames, UnknownKeyHasPathAndNearestName) {
  EXPECT_TRUE(says(tree_error({{"solver", "PCG"}, {"preconditioner", {{"solver", "AMG"}, {"presweps", 1}}}}),
                   "solver.preconditioner.presweps: unknown key", {"`presweeps`"}));
  EXPECT_TRUE(says(tree_error({{"config_version", 2}, {"tolernace", 1e-3}}), "", {"`tolerance`"}));
  EXPECT_TRUE(says(tree_error({{"MAX_ITERS", 3}}), "", {"`max_iters`"}));
}

TEST(ConfigNames, NothingIsSuggestedWhenNothingIsNear) {
  EXPECT_EQ(tree_error({{"colour_of_the_sky", 1}}), "solver.colour_of_the_sky: unknown key");
  const std::string endless(100000, 'x');
  EXPECT_EQ(tree_error({{endless, 1}}), "solver." + endless + ": unknown key");
}

TEST(ConfigNames, UnknownSolverHasPathAndNearestName) {
  EXPECT_TRUE(says(tree_error({{"solver", "PGC"}}), "solver: unknown solver `PGC`", {"`PCG`"}));
  EXPECT_TRUE(says(tree_error({{"solver", "PCG"}, {"preconditioner", {{"solver", "JACOBI_L2"}}}}),
                   "solver.preconditioner: ", {"`JACOBI_L1`"}));
}

TEST(ConfigNames, UnknownValueHasPathAndNearestName) {
  EXPECT_TRUE(
      says(tree_error({{"solver", "AMG"}, {"selector", "PMS"}}), "solver.selector: ", {"`PMIS`", "SIZE_2"}));
}

TEST(ConfigNames, EverySolverNameIsAcceptedInEverySlot) {
  ASSERT_EQ(solver_names().size(), 27u);  // AmgX's 25 and 2 of ours
  for (const ParameterInfo& parameter : parameters()) {
    if (parameter.type != ParameterInfo::Type::solver) continue;
    for (const std::string_view method : solver_names()) {
      EXPECT_EQ(tree_error({{"config_version", 2}, {std::string(parameter.name), std::string(method)}}), "");
    }
  }
}

TEST(ConfigNames, ValuesOfOurOwn) {
  const Scope amg =
      Config::from_tree({{"solver", "AMG"}, {"algorithm", "SMOOTHED_AGGREGATION"}, {"smoother", "SPAI0"}})
          .outer()
          .scope;
  EXPECT_EQ(amg.get(param::algorithm), "SMOOTHED_AGGREGATION");
  EXPECT_EQ(amg.slot(param::smoother).method, "SPAI0");
  EXPECT_EQ(tree_error({{"smoother", {{"solver", "HYBRID_GS"}}}}), "");
}

TEST(ConfigNames, ScopeAndVersionHaveTheirPlace) {
  EXPECT_TRUE(says(tree_error({{"config_version", 2}, {"scope", "main"}}), "scope: "));
  EXPECT_TRUE(says(tree_error({{"config_version", 1}, {"solver", "PCG"}}), "config_version: "));
  EXPECT_TRUE(says(tree_error({{"solver", {{"solver", {{"solver", "PCG"}}}}}}), "solver.solver: "));
  EXPECT_TRUE(says(tree_error({{"solver", {{"scope", 3}}}}), "solver.scope: "));
  EXPECT_TRUE(says(tree_error("PCG"), "", {"object"}));
}

// --- Types and ranges ---

TEST(ConfigTypes, IntegersTakeIntegralFloatsButNoOthers) {
  EXPECT_EQ(Config::from_tree({{"max_iters", 50.0}}).outer().scope.get(param::max_iters), 50);
  for (const ConfigValue& wrong : {ConfigValue(1.5), ConfigValue("50"), ConfigValue(1e300),
                                   ConfigValue(1LL << 40), ConfigValue(true), ConfigValue({{"a", 1}})}) {
    EXPECT_TRUE(
        says(tree_error({{"max_iters", wrong}}), "solver.max_iters: expected an integer in 0.., got "));
  }
}

TEST(ConfigTypes, FloatsTakeIntegersButNoBoolAndNothingThatIsNotFinite) {
  EXPECT_EQ(Config::from_tree({{"relaxation_factor", 1}}).outer().scope.get(param::relaxation_factor), 1.0);
  for (const ConfigValue& wrong :
       {ConfigValue(true), ConfigValue("0.5"), ConfigValue(NAN), ConfigValue(INFINITY)}) {
    EXPECT_TRUE(says(tree_error({{"tolerance", wrong}}), "solver.tolerance: expected a number in 0.., got "));
  }
}

TEST(ConfigTypes, SwitchesTakeBool) {
  EXPECT_EQ(Config::from_tree({{"monitor_residual", true}}).outer().scope.get(param::monitor_residual), 1);
  EXPECT_EQ(Config::from_tree({{"exact_coarse_solve", false}}).outer().scope.get(param::exact_coarse_solve),
            0);
}

TEST(ConfigTypes, TextTakesOnlyText) {
  EXPECT_TRUE(says(tree_error({{"cycle", 1}}), "solver.cycle: expected a string", {"got 1"}));
  EXPECT_TRUE(says(tree_error({{"preconditioner", 1}}), "solver.preconditioner: expected a string"));
  EXPECT_TRUE(says(tree_error({{"cycle", {{"solver", "AMG"}}}}), "", {"got an object"}));
}

TEST(ConfigTypes, TextThatTheNotationCannotWriteIsRejected) {
  for (const char* text : {"a,b", "a;b", "a\nb", " a"}) {
    EXPECT_TRUE(says(tree_error({{"coloring_custom_arg", text}}), "solver.coloring_custom_arg: "));
  }
  const std::string once = canonical({{"coloring_custom_arg", "a=(b):c"}});
  EXPECT_EQ(Config::parse(once).canonical(), once);
}

TEST(ConfigTypes, MemorySizesMayExceedThirtyTwoBits) {
  EXPECT_EQ(
      Config::from_tree({{"device_mem_pool_size", 1LL << 40}}).outer().scope.get(param::device_mem_pool_size),
      1LL << 40);
}

TEST(ConfigTypes, RangesIncludeTheirEnds) {
  for (const double inside : {0.0, 2.0}) EXPECT_EQ(tree_error({{"relaxation_factor", inside}}), "");
  for (const double outside : {-1e-9, 2.0 + 1e-9}) {
    EXPECT_TRUE(says(tree_error({{"relaxation_factor", outside}}), "", {"expected a number in 0.0..2.0"}));
  }
  for (const int member : {0, 2, 3}) EXPECT_EQ(tree_error({{"error_scaling", member}}), "");
  EXPECT_TRUE(says(tree_error({{"error_scaling", 1}}), "", {"expected an integer of 0|2|3, got 1"}));
}

TEST(ConfigTypes, NegativeToleranceAndIterationsAreErrors) {
  EXPECT_TRUE(says(tree_error({{"tolerance", -1e-8}}), "solver.tolerance: "));
  EXPECT_TRUE(says(tree_error({{"max_iters", -1}}), "solver.max_iters: "));
  EXPECT_EQ(tree_error({{"tolerance", 0}, {"max_iters", 0}, {"rel_div_tolerance", -1}}), "");
}

TEST(ConfigTypes, EveryDefaultIsAllowedAndReadBack) {
  for (const ParameterInfo& parameter : parameters()) {
    const ConfigValue given = std::visit(
        [](auto value) -> ConfigValue {
          if constexpr (std::same_as<decltype(value), std::string_view>)
            return std::string(value);
          else
            return value;
        },
        parameter.default_value);
    const ConfigValue tree{{"config_version", 2}, {std::string(parameter.name), given}};
    EXPECT_EQ(tree_error(tree), "") << parameter.name;
    EXPECT_EQ(Config::parse(canonical(tree)).canonical(), canonical(tree)) << parameter.name;
    EXPECT_FALSE(parameter.meaning.empty()) << parameter.name;
  }
}

TEST(ConfigTypes, KeysAreDistinct) {
  std::vector<std::string_view> names;
  for (const ParameterInfo& parameter : parameters()) names.push_back(parameter.name);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_EQ(names.size(), 151u);  // all keys of AmgX 2.5, and four of ours
}

// --- What was read ---

TEST(ConfigUnread, KeysThatNothingReadAreListedOnce) {
  const Config config = Config::from_tree({{"solver", "PCG"},
                                           {"tolerance", 1e-8},
                                           {"gmres_n_restart", 5},
                                           {"preconditioner", {{"solver", "AMG"}, {"presweeps", 3}}}});
  const Slot outer = config.outer();
  EXPECT_EQ(outer.scope.get(param::tolerance), 1e-8);
  EXPECT_EQ(config.unread(),
            Paths({"solver.preconditioner", "solver.gmres_n_restart", "solver.preconditioner.presweeps"}));
  outer.scope.slot(param::preconditioner).scope.get(param::presweeps);
  EXPECT_EQ(config.unread(), Paths({"solver.gmres_n_restart"}));
}

TEST(ConfigUnread, ResourceKeysAreAcceptedSilently) {
  const Config config = Config::from_tree({{"solver", "PCG"}, {"verbosity_level", 0}});
  config.outer();
  EXPECT_EQ(config.unread(), Paths());
  EXPECT_TRUE(says(tree_error({{"print_config", "yes"}}), "solver.print_config: "));
}

TEST(ConfigUnread, AskingWhetherAKeyIsSetDoesNotReadIt) {
  const Config config = Config::from_tree({{"tolerance", 1e-8}});
  EXPECT_TRUE(config.outer().scope.is_set(param::tolerance));
  EXPECT_FALSE(config.outer().scope.is_set(param::max_iters));
  EXPECT_EQ(config.unread(), Paths({"solver.tolerance"}));
}

// --- Canonical form ---

TEST(ConfigCanonical, IsAmgXNotation) {
  EXPECT_EQ(
      canonical(
          {{"preconditioner", {{"cycle", "W"}, {"solver", "AMG"}}}, {"tolerance", 1e-8}, {"solver", "PCG"}}),
      "config_version=2, solver(solver)=PCG, solver:preconditioner(solver.preconditioner)=AMG, "
      "solver:tolerance=1e-08, solver.preconditioner:cycle=W");
}

TEST(ConfigCanonical, SameMeaningGivesTheSameString) {
  const std::string expected = canonical({{"solver", "PCG"},
                                          {"max_iters", 50},
                                          {"monitor_residual", 1},
                                          {"preconditioner", {{"solver", "AMG"}, {"presweeps", 0}}}});
  const ConfigValue preconditioner{{"presweeps", 0.0}, {"scope", "amg"}, {"solver", "AMG"}};
  EXPECT_EQ(canonical({{"config_version", 2},
                       {"verbosity_level", 1},
                       {"solver",
                        {{"scope", "main"},
                         {"preconditioner", preconditioner},
                         {"monitor_residual", true},
                         {"max_iters", 50.0},
                         {"print_vis_data", 1},
                         {"solver", "PCG"}}}}),
            expected);
  EXPECT_EQ(Config::parse("amg:presweeps=0; main:preconditioner( amg )=AMG\n main : max_iters = 50.0,"
                          "solver(main)=PCG, main:monitor_residual=1")
                .canonical(),
            expected);
  EXPECT_EQ(canonical({{"cheby_min_lambda", -0.0}}), canonical({{"cheby_min_lambda", 0}}));
}

TEST(ConfigCanonical, DifferentMeaningGivesADifferentString) {
  const ConfigValue gs{{"solver", "GS"}}, shared{{"solver", "GS"}, {"scope", "s"}};
  EXPECT_NE(canonical({{"smoother", gs}, {"coarse_solver", gs}}),
            canonical({{"smoother", shared}, {"coarse_solver", shared}}));
  EXPECT_NE(canonical({{"smoother", "GS"}, {"config_version", 2}}),
            canonical({{"smoother", gs}, {"config_version", 2}}));
  EXPECT_NE(canonical({{"tolerance", 0.1}}), canonical({{"tolerance", std::nextafter(0.1, 1.0)}}));
}

TEST(ConfigCanonical, ReadsBackToItself) {
  const ConfigValue shared{{"solver", "GS"}, {"scope", "s"}, {"relaxation_factor", 1.0 / 3.0}};
  const Config config =
      Config::from_tree({{"config_version", 2},
                         {"determinism_flag", 1},
                         {"preconditioner", {{"solver", "AMG"}, {"smoother", shared}}},
                         {"solver", {{"solver", "AMG"}, {"coarse_solver", shared}, {"smoother", "GS"}}}});
  const Config again = Config::parse(config.canonical());
  EXPECT_EQ(again.canonical(), config.canonical());
  EXPECT_EQ(again.outer().scope.slot(param::coarse_solver).scope.get(param::relaxation_factor), 1.0 / 3.0);
  EXPECT_EQ(std::ranges::count(again.unread(), "solver.smoother"), 1);
}

TEST(ConfigCanonical, RandomFloatsKeepTheirBits) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(-300.0, 19.0);
  for (int i = 0; i < 1000; ++i) {
    const double value = std::pow(10.0, exponent(random));
    const Config again = Config::parse(canonical({{"cheby_max_lambda", value}}));
    EXPECT_EQ(again.outer().scope.get(param::cheby_max_lambda), value);
  }
}

// --- Notation ---

TEST(ConfigNotation, ReadsAmgXsExample) {
  const Config config = Config::parse(
      "config_version=2, solver(main)=PCG, main:tolerance=1e-8, main:preconditioner(amg)=AMG; amg:cycle=F\n"
      "max_iters=5");
  EXPECT_EQ(config.outer().method, "PCG");
  EXPECT_EQ(config.outer().scope.get(param::tolerance), 1e-8);
  EXPECT_EQ(config.outer().scope.slot(param::preconditioner).scope.get(param::cycle), "F");
  EXPECT_EQ(config.outer().scope.get(param::max_iters), 100);
}

TEST(ConfigNotation, SolverWithoutAScopeReadsTheDefaultScope) {
  EXPECT_EQ(Config::parse("solver=PCG, max_iters=5").outer().scope.get(param::max_iters), 5);
  EXPECT_EQ(Config::parse("solver=PCG, default:max_iters=5").outer().scope.get(param::max_iters), 5);
}

TEST(ConfigNotation, ErrorsNameTheItem) {
  EXPECT_TRUE(says(parse_error("solver"), "", {"`solver`: no `=`"}));
  EXPECT_TRUE(says(parse_error("=PCG"), "", {"no key"}));
  EXPECT_TRUE(says(parse_error(":max_iters=1"), "", {"no scope before"}));
  EXPECT_TRUE(says(parse_error("solver(main=PCG"), "", {"without `)`"}));
  EXPECT_TRUE(says(parse_error("solver()=PCG"), "", {"no scope in"}));
  EXPECT_TRUE(says(parse_error("max_iters(a)=1"), "", {"only a solver"}));
  EXPECT_TRUE(says(parse_error("config_version=3"), "config_version: "));
  EXPECT_TRUE(says(parse_error("foo:tolerance=1"), "foo.tolerance: ", {"`foo`"}));
  EXPECT_TRUE(says(parse_error("solver(m)=PCG, m:solver=PCG"), "m.solver: "));
  EXPECT_TRUE(says(parse_error("solver(m)=PCG, m:max_iters=ten"),
                   "m.max_iters: expected an integer in 0.., got \"ten\""));
  EXPECT_TRUE(says(parse_error("solver(m)=PCG, m:max_itres=1"), "", {"`max_iters`"}));
}

TEST(ConfigNotation, EmptyTextIsAllDefaults) {
  EXPECT_EQ(Config::parse(" ,;\n").canonical(), "config_version=2");
  EXPECT_EQ(Config::parse("").outer().method, "AMG");
}

TEST(ConfigNotation, GarbageEitherParsesOrThrowsConfigError) {
  const std::string_view pieces[] = {"solver",
                                     "preconditioner",
                                     "smoother",
                                     "max_iters",
                                     "tolerance",
                                     "AMG",
                                     "PCG",
                                     "main",
                                     "1",
                                     "1e-8",
                                     "nan",
                                     "-1",
                                     "config_version",
                                     "default",
                                     "2",
                                     "=",
                                     "=",
                                     "=",
                                     ":",
                                     "(",
                                     ")",
                                     ",",
                                     ";",
                                     "\n",
                                     " ",
                                     "\xff",
                                     std::string_view("\0", 1),
                                     "coloring_custom_arg"};
  std::mt19937 random(11);
  int accepted = 0, rejected = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string text;
    for (auto length = random() % 12; length > 0; --length) text += pieces[random() % std::size(pieces)];
    try {
      const std::string once = Config::parse(text).canonical();
      EXPECT_EQ(Config::parse(once).canonical(), once) << text;
      ++accepted;
    } catch (const ConfigError&) {
      ++rejected;
    }
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(rejected, 100);
}

}  // namespace
}  // namespace amg
