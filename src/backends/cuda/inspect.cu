#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/inspection_row.h"

namespace amg {
namespace {

template <class T>
void inspect_rows(cudaStream_t stream, const Matrix& A, unsigned* found) {
  cuda::for_each_row(stream, A.rows, A.entries, "inspect", [=] __device__(auto team, std::int64_t i) {
    const unsigned of_row = inspect_row<T>(team, A, i);
    if (of_row && team.leads() && (*static_cast<volatile unsigned*>(found) & of_row) != of_row)
      atomicOr(found, of_row);
  });
}

}  // namespace

// Traffic: A's values and offsets
Inspection CudaSpace::inspect(const Matrix& A) {
  const auto found = array<unsigned>(1);
  cuda::check(cudaMemsetAsync(found.data(), 0, sizeof(unsigned), stream_), "clear");
  visit(A.dtype, [&]<class T>() { inspect_rows<T>(stream_, A, found.data()); });
  return inspection_of(cuda::read_one(stream_, found.data()));
}

}  // namespace amg
