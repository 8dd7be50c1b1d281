#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "amg/error.h"

namespace amg {

// A table of registry.def: names in alphabetical order.
template <class Entry>
using Registry = std::map<std::string, Entry, std::less<>>;

// The entry for a name that the configuration gives at path.key; names that AmgX has but this engine has not
// yet are told apart from misspelled ones by the configuration itself.
template <class Entry>
const Entry& look_up(const Registry<Entry>& registry, const std::string& name, const std::string& path) {
  const auto found = registry.find(name);
  if (found != registry.end()) return found->second;
  std::string known;
  for (const auto& [other, entry] : registry) known += (known.empty() ? "" : ", ") + other;
  throw ConfigError(path + ": " + name + " is not available in this version; choose one of " + known);
}

// A name that this version has, and the key whose value it can be; methods tell what they are and where to read on.
struct RegisteredName {
  std::string key;
  std::string name;
  std::string meaning;
  std::string source;
};

std::vector<RegisteredName> registered_names();
std::vector<std::string> registered_methods();

}  // namespace amg
