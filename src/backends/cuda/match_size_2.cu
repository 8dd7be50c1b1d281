#include <thrust/iterator/transform_iterator.h>

#include <cub/device/device_reduce.cuh>
#include <utility>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/number_aggregates.cuh"
#include "backends/cuda/scan.h"
#include "setup/aggregation/size_2_rule.h"

namespace amg {

namespace cuda {

// Traffic: A twice, and a binary search in another row for every entry; 2 bytes an entry out.
template <class T>
void weigh_edges(CudaSpace& space, const Matrix& A, const MatchingOptions& options, std::uint16_t* weights) {
  const auto summed = space.array<Size2Row>(A.rows);
  Size2Row* const rows = summed.data();
  for_each(space.stream(), A.rows, "match_size_2: rows",
           [=] __device__(std::int64_t i) { rows[i] = size_2_row<T>(A, i); });
  for_each(space.stream(), A.rows, "match_size_2: weights", [=] __device__(std::int64_t i) {
    for (std::int64_t k = A.offsets[i]; k < A.offsets[i + 1]; ++k)
      weights[k] = size_2_entry_weight<T>(A, options, rows, i, k);
  });
}

void filter_edges(CudaSpace& space, const Matrix& A, double alpha, std::uint16_t* weights) {
  const auto maxima = space.array<double>(A.rows);
  double* const largest = maxima.data();
  for_each(space.stream(), A.rows, "match_size_2: largest weights",
           [=] __device__(std::int64_t i) { largest[i] = size_2_largest(A, weights, i); });
  for_each(space.stream(), A.rows, "match_size_2: filter",
           [=] __device__(std::int64_t i) { size_2_filter(A, alpha, largest, i, weights); });
}

struct IsUnassigned {
  __device__ std::int64_t operator()(std::int32_t root) const { return root == size_2_nobody ? 1 : 0; }
};

// Waits for the stream.
std::int64_t count_unassigned(CudaSpace& space, const Array<std::int32_t>& root) {
  const auto count = space.array<std::int64_t>(1);
  with_storage(space.memory(), "count unassigned rows", [&](void* storage, std::size_t& bytes) {
    return cub::DeviceReduce::Sum(storage, bytes,
                                  thrust::make_transform_iterator(root.data(), IsUnassigned()), count.data(),
                                  root.size(), space.stream());
  });
  return read_one(space.stream(), count.data());
}

}  // namespace cuda

// Handshaking as on the host, round by round: see there. A round reads the columns and weights of the rows whose
// choice is to be made anew.
Array<std::int32_t> CudaSpace::match_size_2(const Matrix& A, const MatchingOptions& options) {
  const std::int64_t n = A.rows;
  if (n == 0) return array<std::int32_t>(0);
  const auto edge_weights = array<std::uint16_t>(A.entries);
  visit(A.dtype, [&]<class T>() { cuda::weigh_edges<T>(*this, A, options, edge_weights.data()); });
  if (options.filter_weights_alpha > 0)
    cuda::filter_edges(*this, A, options.filter_weights_alpha, edge_weights.data());
  const auto roots = array<std::int32_t>(n);
  const auto choices = array<std::int32_t>(n);
  const std::uint16_t* const weights = edge_weights.data();
  std::int32_t* const root = roots.data();
  std::int32_t* const wanted = choices.data();
  cuda::for_each(stream_, n, "match_size_2: clear",
                 [=] __device__(std::int64_t i) { root[i] = size_2_nobody; });

  std::int64_t unassigned = n;
  for (std::int64_t round = 0; round < options.max_matching_iterations; ++round) {
    cuda::for_each(stream_, n, "match_size_2: choose", [=] __device__(std::int64_t i) {
      if (root[i] != size_2_nobody) return;
      if (round == 0 || (wanted[i] != size_2_nobody && root[wanted[i]] != size_2_nobody))
        wanted[i] = size_2_most_wanted(A, weights, root, i, false);
    });
    cuda::for_each(stream_, n, "match_size_2: pair", [=] __device__(std::int64_t i) {
      const std::int32_t j = wanted[i];
      if (root[i] != size_2_nobody || j == size_2_nobody || wanted[j] != i) return;
      root[i] = j < i ? j : static_cast<std::int32_t>(i);
    });
    const std::int64_t before = std::exchange(unassigned, cuda::count_unassigned(*this, roots));
    const auto tolerated = options.max_unassigned_percentage * static_cast<double>(n);
    if (unassigned == before || static_cast<double>(unassigned) < tolerated) break;
  }

  for (bool joining = options.merge_singletons && unassigned > 0; joining;) {
    cuda::for_each(stream_, n, "match_size_2: choose an aggregate", [=] __device__(std::int64_t i) {
      if (root[i] != size_2_nobody) return;
      const std::int32_t neighbour = size_2_most_wanted(A, weights, root, i, true);
      wanted[i] = neighbour == size_2_nobody ? size_2_nobody : root[neighbour];
    });
    cuda::for_each(stream_, n, "match_size_2: join", [=] __device__(std::int64_t i) {
      if (root[i] == size_2_nobody) root[i] = wanted[i];
    });
    const std::int64_t before = std::exchange(unassigned, cuda::count_unassigned(*this, roots));
    joining = unassigned > 0 && unassigned < before;
  }
  cuda::for_each(stream_, n, "match_size_2: alone", [=] __device__(std::int64_t i) {
    if (root[i] == size_2_nobody) root[i] = static_cast<std::int32_t>(i);
  });
  return cuda::number_aggregates(*this, root, n);
}

}  // namespace amg
