// Configurations: AmgX's keys, scopes and notation.
//
//   auto config = amg::Config::from_tree({{"solver", "PCG"}, {"tolerance", 1e-8}, {"preconditioner",
//   "AMG"}}); auto same   = amg::Config::parse("solver(main)=PCG, main:tolerance=1e-8,
//   main:preconditioner=AMG");
//
// A method reads its own parameters through its Scope; what nothing read can be listed afterwards.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace amg {

// A JSON-like value. Objects keep the order of the document; copies share their members.
class ConfigValue {
 public:
  struct Member;
  using Object = std::vector<Member>;

  ConfigValue(bool value) : value_(value) {}
  ConfigValue(std::integral auto value) : value_(static_cast<std::int64_t>(value)) {}
  ConfigValue(double value) : value_(value) {}
  ConfigValue(std::string value) : value_(std::move(value)) {}
  ConfigValue(const char* value) : value_(std::string(value)) {}
  ConfigValue(Object members);
  ConfigValue(std::initializer_list<Member> members);

  // The value if it is a T (bool, std::int64_t, double, std::string or Object), else nullptr.
  template <class T>
  const T* as() const {
    if constexpr (std::same_as<T, Object>) {
      const auto* members = std::get_if<std::shared_ptr<const Object>>(&value_);
      return members ? members->get() : nullptr;
    } else {
      return std::get_if<T>(&value_);
    }
  }

 private:
  // The pointer because Object's element type is incomplete here, which a variant does not admit.
  std::variant<bool, std::int64_t, double, std::string, std::shared_ptr<const Object>> value_;
};

struct ConfigValue::Member {
  std::string name;
  ConfigValue value;
};

inline ConfigValue::ConfigValue(Object members)
    : value_(std::make_shared<const Object>(std::move(members))) {}
inline ConfigValue::ConfigValue(std::initializer_list<Member> members) : ConfigValue(Object(members)) {}

// What is known of one configuration key; src/config/parameters.def holds all of them.
struct ParameterInfo {
  enum class Type { integer, size, real, text, enumeration, solver };
  // resource: validated, without effect on the numbers. global: like algorithm, but set at the top level
  // only.
  enum class Role { algorithm, resource, global };

  std::string_view name;
  Type type;
  std::variant<std::int64_t, double, std::string_view> default_value;
  std::string_view
      amgx_allowed;          // "a|b|c", "low..high" with either end optional, "<solver>", or "" for anything
  std::string_view allowed;  // what this engine accepts, in the same notation
  Role role;
  std::string_view meaning;
};

std::span<const ParameterInfo> parameters();
std::span<const std::string_view> solver_names();

// A key together with the type its value is read as; src/config/parameters.h has one for each key.
template <class T>
struct Parameter {
  std::size_t index;  // into parameters()
};

struct Slot;
struct ConfigState;

// The parameters of one method. A key that the scope does not set has its registered default, never an outer
// scope's value; global keys are read from the top level wherever they are asked for.
class Scope {
 public:
  int get(Parameter<int> parameter) const;
  std::int64_t get(Parameter<std::int64_t> parameter) const;
  double get(Parameter<double> parameter) const;
  std::string get(Parameter<std::string> parameter) const;
  template <class T>
  bool is_set(Parameter<T> parameter) const {
    return has(parameter.index);
  }

  // The method that fills a solver-valued key. An object brings its own scope; a name, or the registered
  // default, reads the scope `default`. Throws when a method would be nested in itself without end.
  Slot slot(Parameter<Slot> parameter) const;

  const std::string& path() const { return path_; }

 private:
  friend class Config;
  using Ancestor = std::pair<std::size_t, std::string>;  // scope, method

  Scope(std::shared_ptr<const ConfigState> state, std::size_t scope, std::string path,
        std::vector<Ancestor> ancestors);
  bool has(std::size_t parameter) const;

  std::shared_ptr<const ConfigState> state_;
  std::size_t scope_;  // into the scopes of state_
  std::string path_;
  std::vector<Ancestor> ancestors_;  // the methods from the outer solver down to this one
};

struct Slot {
  std::string method;
  Scope scope;
  std::string path;  // as in `solver.preconditioner.smoother`
};

// A validated configuration. Copies share their state, also the record of what was read.
class Config {
 public:
  // AmgX's JSON shape: nested when it has `config_version` or `solver` is an object; else flat, which
  // describes the outer solver and leaves the scope `default` empty.
  static Config from_tree(const ConfigValue& tree);

  // AmgX's notation: `scope:key(new_scope)=value`, separated by commas, semicolons or line ends.
  static Config parse(std::string_view text);

  // The same notation in one normal form, without `resource` keys; parse(c.canonical()).canonical() ==
  // c.canonical().
  std::string canonical() const;

  Slot outer() const;

  // Paths of the keys that were given, matter to the result, and that nothing has read so far.
  std::vector<std::string> unread() const;

 private:
  explicit Config(std::shared_ptr<const ConfigState> state) : state_(std::move(state)) {}

  std::shared_ptr<const ConfigState> state_;
};

}  // namespace amg
