#include <algorithm>
#include <vector>

#include "backends/host/host_space.h"
#include "core/arena.h"

namespace amg {

// Traffic: M + x + y. Either way M is walked along its rows, and every sum runs in the order of j.
void HostSpace::multiply_dense(const void* M, Mode mode, ConstVector x, Vector y) {
  const std::int64_t n = x.rows;
  const std::int64_t lanes = x.lanes;
  visit(x.dtype, [&]<class T>() {
    const T* m = static_cast<const T*>(M);
    parallel_for(n, std::max<std::int64_t>(1, (1 << 15) / n), [&](std::int64_t begin, std::int64_t end) {
      std::vector<double> sums(static_cast<std::size_t>((end - begin) * lanes), 0.0);
      const auto add = [&](std::int64_t i, std::int64_t j, T m_ij) {
        for (std::int64_t l = 0; l < lanes; ++l)
          sums[static_cast<std::size_t>((i - begin) * lanes + l)] +=
              static_cast<double>(m_ij) * static_cast<double>(x.as<T>()[j * lanes + l]);
      };
      if (mode == Mode::plain) {
        for (std::int64_t i = begin; i < end; ++i)
          for (std::int64_t j = 0; j < n; ++j) add(i, j, m[i * n + j]);
      } else {
        for (std::int64_t j = 0; j < n; ++j)
          for (std::int64_t i = begin; i < end; ++i) add(i, j, m[j * n + i]);
      }
      std::ranges::transform(sums, y.as<T>() + begin * lanes, [](double sum) { return static_cast<T>(sum); });
    });
  });
}

}  // namespace amg
