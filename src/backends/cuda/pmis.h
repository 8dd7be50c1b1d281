#pragma once

#include "backends/cuda/cuda_space.h"
#include "setup/classical/pmis_rule.h"

namespace amg::cuda {

// On a graph S that has in row i whom i depends on; the number of every coarse point, and −1.
Array<std::int32_t> pmis(CudaSpace& space, const Pattern& S, Uninfluential uninfluential);
Array<std::int32_t> hmis(CudaSpace& space, const Pattern& S, Uninfluential uninfluential);

using Select = Array<std::int32_t> (*)(CudaSpace&, const Pattern&, Uninfluential);

// Selects in the graph of the strong connections, and once more among what has been selected there.
Array<std::int32_t> select_aggressively(CudaSpace& space, const Matrix& A,
                                        std::span<const std::uint8_t> strong, Select select);

// ---- what selectors consist of; a state is a PmisState

// The graph of the strong connections by itself.
Pattern strong_graph(CudaSpace& space, const Matrix& A, std::span<const std::uint8_t> strong);
Array<std::uint64_t> pmis_weights(CudaSpace& space, const Pattern& S);
// Makes every candidate coarse or fine.
void select_independent(CudaSpace& space, const Pattern& S, const Array<std::uint64_t>& weights,
                        const Array<std::int32_t>& states);
// Coarse points in the order of their rows.
Array<std::int32_t> number_coarse(CudaSpace& space, const Array<std::int32_t>& states);

}  // namespace amg::cuda
