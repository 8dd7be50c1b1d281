#include <algorithm>

#include "amg/error.h"
#include "config/parameters.h"
#include "config/state.h"

namespace amg {
namespace {

// The entry that a scope reads for a parameter, or null where the registered default holds.
const ConfigState::Entry* find(const ConfigState& state, std::size_t scope, std::size_t parameter) {
  const bool is_global = parameters()[parameter].role == ParameterInfo::Role::global;
  const ConfigState::Entries& entries = state.scopes[is_global ? ConfigState::default_scope : scope];
  const auto found = entries.find(parameter);
  return found == entries.end() ? nullptr : &found->second;
}

Value read(const ConfigState& state, std::size_t scope, std::size_t parameter) {
  const ConfigState::Entry* entry = find(state, scope, parameter);
  if (!entry) return default_value(parameters()[parameter]);
  entry->read.store(true, std::memory_order_relaxed);
  return entry->value;
}

}  // namespace

Scope::Scope(std::shared_ptr<const ConfigState> state, std::size_t scope, std::string path,
             std::vector<Ancestor> ancestors)
    : state_(std::move(state)), scope_(scope), path_(std::move(path)), ancestors_(std::move(ancestors)) {}

int Scope::get(Parameter<int> parameter) const {
  return static_cast<int>(std::get<std::int64_t>(read(*state_, scope_, parameter.index)));
}

std::int64_t Scope::get(Parameter<std::int64_t> parameter) const {
  return std::get<std::int64_t>(read(*state_, scope_, parameter.index));
}

double Scope::get(Parameter<double> parameter) const {
  return std::get<double>(read(*state_, scope_, parameter.index));
}

std::string Scope::get(Parameter<std::string> parameter) const {
  return std::get<std::string>(read(*state_, scope_, parameter.index));
}

bool Scope::has(std::size_t parameter) const { return find(*state_, scope_, parameter) != nullptr; }

Slot Scope::slot(Parameter<Slot> parameter) const {
  const std::string key(parameters()[parameter.index].name);
  std::string path = path_.empty() ? key : path_ + "." + key;
  const std::string method = std::get<std::string>(read(*state_, scope_, parameter.index));
  const ConfigState::Entry* entry = find(*state_, scope_, parameter.index);
  const std::size_t scope = entry ? entry->opens : ConfigState::default_scope;

  // A method is made of its name and its scope alone: inside itself it would nest without end.
  std::vector<Ancestor> ancestors = ancestors_;
  if (std::ranges::count(ancestors, Ancestor(scope, method)) > 0) {
    throw ConfigError(path + ": " + method +
                      " would contain itself, reading the same scope again; give it a scope of its own, as "
                      "in {\"solver\": \"" +
                      method + "\", ...}");
  }
  ancestors.emplace_back(scope, method);
  return {method, Scope(state_, scope, path, std::move(ancestors)), path};
}

Slot Config::outer() const { return Scope(state_, ConfigState::default_scope, "", {}).slot(param::solver); }

std::vector<std::string> Config::unread() const {
  std::vector<std::string> paths;
  for (const ConfigState::Entries& entries : state_->scopes) {
    for (const auto& [parameter, entry] : entries) {
      const bool matters = parameters()[parameter].role != ParameterInfo::Role::resource;
      if (matters && !entry.read.load(std::memory_order_relaxed)) paths.push_back(entry.path);
    }
  }
  return paths;
}

}  // namespace amg
