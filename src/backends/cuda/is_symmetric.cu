#include "backends/cuda/cuda_space.h"
#include "backends/cuda/warp_team.cuh"
#include "setup/symmetry_row.h"

namespace amg {
namespace {

template <class T>
void compare_rows(cudaStream_t stream, const Matrix& A, unsigned* differ) {
  cuda::for_each_row(stream, A.rows, A.entries, "is symmetric", [=] __device__(auto team, std::int64_t i) {
    if (!is_mirrored_row<T>(team, A, i) && team.leads()) *differ = 1;
  });
}

}  // namespace

// Traffic: A once; a_ji comes from cache where the pattern is local
bool CudaSpace::is_symmetric(const Matrix& A) {
  if (A.rows != A.cols) return false;
  const auto differ = array<unsigned>(1);
  cuda::check(cudaMemsetAsync(differ.data(), 0, sizeof(unsigned), stream_), "clear");
  visit(A.dtype, [&]<class T>() { compare_rows<T>(stream_, A, differ.data()); });
  return cuda::read_one(stream_, differ.data()) == 0;
}

}  // namespace amg
