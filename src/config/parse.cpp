#include <charconv>
#include <set>

#include "amg/error.h"
#include "config/builder.h"
#include "config/parameters.h"

namespace amg {
namespace {

// One item of AmgX's notation, `scope:key(opens)=value`.
struct Item {
  std::string_view scope = "default", key, opens, value;
};

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

Item split(std::string_view text) {
  Item item;
  const auto malformed = [&](const char* why) {
    return ConfigError(quoted(text) + ": " + why + "; the notation is scope:key(new_scope)=value");
  };
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) throw malformed("no `=`");
  item.value = trimmed(text.substr(equals + 1));
  item.key = trimmed(text.substr(0, equals));
  if (const std::size_t colon = item.key.find(':'); colon != std::string_view::npos) {
    item.scope = trimmed(item.key.substr(0, colon));
    item.key = trimmed(item.key.substr(colon + 1));
    if (item.scope.empty()) throw malformed("no scope before `:`");
  }
  if (const std::size_t open = item.key.find('('); open != std::string_view::npos) {
    if (item.key.back() != ')') throw malformed("`(` without `)`");
    item.opens = trimmed(item.key.substr(open + 1, item.key.size() - open - 2));
    item.key = trimmed(item.key.substr(0, open));
    if (item.opens.empty()) throw malformed("no scope in `()`");
  }
  if (item.key.empty()) throw malformed("no key");
  return item;
}

// The number that all of `text` is, or `text` itself, for which the type check has its message.
template <class Number>
ConfigValue number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return std::string(text);
}

ConfigValue typed(std::string_view text, ParameterInfo::Type type) {
  using Type = ParameterInfo::Type;
  if (type != Type::integer && type != Type::size && type != Type::real) return std::string(text);
  ConfigValue integer = number<std::int64_t>(text);
  return integer.as<std::int64_t>() ? integer : number<double>(text);
}

class NotationReader {
 public:
  std::shared_ptr<const ConfigState> read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find_first_of(",;\n"), text.size());
      const std::string_view item = trimmed(text.substr(0, end));
      if (!item.empty()) read_item(split(item));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    for (const auto& [scope, path] : used_) {
      if (!opened_.contains(scope)) {
        throw ConfigError(path + ": no solver opens the scope " + quoted(scope) +
                          "; write for example solver(" + scope + ")=PCG");
      }
    }
    return builder_.finish();
  }

 private:
  void read_item(const Item& item) {
    const bool at_top = item.scope == "default";
    const std::string path =
        at_top ? std::string(item.key) : std::string(item.scope) + "." + std::string(item.key);
    if (at_top && item.key == "config_version") return check_version(number<std::int64_t>(item.value));
    const std::size_t parameter = known_parameter(item.key, path);
    const ParameterInfo& info = parameters()[parameter];
    if (!at_top && item.key == "solver") {
      throw ConfigError(path + ": the solver of a scope is named where it is opened, as in preconditioner(" +
                        std::string(item.scope) + ")=" + std::string(item.value));
    }
    std::size_t opens = ConfigState::default_scope;
    if (!item.opens.empty()) {
      if (info.type != ParameterInfo::Type::solver)
        throw ConfigError(path + ": only a solver can open a scope");
      opens = builder_.named_scope(std::string(item.opens));
      opened_.emplace(item.opens);
    }
    used_.try_emplace(std::string(item.scope), path);
    builder_.set(builder_.named_scope(std::string(item.scope)), parameter, typed(item.value, info.type),
                 opens, path);
  }

  ConfigBuilder builder_;
  std::set<std::string> opened_{"default"};
  std::map<std::string, std::string> used_;  // scope → path of its first key
};

}  // namespace

Config Config::parse(std::string_view text) { return Config(NotationReader().read(text)); }

}  // namespace amg
