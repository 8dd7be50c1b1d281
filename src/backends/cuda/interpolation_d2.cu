#include <cstddef>

#include "backends/cuda/coarse_points.cuh"
#include "backends/cuda/cuda_space.h"
#include "backends/cuda/interpolation.cuh"

namespace amg {

namespace cuda {

// Row i of D2's pattern.
struct D2Rows {
  PointsInReach hat;

  __device__ std::int32_t only(std::int64_t i) const { return hat.coarse[i]; }
  template <class Team>
  __device__ std::int64_t bound(Team team, std::int64_t i) const {
    return hat.bound(team, i);
  }
  template <class Team, class Visit>
  __device__ void visit(Team team, std::int64_t i, Visit&& f) const {
    hat.visit(team, i, f);
  }
};

// Traffic: A in and P's values out; the rows of a row's neighbours come from cache.
template <class T>
void fill_d2(CudaSpace& space, const Matrix& A, const std::uint8_t* strong, const std::int32_t* coarse,
             const CsrMatrix& P) {
  const std::int64_t* offsets = P.pattern()->offsets.data();
  const std::int32_t* columns = P.pattern()->columns.data();
  T* const values = P.as<T>();
  const auto row_of_coarse = rows_of_coarse(space, {coarse, static_cast<std::size_t>(A.rows)}, P.cols());
  const std::int32_t* const row_of = row_of_coarse.data();
  for_each(space.stream(), A.rows, "values_d2: coarse rows", [=] __device__(std::int64_t i) {
    if (coarse[i] >= 0) values[offsets[i]] = 1;
  });

  const TableRows tables = group_by_table(space, A.rows, [=] __device__(std::int64_t i) -> std::int64_t {
    const std::int64_t size = offsets[i + 1] - offsets[i];
    return coarse[i] >= 0 || size == 0 ? 0 : size + 1;  // Ĉ_i ∪ {i}
  });
  constexpr std::size_t bytes_per_slot = sizeof(double) + sizeof(D2Entry) / 2 + sizeof(std::int32_t);
  for_each_table<bytes_per_slot>(
      space, tables, entries_per_row(A), "values_d2",
      [=] __device__(auto team, std::int64_t i, std::byte* table, int bits) {
        const std::int64_t slots = std::int64_t{1} << bits;
        double* const w = reinterpret_cast<double*>(table);
        D2Entry* const wanted = reinterpret_cast<D2Entry*>(w + slots);  // one for every key at most
        const KeySet points = key_set(reinterpret_cast<std::byte*>(wanted + slots / 2), bits);
        const std::int64_t begin = offsets[i], end = offsets[i + 1];

        points.clear(team);
        team.for_each(0, slots, [&](std::int64_t s) { w[s] = 0; });
        if (team.leads()) points.insert(static_cast<std::int32_t>(i));
        team.for_each(begin, end, [&](std::int64_t e) { points.insert(row_of[columns[e]]); });
        const auto position = [&](std::int32_t j) { return points.find(j); };
        const double scale = d2_row<T>(team, A, strong, i, position, w, slots, wanted);
        team.for_each(begin, end, [&](std::int64_t e) {
          values[e] = static_cast<T>(scale * w[position(row_of[columns[e]])]);
        });
      });
}

}  // namespace cuda

// Traffic: five times the masks, 1 byte an entry, and A's columns where strong; C_k comes from cache.
std::shared_ptr<const Pattern> CudaSpace::pattern_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                                                     std::span<const std::int32_t> coarse) {
  const auto d1 = pattern_d1(A, strong, coarse);
  const cuda::PointsInReach hat{A, strong.data(), coarse.data(), d1->offsets.data(), d1->columns.data()};
  return cuda::collect_pattern(*this, "pattern_d2", A.rows, d1->cols, cuda::entries_per_row(A),
                               cuda::D2Rows{hat});
}

void CudaSpace::values_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  visit(A.dtype, [&]<class T>() { cuda::fill_d2<T>(*this, A, strong.data(), coarse.data(), P); });
}

}  // namespace amg
