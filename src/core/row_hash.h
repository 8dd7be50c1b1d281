#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace amg {

// 64 random bits for a row: a hash of its global number (the finaliser of SplitMix64), the same on every
// machine, thread count and distribution. Streams are independent of each other.
AMG_HD inline std::uint64_t row_hash(std::int64_t row, std::uint64_t stream) {
  std::uint64_t hash = static_cast<std::uint64_t>(row) + stream * 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

// Uniform in [-1, 1).
AMG_HD inline double random_number(std::int64_t row, std::uint64_t stream) {
  return static_cast<double>(row_hash(row, stream) >> 11) * 0x1p-52 - 1.0;
}

}  // namespace amg
