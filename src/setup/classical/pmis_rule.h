#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/row_hash.h"

namespace amg {

// What becomes of points that influence nobody.
enum class Uninfluential : std::uint8_t { fine, candidates };

// The first two are still undecided; a beaten point has a heavier undecided neighbour in this round. A number
// wide enough for a GPU's atomics is what its space keeps it in.
enum PmisState : std::uint8_t { candidate, beaten, coarse_point, fine_point };

// The weight of a point in PMIS: how many points depend on it, plus a random number in [0, 1). The whole part
// is the upper half of the word.
AMG_HD inline std::uint64_t pmis_weight(std::uint32_t influenced, std::int64_t row) {
  return (std::uint64_t{influenced} << 32) | (row_hash(row, 7) >> 32);
}

// Whether i goes before j; 32 random bits do tie now and then, and two neighbours must not both win.
AMG_HD inline bool pmis_beats(std::uint64_t weight_i, std::int64_t i, std::uint64_t weight_j,
                              std::int64_t j) {
  return weight_i != weight_j ? weight_i > weight_j : i < j;
}

// What an undecided point of this weight starts as.
AMG_HD inline PmisState pmis_start(std::uint64_t weight, Uninfluential uninfluential) {
  return weight >> 32 == 0 && uninfluential == Uninfluential::fine ? fine_point : candidate;
}

}  // namespace amg
