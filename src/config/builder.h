// Fills a ConfigState by the rules that both ways to write a configuration share.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "config/state.h"

namespace amg {

class ConfigBuilder {
 public:
  // Scopes are created when they are first asked for. An object without a `scope` name has the scope of its
  // slot, so that objects which share a scope share the scopes within it as well.
  std::size_t named_scope(const std::string& name);
  std::size_t unnamed_scope(std::size_t owner, std::size_t parameter);

  // Sets a key of a scope, which must not hold another value already.
  void set(std::size_t scope, std::size_t parameter, const ConfigValue& given, std::size_t opens,
           const std::string& path);

  std::shared_ptr<const ConfigState> finish() { return state_; }

 private:
  std::size_t new_scope();

  std::shared_ptr<ConfigState> state_ = std::make_shared<ConfigState>();
  std::map<std::string, std::size_t> named_{{"default", ConfigState::default_scope}};
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> unnamed_;
};

// The index of the parameter called `name`, or a ConfigError at `path` that names the nearest.
std::size_t known_parameter(std::string_view name, const std::string& path);

// The notation's version, the only key that is not a parameter: AmgX's second.
void check_version(const ConfigValue& version);

}  // namespace amg
