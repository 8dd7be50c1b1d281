#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg {

void HostSpace::gather(DType dtype, const void* values, std::span<const std::int64_t> source, void* out) {
  visit(dtype, [&]<class T>() {
    const T* const from = static_cast<const T*>(values);
    T* const to = static_cast<T*>(out);
    parallel_for(static_cast<std::int64_t>(source.size()), 1 << 14,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t k = begin; k < end; ++k)
                     to[k] = from[source[static_cast<std::size_t>(k)]];
                 });
  });
}

void HostSpace::gather_sums(DType dtype, const void* values, std::span<const std::int64_t> source,
                            std::span<const std::int64_t> first, void* out) {
  visit(dtype, [&]<class T>() {
    const T* const from = static_cast<const T*>(values);
    parallel_for(
        static_cast<std::int64_t>(first.size()) - 1, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
          for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
            T sum = 0;
            for (auto j = static_cast<std::size_t>(first[k]); j < static_cast<std::size_t>(first[k + 1]); ++j)
              sum += from[source[j]];
            static_cast<T*>(out)[k] = sum;
          }
        });
  });
}

bool HostSpace::equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  if (a.size() != b.size()) return false;
  std::atomic<bool> same = true;  // chunks that start after a difference was found have nothing to do
  parallel_for(static_cast<std::int64_t>(a.size()), 1 << 18, [&](std::int64_t begin, std::int64_t end) {
    if (same.load(std::memory_order_relaxed) &&
        std::memcmp(a.data() + begin, b.data() + begin, static_cast<std::size_t>(end - begin)) != 0)
      same.store(false, std::memory_order_relaxed);
  });
  return same;
}

}  // namespace amg
