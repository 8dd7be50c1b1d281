#pragma once

#include "core/space.h"
#include "setup/classical/pmis_rule.h"

namespace amg::host {

// On a graph S that has in row i whom i depends on; the number of every coarse point, and −1.
Array<std::int32_t> pmis(Space& space, const Pattern& S, Uninfluential uninfluential);
Array<std::int32_t> hmis(Space& space, const Pattern& S, Uninfluential uninfluential);

using Select = Array<std::int32_t> (*)(Space&, const Pattern&, Uninfluential);

// Selects in the graph of the strong connections, and once more among what has been selected there.
Array<std::int32_t> select_aggressively(Space& space, const Matrix& A, std::span<const std::uint8_t> strong,
                                        Select select);

// ---- what selectors consist of

// The graph of the strong connections by itself: on coarse levels most of A is weak, and selectors read it
// many times.
Pattern strong_graph(Space& space, const Matrix& A, std::span<const std::uint8_t> strong);
Array<std::uint64_t> pmis_weights(Space& space, const Pattern& S);
// Makes every candidate coarse or fine.
void select_independent(Space& space, const Pattern& S, std::span<const std::uint64_t> weight,
                        std::span<std::uint8_t> state);
// Coarse points in the order of their rows.
Array<std::int32_t> number_coarse(Space& space, std::span<const std::uint8_t> state);

}  // namespace amg::host
