#include <charconv>
#include <string_view>
#include <vector>

#include "config/block_dim.h"
#include "config/state.h"

namespace amg {
namespace {

// A scope is called by the path of the slot that opens it: the one nearest to the top, then the first in the
// order of parameters. So it makes no difference how the user called it, or what was written first.
struct NamedScopes {
  explicit NamedScopes(const ConfigState& state) : names(state.scopes.size()) {
    order.push_back(ConfigState::default_scope);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::string prefix = names[order[i]].empty() ? "" : names[order[i]] + ".";
      for (const auto& [parameter, entry] : state.scopes[order[i]]) {
        if (entry.opens == ConfigState::default_scope || !names[entry.opens].empty()) continue;
        names[entry.opens] = prefix + std::string(parameters()[parameter].name);
        order.push_back(entry.opens);
      }
    }
  }

  std::vector<std::string> names;  // "" for the scope `default`
  std::vector<std::size_t> order;
};

}  // namespace

std::string Config::canonical() const {
  const NamedScopes scopes(*state_);
  std::string text = "config_version=2";
  for (const std::size_t scope : scopes.order) {
    const std::string prefix = scopes.names[scope].empty() ? "" : scopes.names[scope] + ":";
    for (const auto& [parameter, entry] : state_->scopes[scope]) {
      const ParameterInfo& info = parameters()[parameter];
      if (info.role == ParameterInfo::Role::resource) continue;
      text += ", " + prefix + std::string(info.name);
      if (entry.opens != ConfigState::default_scope) text += "(" + scopes.names[entry.opens] + ")";
      text += "=" + to_text(entry.value);
    }
  }
  return text;
}

std::int32_t block_dim_of(std::string_view canonical) {
  constexpr std::string_view key = ", block_dim=";
  const std::size_t at = canonical.find(key);
  std::int32_t block_dim = 1;
  if (at != canonical.npos)
    std::from_chars(canonical.data() + at + key.size(), canonical.data() + canonical.size(), block_dim);
  return block_dim;
}

}  // namespace amg
