#include <cstdint>

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"

namespace amg {
namespace {

template <class T>
void gather_from(cudaStream_t stream, const T* from, std::span<const std::int64_t> source, T* to) {
  const std::int64_t* const at = source.data();
  cuda::for_each(stream, static_cast<std::int64_t>(source.size()), "gather",
                 [=] __device__(std::int64_t k) { to[k] = from[at[k]]; });
}

constexpr std::size_t words_a_thread = 8;

// Words of 16 bytes, each thread's a grid's width of threads apart, and the bytes behind the last of them.
__global__ void __launch_bounds__(cuda::block_threads)
    differ_kernel(const std::byte* a, const std::byte* b, std::size_t size, bool aligned, int* differ) {
  const std::size_t words = aligned ? size / sizeof(uint4) : 0;
  const std::size_t stride = std::size_t{gridDim.x} * cuda::block_threads;
  const std::size_t first = std::size_t{blockIdx.x} * cuda::block_threads + threadIdx.x;
  bool found = false;
  for (std::size_t k = first; k < words; k += stride) {
    const uint4 x = reinterpret_cast<const uint4*>(a)[k], y = reinterpret_cast<const uint4*>(b)[k];
    found |= x.x != y.x || x.y != y.y || x.z != y.z || x.w != y.w;
  }
  for (std::size_t k = words * sizeof(uint4) + first; k < size; k += stride) found |= a[k] != b[k];
  if (found) atomicOr(differ, 1);
}

bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % alignof(uint4) == 0; }

}  // namespace

// Traffic: values, 8 bytes of source, out
void CudaSpace::gather(DType dtype, const void* values, std::span<const std::int64_t> source, void* out) {
  visit(dtype, [&]<class T>() {
    gather_from(stream_, static_cast<const T*>(values), source, static_cast<T*>(out));
  });
}

// Traffic: a + b
bool CudaSpace::equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  if (a.size() != b.size()) return false;
  if (a.empty()) return true;
  const auto differ = array<int>(1);
  cuda::check(cudaMemsetAsync(differ.data(), 0, sizeof(int), stream_), "clear");
  const unsigned blocks =
      cuda::blocks_for(static_cast<std::int64_t>(a.size() / (words_a_thread * sizeof(uint4)) + 1));
  differ_kernel<<<blocks, cuda::block_threads, 0, stream_>>>(
      a.data(), b.data(), a.size(), is_aligned(a.data()) && is_aligned(b.data()), differ.data());
  cuda::check_launch("equal");
  return cuda::read_one(stream_, differ.data()) == 0;
}

}  // namespace amg
