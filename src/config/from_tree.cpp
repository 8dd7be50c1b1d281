#include <algorithm>

#include "amg/error.h"
#include "config/builder.h"
#include "config/parameters.h"

namespace amg {
namespace {

using Object = ConfigValue::Object;

const ConfigValue* find(const Object& object, std::string_view name) {
  const auto found = std::ranges::find(object, name, &ConfigValue::Member::name);
  return found == object.end() ? nullptr : &found->value;
}

class TreeReader {
 public:
  std::shared_ptr<const ConfigState> read(const Object& top) {
    for (const auto& [name, value] : top) {
      if (name == "config_version")
        check_version(value);
      else if (name == "scope")
        throw ConfigError("scope: the top level is the scope `default`; name those of solvers");
      else
        read_member(name, value, ConfigState::default_scope, name);
    }
    return builder_.finish();
  }

 private:
  void read_member(const std::string& name, const ConfigValue& value, std::size_t scope,
                   const std::string& path) {
    const std::size_t parameter = known_parameter(name, path);
    const auto* object = value.as<Object>();
    if (object && parameters()[parameter].type == ParameterInfo::Type::solver) {
      open_slot(parameter, *object, scope, path);
    } else {
      builder_.set(scope, parameter, value, ConfigState::default_scope, path);
    }
  }

  // An object in a slot: `solver` names the method, `scope` the scope that the other members belong to.
  void open_slot(std::size_t slot, const Object& object, std::size_t owner, const std::string& path) {
    const ConfigValue* method = find(object, "solver");
    const ConfigValue* name = find(object, "scope");
    if (method && !method->as<std::string>()) {
      throw ConfigError(path + ".solver: expected the name of a solver");
    }
    if (name && !name->as<std::string>()) throw ConfigError(path + ".scope: expected a name");
    const std::size_t scope =
        name ? builder_.named_scope(*name->as<std::string>()) : builder_.unnamed_scope(owner, slot);
    const std::string fallback(std::get<std::string_view>(parameters()[slot].default_value));
    builder_.set(owner, slot, method ? *method : ConfigValue(fallback), scope, path);
    for (const auto& [member, value] : object) {
      if (member != "solver" && member != "scope") read_member(member, value, scope, path + "." + member);
    }
  }

  ConfigBuilder builder_;
};

bool is_global(const std::string& name) {
  const auto parameter = find_parameter(name);
  return parameter && parameters()[*parameter].role == ParameterInfo::Role::global;
}

// A flat dict is the outer solver's object; only the global keys are left outside of it.
Object nested(const Object& flat) {
  Object top, solver;
  for (const auto& member : flat) (is_global(member.name) ? top : solver).push_back(member);
  top.push_back({"solver", solver});
  return top;
}

}  // namespace

Config Config::from_tree(const ConfigValue& tree) {
  const auto* top = tree.as<Object>();
  if (!top) throw ConfigError("a configuration is an object of keys and values");
  const ConfigValue* solver = find(*top, "solver");
  const bool is_nested = find(*top, "config_version") || (solver && solver->as<Object>());
  return Config(TreeReader().read(is_nested ? *top : nested(*top)));
}

}  // namespace amg
