#include "config/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "amg/error.h"
#include "config/nearest_name.h"

namespace amg {
namespace {

using Type = ParameterInfo::Type;

std::string number_text(auto number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return std::string(digits.data(), end);
}

std::string described(const ConfigValue& given) {
  if (const auto* flag = given.as<bool>()) return *flag ? "true" : "false";
  if (const auto* integer = given.as<std::int64_t>()) return number_text(*integer);
  if (const auto* real = given.as<double>()) return number_text(*real);
  if (const auto* text = given.as<std::string>()) return "\"" + *text + "\"";
  return "an object";
}

bool is_number(Type type) { return type == Type::integer || type == Type::size || type == Type::real; }

bool is_range(std::string_view allowed) { return allowed.find("..") != std::string_view::npos; }

std::string expected(const ParameterInfo& parameter) {
  std::string what = parameter.type == Type::real ? "a number"
                     : is_number(parameter.type)  ? "an integer"
                                                  : "a string";
  if (parameter.type == Type::solver) return what + ", the name of a solver";
  if (parameter.allowed.empty()) return what;
  return what + (is_range(parameter.allowed) ? " in " : " of ") + std::string(parameter.allowed);
}

[[noreturn]] void reject(const ParameterInfo& parameter, const ConfigValue& given, const std::string& path) {
  throw ConfigError(path + ": expected " + expected(parameter) + ", got " + described(given));
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> words;
  for (std::size_t bar; (bar = list.find('|')) != std::string_view::npos; list.remove_prefix(bar + 1)) {
    words.push_back(list.substr(0, bar));
  }
  words.push_back(list);
  return words;
}

// An empty end of a range is open.
double bound(std::string_view end, double open) {
  std::from_chars(end.data(), end.data() + end.size(), open);
  return open;
}

bool number_is_allowed(const Value& value, std::string_view allowed) {
  if (allowed.empty()) return true;
  if (!is_range(allowed)) return std::ranges::count(split(allowed), to_text(value)) > 0;
  const auto* integer = std::get_if<std::int64_t>(&value);
  const double number = integer ? static_cast<double>(*integer) : std::get<double>(value);
  const std::size_t dots = allowed.find("..");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return number >= bound(allowed.substr(0, dots), -infinity) &&
         number <= bound(allowed.substr(dots + 2), infinity);
}

std::optional<std::int64_t> as_integer(const ParameterInfo& parameter, const ConfigValue& given) {
  std::optional<std::int64_t> integer;
  if (const auto* flag = given.as<bool>(); flag && parameter.allowed == "0|1") integer = *flag ? 1 : 0;
  if (const auto* exact = given.as<std::int64_t>()) integer = *exact;
  // Beyond 2^53 a double no longer tells integers apart; so large a count is a mistake.
  if (const auto* real = given.as<double>();
      real && std::abs(*real) <= 0x1p53 && *real == std::trunc(*real)) {
    integer = static_cast<std::int64_t>(*real);
  }
  if (integer && parameter.type == Type::integer && !std::in_range<int>(*integer)) return std::nullopt;
  return integer;
}

std::optional<double> as_real(const ConfigValue& given) {
  std::optional<double> real;
  if (const auto* integer = given.as<std::int64_t>()) real = static_cast<double>(*integer);
  if (const auto* exact = given.as<double>(); exact && std::isfinite(*exact)) real = *exact;
  if (real) *real += 0.0;  // -0.0 means 0.0 and must be written like it
  return real;
}

Value checked_number(const ParameterInfo& parameter, const ConfigValue& given, const std::string& path) {
  std::optional<Value> value;
  if (parameter.type == Type::real) {
    if (const auto real = as_real(given)) value = *real;
  } else if (const auto integer = as_integer(parameter, given)) {
    value = *integer;
  }
  if (!value || !number_is_allowed(*value, parameter.allowed)) reject(parameter, given, path);
  return *value;
}

Value checked_text(const ParameterInfo& parameter, const ConfigValue& given, const std::string& path) {
  const auto* text = given.as<std::string>();
  if (!text) reject(parameter, given, path);
  if (parameter.type == Type::solver) {
    const auto known = solver_names();
    if (std::ranges::count(known, *text) > 0) return *text;
    throw ConfigError(path + ": unknown solver `" + *text + "`" + did_you_mean(*text, known));
  }
  if (parameter.allowed.empty()) {
    if (text->find_first_of(",;\r\n") == std::string::npos && *text == trimmed(*text)) return *text;
    throw ConfigError(path + ": a comma, semicolon, line end or outer blank cannot be part of a value");
  }
  const auto known = split(parameter.allowed);
  if (std::ranges::count(known, *text) > 0) return *text;
  throw ConfigError(path + ": unknown value `" + *text + "`" + did_you_mean(*text, known) +
                    " (known: " + std::string(parameter.allowed) + ")");
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

Value checked_value(const ParameterInfo& parameter, const ConfigValue& given, const std::string& path) {
  return is_number(parameter.type) ? checked_number(parameter, given, path)
                                   : checked_text(parameter, given, path);
}

Value default_value(const ParameterInfo& parameter) {
  if (const auto* integer = std::get_if<std::int64_t>(&parameter.default_value)) return *integer;
  if (const auto* real = std::get_if<double>(&parameter.default_value)) return *real;
  return std::string(std::get<std::string_view>(parameter.default_value));
}

std::string to_text(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return number_text(*integer);
  if (const auto* real = std::get_if<double>(&value)) return number_text(*real);
  return std::get<std::string>(value);
}

}  // namespace amg
