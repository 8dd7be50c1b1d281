#include <algorithm>

#include "backends/host/host_space.h"
#include "backends/host/pmis.h"
#include "core/arena.h"
#include "setup/classical/first_pass.h"

namespace amg {

// HMIS (De Sterck, Yang, Heys, the paper of PMIS): the coarse points of a first pass of Ruge and Stüben are
// PMIS's first set. On a single domain, which this is, PMIS then decides on those only whom no point depends
// on that is still undecided.
Array<std::int32_t> host::hmis(Space& space, const Pattern& S, Uninfluential uninfluential) {
  const auto weight = pmis_weights(space, S);
  auto state = space.array<std::uint8_t>(S.rows);
  std::ranges::fill(state.span(), candidate);
  first_pass(S, *space.transpose(S).pattern, state.span());
  parallel_for(S.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      if (state[i] == candidate) state[i] = pmis_start(weight[i], uninfluential);
  });
  select_independent(space, S, weight.span(), state.span());
  return number_coarse(space, state.span());
}

Array<std::int32_t> HostSpace::select_hmis(const Matrix& A, std::span<const std::uint8_t> strong) {
  return host::hmis(*this, host::strong_graph(*this, A, strong), Uninfluential::fine);
}

}  // namespace amg
