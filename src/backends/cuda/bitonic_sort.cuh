#pragma once

#include <cstdint>

namespace amg::cuda {

// Sorts the first n keys, ascending, by a bitonic network over the next power of two, for which `keys` must have room.
// `run` is the length of what is sorted, up and down by turns, after a pass. What the team has written before the call
// it has to have seen.
template <class Team>
__device__ void bitonic_sort(Team team, std::int32_t* keys, std::int64_t n) {
  const int longest = team.longest(static_cast<int>(n));
  int size = 1;
  while (size < longest) size *= 2;
  for (int k = static_cast<int>(n) + team.rank(); k < size; k += Team::size) keys[k] = INT32_MAX;
  team.sync();
  for (int run = 2; run <= size; run *= 2)
    for (int step = run / 2; step > 0; step /= 2) {
      for (int pair = team.rank(); pair < size / 2; pair += Team::size) {
        const int low = 2 * pair - (pair & (step - 1)), high = low + step;
        const bool ascending = (low & run) == 0;
        const std::int32_t a = keys[low], b = keys[high];
        if ((a > b) != ascending) continue;
        keys[low] = b;
        keys[high] = a;
      }
      team.sync();
    }
}

}  // namespace amg::cuda
