#include "config/builder.h"

#include <vector>

#include "amg/error.h"
#include "config/nearest_name.h"
#include "config/parameters.h"

namespace amg {

std::size_t ConfigBuilder::new_scope() {
  state_->scopes.emplace_back();
  return state_->scopes.size() - 1;
}

std::size_t ConfigBuilder::named_scope(const std::string& name) {
  const auto found = named_.find(name);
  return found != named_.end() ? found->second : named_[name] = new_scope();
}

std::size_t ConfigBuilder::unnamed_scope(std::size_t owner, std::size_t parameter) {
  const auto slot = std::pair(owner, parameter);
  const auto found = unnamed_.find(slot);
  return found != unnamed_.end() ? found->second : unnamed_[slot] = new_scope();
}

void ConfigBuilder::set(std::size_t scope, std::size_t parameter, const ConfigValue& given, std::size_t opens,
                        const std::string& path) {
  const ParameterInfo& info = parameters()[parameter];
  if (info.role == ParameterInfo::Role::global && scope != ConfigState::default_scope) {
    throw ConfigError(path + ": can only be set at the top level, beside `solver`");
  }
  Value value = checked_value(info, given, path);
  const auto [entry, is_new] = state_->scopes[scope].try_emplace(parameter, value, opens, path);
  const auto& [held, held_opens, held_path, read] = entry->second;
  if (is_new || (held == value && held_opens == opens)) return;
  const bool by_scope_only = held == value;
  throw ConfigError(path + ": " + to_text(value) + (by_scope_only ? " in another scope" : "") +
                    " contradicts " + to_text(held) + " at " + held_path +
                    " in the same scope; remove one of them");
}

std::size_t known_parameter(std::string_view name, const std::string& path) {
  if (const auto parameter = find_parameter(name)) return *parameter;
  std::vector<std::string_view> known{"config_version", "scope"};
  for (const ParameterInfo& parameter : parameters()) known.push_back(parameter.name);
  throw ConfigError(path + ": unknown key" + did_you_mean(name, known));
}

void check_version(const ConfigValue& version) {
  if (const auto* number = version.as<std::int64_t>(); !number || *number != 2) {
    throw ConfigError("config_version: only version 2 of AmgX's configurations is understood; write 2");
  }
}

}  // namespace amg
