#include "config/parameters.h"

#include <algorithm>
#include <array>

namespace amg {
namespace {

using Type = ParameterInfo::Type;
using Role = ParameterInfo::Role;

constexpr std::string_view first_nonempty(std::string_view ours, std::string_view amgx) {
  return ours.empty() ? amgx : ours;
}

constexpr auto table = std::to_array<ParameterInfo>({
#define PARAMETER(type, name, default_value, amgx, ours, role, meaning) \
  ParameterInfo{#name, Type::type, default_value, amgx, first_nonempty(ours, amgx), Role::role, meaning},
#include "config/parameters.def"
#undef PARAMETER
});

// AmgX's, then our own.
constexpr std::string_view solvers[] = {"AMG",
                                        "CG",
                                        "PCG",
                                        "PCGF",
                                        "BICGSTAB",
                                        "PBICGSTAB",
                                        "GMRES",
                                        "FGMRES",
                                        "IDR",
                                        "IDRMSYNC",
                                        "CHEBYSHEV",
                                        "CHEBYSHEV_POLY",
                                        "POLYNOMIAL",
                                        "KPZ_POLYNOMIAL",
                                        "BLOCK_JACOBI",
                                        "JACOBI_L1",
                                        "CF_JACOBI",
                                        "GS",
                                        "FIXCOLOR_GS",
                                        "MULTICOLOR_GS",
                                        "MULTICOLOR_ILU",
                                        "MULTICOLOR_DILU",
                                        "KACZMARZ",
                                        "DENSE_LU_SOLVER",
                                        "NOSOLVER",
                                        "SPAI0",
                                        "HYBRID_GS"};

}  // namespace

std::span<const ParameterInfo> parameters() { return table; }

std::span<const std::string_view> solver_names() { return solvers; }

std::optional<std::size_t> find_parameter(std::string_view name) {
  const auto found = std::ranges::find(table, name, &ParameterInfo::name);
  if (found == table.end()) return std::nullopt;
  return static_cast<std::size_t>(found - table.begin());
}

}  // namespace amg
