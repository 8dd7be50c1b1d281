#include <cstddef>
#include <utility>

#include "backends/cuda/coarse_points.cuh"
#include "backends/cuda/cuda_space.h"
#include "setup/classical/energy_row.h"

namespace amg {

namespace cuda {

// Traffic of a sweep: A in, P's values in and out; the rows of a row's neighbours come from cache.
template <class T>
void fill_em(CudaSpace& space, const Matrix& A, const std::int32_t* coarse, const CsrMatrix& P) {
  const std::int64_t* offsets = P.pattern()->offsets.data();
  const std::int32_t* columns = P.pattern()->columns.data();
  const auto next_values = space.array<T>(P.entries());
  T *now = P.as<T>(), *next = next_values.data();
  for_each(space.stream(), A.rows, "values_em: start", [=] __device__(std::int64_t i) {
    for (std::int64_t f = offsets[i]; f < offsets[i + 1]; ++f)
      now[f] = next[f] = first_weight<T>(offsets[i + 1] - offsets[i]);
  });
  const TableRows tables = group_by_table(space, A.rows, [=] __device__(std::int64_t i) -> std::int64_t {
    return coarse[i] >= 0 ? 0 : offsets[i + 1] - offsets[i];
  });
  constexpr std::size_t bytes_per_slot = sizeof(double) + sizeof(std::int32_t);
  for (int sweep = 0; sweep < energy_sweeps; ++sweep, std::swap(now, next)) {
    Matrix weights = P;
    weights.values = now;
    for_each_table<bytes_per_slot>(
        space, tables, entries_per_row(A), "values_em",
        [=] __device__(auto team, std::int64_t i, std::byte* table, int bits) {
          const std::int64_t slots = std::int64_t{1} << bits;
          double* const gradient = reinterpret_cast<double*>(table);
          const KeySet points = key_set(reinterpret_cast<std::byte*>(gradient + slots), bits);
          points.clear(team);
          team.for_each(0, slots, [&](std::int64_t s) { gradient[s] = 0; });
          team.for_each(offsets[i], offsets[i + 1], [&](std::int64_t f) { points.insert(columns[f]); });
          energy_row(
              team, A, weights, coarse, i, [&](std::int32_t c) { return points.find(c); }, gradient, next);
        });
  }
}

}  // namespace cuda

void CudaSpace::values_em(const Matrix& A, std::span<const std::uint8_t>,
                          std::span<const std::int32_t> coarse, CsrMatrix& P) {
  visit(A.dtype, [&]<class T>() { cuda::fill_em<T>(*this, A, coarse.data(), P); });
}

}  // namespace amg
