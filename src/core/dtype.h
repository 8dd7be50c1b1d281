#pragma once

#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

// Functions that decide the numbers compile for both execution spaces.
#ifdef __CUDACC__
#define AMG_HD __host__ __device__
#else
#define AMG_HD
#endif

namespace amg {

enum class DType : std::uint8_t { f32, f64 };

constexpr std::size_t size_of(DType dtype) { return dtype == DType::f32 ? 4 : 8; }
constexpr double epsilon(DType dtype) { return dtype == DType::f32 ? 0x1p-23 : 0x1p-52; }

template <class T>
inline constexpr DType dtype_of = std::same_as<T, float> ? DType::f32 : DType::f64;

// Calls f.operator()<T>() with the C++ type of dtype: the one place where types are erased and restored.
template <class F>
decltype(auto) visit(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return std::forward<F>(f).template operator()<float>();
    case DType::f64:
      return std::forward<F>(f).template operator()<double>();
  }
  throw std::logic_error("visit: not a dtype");
}

}  // namespace amg
