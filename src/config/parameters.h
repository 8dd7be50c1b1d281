// The typed keys, `param::max_iters` and so on, generated from parameters.def.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "amg/config.h"

namespace amg {

namespace param {

enum class Index : std::size_t {
#define PARAMETER(type, name, ...) name,
#include "config/parameters.def"
#undef PARAMETER
};

template <ParameterInfo::Type type>
struct ReadAs {
  using Type = std::string;
};
template <>
struct ReadAs<ParameterInfo::Type::integer> {
  using Type = int;
};
template <>
struct ReadAs<ParameterInfo::Type::size> {
  using Type = std::int64_t;
};
template <>
struct ReadAs<ParameterInfo::Type::real> {
  using Type = double;
};
template <>
struct ReadAs<ParameterInfo::Type::solver> {
  using Type = Slot;
};

#define PARAMETER(type, name, ...)                                          \
  inline constexpr Parameter<ReadAs<ParameterInfo::Type::type>::Type> name{ \
      static_cast<std::size_t>(Index::name)};
#include "config/parameters.def"
#undef PARAMETER

}  // namespace param

// The index into parameters() of a key's name.
std::optional<std::size_t> find_parameter(std::string_view name);

}  // namespace amg
