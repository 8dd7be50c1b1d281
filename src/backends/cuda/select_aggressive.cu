#include "backends/cuda/coarse_points.cuh"
#include "backends/cuda/cuda_space.h"
#include "backends/cuda/interpolation.cuh"
#include "backends/cuda/pmis.h"

namespace amg {

namespace cuda {

// Row c: the other coarse points that are in reach of coarse point c.
struct PathsBetweenCoarse {
  PointsInReach reach;
  const std::int32_t* row_of;

  __device__ std::int32_t only(std::int64_t) const { return -1; }
  template <class Team>
  __device__ std::int64_t bound(Team team, std::int64_t c) const {
    return reach.bound(team, row_of[c]);
  }
  template <class Team, class Visit>
  __device__ void visit(Team team, std::int64_t c, Visit&& f) const {
    reach.visit(team, row_of[c], [&](std::int32_t point) {
      if (point != c) f(point);
    });
  }
};

// As on the host: see there. Traffic: that of D2's pattern, for the rows of coarse points.
Array<std::int32_t> select_aggressively(CudaSpace& space, const Matrix& A,
                                        std::span<const std::uint8_t> strong, Select select) {
  auto selected = select(space, strong_graph(space, A, strong), Uninfluential::fine);
  const auto direct = space.pattern_d1(A, strong, selected.span());
  const std::int64_t count = direct->cols;
  const auto row_of = rows_of_coarse(space, selected.span(), count);
  const PointsInReach reach{A, strong.data(), selected.data(), direct->offsets.data(),
                            direct->columns.data()};
  const auto paths = collect_pattern(space, "select_aggressively: paths", count, count, entries_per_row(A),
                                     PathsBetweenCoarse{reach, row_of.data()});
  const auto second = select(space, *paths, Uninfluential::candidates);
  for_each(space.stream(), A.rows, "select_aggressively: numbers",
           [coarse = selected.data(), second = second.data()] __device__(std::int64_t i) {
             if (coarse[i] >= 0) coarse[i] = second[coarse[i]];
           });
  return selected;
}

}  // namespace cuda

Array<std::int32_t> CudaSpace::select_aggressive_pmis(const Matrix& A, std::span<const std::uint8_t> strong) {
  return cuda::select_aggressively(*this, A, strong, cuda::pmis);
}

Array<std::int32_t> CudaSpace::select_aggressive_hmis(const Matrix& A, std::span<const std::uint8_t> strong) {
  return cuda::select_aggressively(*this, A, strong, cuda::hmis);
}

}  // namespace amg
