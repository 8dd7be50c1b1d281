// One value of a configuration: checked against its parameter's type and allowed values, and written as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "amg/config.h"

namespace amg {

// Integers, reals, and everything that is text: words, enumerators and names of solvers.
using Value = std::variant<std::int64_t, double, std::string>;

// Throws ConfigError, which begins with `path`.
Value checked_value(const ParameterInfo& parameter, const ConfigValue& given, const std::string& path);

Value default_value(const ParameterInfo& parameter);

// Numbers in their shortest form that reads back to the same bits.
std::string to_text(const Value& value);

// Without the blanks around it.
std::string_view trimmed(std::string_view text);

}  // namespace amg
