#include <algorithm>
#include <memory>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/pmis.h"
#include "backends/host/memory.h"
#include "setup/classical/first_pass.h"

namespace amg {

namespace cuda {

Pattern on_host(CudaSpace& space, const Pattern& S) {
  Pattern copy;
  copy.rows = S.rows;
  copy.cols = S.cols;
  copy.offsets = {host_memory(), S.rows + 1};
  copy.columns = {host_memory(), S.entries()};
  space.download(S.offsets.data(), std::as_writable_bytes(copy.offsets.span()));
  space.download(S.columns.data(), std::as_writable_bytes(copy.columns.span()));
  return copy;
}

// As on the host: see there. The first pass takes one point after the other, so the host does it. Traffic
// over the bus: S and Sᵀ, 4 bytes an entry and 8 a row each, and back 1 byte a row.
Array<std::int32_t> hmis(CudaSpace& space, const Pattern& S, Uninfluential uninfluential) {
  const auto weights = pmis_weights(space, S);
  const Array<std::uint8_t> first(host_memory(), S.rows);
  std::ranges::fill(first.span(), candidate);
  first_pass(on_host(space, S), on_host(space, *space.transpose(S).pattern), first.span());
  const auto passed = space.array<std::uint8_t>(S.rows);
  space.upload(std::as_bytes(first.span()), passed.data());
  const auto states = space.array<std::int32_t>(S.rows);
  for_each(space.stream(), S.rows, "hmis: states",
           [uninfluential, passed = passed.data(), weight = weights.data(),
            state = states.data()] __device__(std::int64_t i) {
             state[i] = passed[i] == candidate ? pmis_start(weight[i], uninfluential) : passed[i];
           });
  select_independent(space, S, weights, states);
  return number_coarse(space, states);
}

}  // namespace cuda

Array<std::int32_t> CudaSpace::select_hmis(const Matrix& A, std::span<const std::uint8_t> strong) {
  return cuda::hmis(*this, cuda::strong_graph(*this, A, strong), Uninfluential::fine);
}

}  // namespace amg
