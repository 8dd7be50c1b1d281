#include <cstddef>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/key_set.cuh"
#include "backends/cuda/scan.h"
#include "backends/cuda/table_rows.cuh"
#include "backends/cuda/warp_team.cuh"
#include "setup/classical/d2_row.h"

namespace amg {

namespace cuda {

// What decides Ĉ_i.
struct D2Points {
  Matrix A;
  const std::uint8_t* strong;
  const std::int32_t* coarse;
  const std::int64_t* d1_offsets;
  const std::int32_t* d1_columns;

  // |Ĉ_i| if all C_k were disjoint.
  template <class Team>
  __device__ std::int64_t bound(Team team, std::int64_t i) const {
    std::int64_t points = 0;
    team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
      const std::int32_t k = A.columns[e];
      if (strong[e]) points += coarse[k] >= 0 ? 1 : d1_offsets[k + 1] - d1_offsets[k];
    });
    return team.sum(points);
  }

  // Puts Ĉ_i into a set; returns its size.
  template <class Team>
  __device__ std::int64_t collect(Team team, std::int64_t i, const KeySet& set) const {
    std::int64_t points = 0;
    set.clear(team);
    d2_points(team, A, strong, coarse, d1_offsets, d1_columns, i,
              [&](std::int32_t point) { points += set.insert(point) ? 1 : 0; });
    return team.sum(points);
  }
};

__device__ inline KeySet key_set(std::byte* table, int bits) {
  return {reinterpret_cast<std::int32_t*>(table), bits};
}

inline std::int64_t entries_per_row(const Matrix& A) { return A.rows > 0 ? A.entries / A.rows : 0; }

// Traffic: A in and P's values out; the rows of a row's neighbours come from cache.
template <class T>
void fill_d2(CudaSpace& space, const Matrix& A, const std::uint8_t* strong, const std::int32_t* coarse,
             const CsrMatrix& P) {
  const std::int64_t* offsets = P.pattern()->offsets.data();
  const std::int32_t* columns = P.pattern()->columns.data();
  T* const values = P.as<T>();
  const auto row_of_coarse = space.scratch<std::int32_t>(P.cols());
  std::int32_t* const row_of = row_of_coarse.data();
  for_each(space.stream(), A.rows, "values_d2: coarse rows", [=] __device__(std::int64_t i) {
    if (coarse[i] < 0) return;
    row_of[coarse[i]] = static_cast<std::int32_t>(i);
    values[offsets[i]] = 1;
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
        const double scale = d2_row<T>(team, A, strong, i, position, w, wanted);
        team.for_each(begin, end, [&](std::int64_t e) {
          values[e] = static_cast<T>(scale * w[position(row_of[columns[e]])]);
        });
      });
}

}  // namespace cuda

// Ĉ_i is formed twice, the first time to be counted: it may be much smaller than its bound. Traffic: five times the
// masks, 1 byte an entry, and A's columns where strong; C_k comes from cache.
std::shared_ptr<const Pattern> CudaSpace::pattern_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                                                     std::span<const std::int32_t> coarse_points) {
  const auto d1 = pattern_d1(A, strong, coarse_points);
  const std::int32_t* coarse = coarse_points.data();
  const cuda::D2Points hat{A, strong.data(), coarse, d1->offsets.data(), d1->columns.data()};
  const std::int64_t cols = d1->cols;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows;
  pattern->cols = cols;
  pattern->offsets = array<std::int64_t>(A.rows + 1);
  std::int64_t* const offsets = pattern->offsets.data();

  const auto bounds = scratch<std::int64_t>(A.rows);
  std::int64_t* const bound = bounds.data();
  cuda::for_each_row(stream_, A.rows, A.entries, "pattern_d2: bounds",
                     [=] __device__(auto team, std::int64_t i) {
                       const bool fine = coarse[i] < 0;
                       const std::int64_t points = fine ? hat.bound(team, i) : 0;
                       if (!team.leads()) return;
                       bound[i] = points < cols ? points : cols;
                       offsets[i] = fine ? 0 : 1;
                     });
  cuda::TableRows tables =
      cuda::group_by_table(*this, A.rows, [=] __device__(std::int64_t i) { return bound[i]; });
  cuda::for_each_table<sizeof(std::int32_t)>(
      *this, tables, cuda::entries_per_row(A), "pattern_d2: lengths",
      [=] __device__(auto team, std::int64_t i, std::byte* table, int bits) {
        const std::int64_t size = hat.collect(team, i, cuda::key_set(table, bits));
        if (team.leads()) offsets[i] = size;
      });

  pattern->columns = array<std::int32_t>(cuda::lengths_to_offsets(stream_, memory(), offsets, A.rows));
  std::int32_t* const columns = pattern->columns.data();
  cuda::for_each(stream_, A.rows, "pattern_d2: coarse rows", [=] __device__(std::int64_t i) {
    if (coarse[i] >= 0) columns[offsets[i]] = coarse[i];
  });
  tables = cuda::group_by_table(*this, A.rows, [=] __device__(std::int64_t i) {
    return coarse[i] < 0 ? offsets[i + 1] - offsets[i] : 0;
  });
  cuda::for_each_table<sizeof(std::int32_t)>(
      *this, tables, cuda::entries_per_row(A), "pattern_d2: columns",
      [=] __device__(auto team, std::int64_t i, std::byte* table, int bits) {
        const cuda::KeySet set = cuda::key_set(table, bits);
        hat.collect(team, i, set);
        const std::int64_t size = set.sort(team);
        team.for_each(0, size, [&](std::int64_t p) { columns[offsets[i] + p] = set[p]; });
      });
  return pattern;
}

void CudaSpace::values_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  visit(A.dtype, [&]<class T>() { cuda::fill_d2<T>(*this, A, strong.data(), coarse.data(), P); });
}

}  // namespace amg
