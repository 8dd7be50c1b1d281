#pragma once

#include <cstdint>

#include "backends/cuda/bitonic_sort.cuh"

namespace amg::cuda {

// A set of non-negative numbers, open addressing in 2^bits slots, no more than half of them in use. A team fills it
// together: where a number ends up depends on who comes first, whether it is in does not.
class KeySet {
 public:
  static constexpr std::int32_t empty = -1;

  __device__ KeySet(std::int32_t* slots, int bits) : slots_(slots), bits_(bits) {}

  __device__ std::int64_t size() const { return std::int64_t{1} << bits_; }
  __device__ std::int32_t operator[](std::int64_t slot) const { return slots_[slot]; }

  template <class Team>
  __device__ void clear(Team team) const {
    team.for_each(0, size(), [&](std::int64_t s) { slots_[s] = empty; });
  }

  // Whether the key is new. The team has to sync before it looks for keys.
  __device__ bool insert(std::int32_t key) const {
    for (std::uint32_t s = home(key);; s = next(s)) {
      const std::int32_t seen = atomicCAS(slots_ + s, empty, key);
      if (seen == empty) return true;
      if (seen == key) return false;
    }
  }

  // The slot of the key, or -1.
  __device__ std::int64_t find(std::int32_t key) const {
    for (std::uint32_t s = home(key);; s = next(s)) {
      const std::int32_t seen = slots_[s];
      if (seen == key) return s;
      if (seen == empty) return -1;
    }
  }

  // Moves all keys to the first slots, ascending, which ends the set's life; returns their number.
  template <class Team>
  __device__ std::int64_t sort(Team team) const {
    std::int32_t* const keys = slots_;
    const std::int64_t count = team.compact(
        0, size(), [&](std::int64_t s) { return keys[s]; }, [](std::int32_t key) { return key != empty; },
        keys);
    bitonic_sort(team, keys, count);
    return count;
  }

 private:
  // Fibonacci hashing: neighbouring columns, which a row is full of, are spread out.
  __device__ std::uint32_t home(std::int32_t key) const {
    return (static_cast<std::uint32_t>(key) * 0x9e3779b9u) >> (32 - bits_);
  }
  __device__ std::uint32_t next(std::uint32_t s) const { return (s + 1) & (~0u >> (32 - bits_)); }

  std::int32_t* slots_;
  int bits_;
};

}  // namespace amg::cuda
