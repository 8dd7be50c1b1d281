// Matrices of nodes and of scalars, one made of the other.

#include <functional>

#include "backends/host/host_space.h"
#include "backends/host/node_rows.h"

namespace amg {

// Traffic: A, and the pattern of nodes out
std::shared_ptr<const Pattern> HostSpace::node_pattern(const Pattern& A, std::int32_t k) {
  if (A.rows % k != 0 || A.cols % k != 0) return nullptr;
  const std::int64_t nodes = A.rows / k;
  const bool full = parallel_reduce(
      nodes, setup_rows, true,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          if (!blocks_are_full(A.offsets.data(), A.columns.data(), i, k)) return false;
        return true;
      },
      std::logical_and<>());
  if (!full) return nullptr;

  auto pattern = std::make_shared<Pattern>();
  pattern->rows = nodes;
  pattern->cols = A.cols / k;
  pattern->offsets = array<std::int64_t>(nodes + 1);
  pattern->columns = array<std::int32_t>(A.entries() / k / k);
  parallel_for_each(nodes + 1, setup_rows,
                    [&](std::int64_t i) { pattern->offsets[i] = A.offsets[i * k] / k / k; });
  parallel_for_each(nodes, setup_rows, [&](std::int64_t i) {
    const std::int32_t* const columns = A.columns.data() + A.offsets[i * k];
    for (std::int64_t e = pattern->offsets[i]; e < pattern->offsets[i + 1]; ++e)
      pattern->columns[e] = columns[(e - pattern->offsets[i]) * k] / k;
  });
  return pattern;
}

std::shared_ptr<const Pattern> HostSpace::component_pattern(const Pattern& nodes, std::int32_t k) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = nodes.rows * k;
  pattern->cols = nodes.cols * k;
  pattern->offsets = array<std::int64_t>(pattern->rows + 1);
  pattern->columns = array<std::int32_t>(nodes.entries() * k);
  parallel_for_each(nodes.rows, setup_rows, [&](std::int64_t i) {
    const std::int64_t begin = nodes.offsets[i], length = nodes.offsets[i + 1] - begin;
    for (std::int32_t c = 0; c < k; ++c) {
      const std::int64_t first = begin * k + c * length;
      pattern->offsets[i * k + c] = first;
      for (std::int64_t e = 0; e < length; ++e)
        pattern->columns[first + e] = nodes.columns[begin + e] * k + c;
    }
  });
  pattern->offsets[pattern->rows] = pattern->entries();
  return pattern;
}

// Traffic: A + N
void HostSpace::node_norms(const Matrix& A, CsrMatrix& N) {
  visit(A.dtype, [&]<class T>() {
    parallel_for_each(A.nodes(), setup_rows, [&](std::int64_t i) {
      const BlockRow<T> row(A, i);
      for (std::int64_t e = row.begin; e < row.end; ++e) N.as<T>()[e] = static_cast<T>(block_norm(row, i, e));
    });
  });
}

// Traffic: A's values that are taken + N
void HostSpace::component(const Matrix& A, std::int32_t c, CsrMatrix& N) {
  visit(A.dtype, [&]<class T>() {
    parallel_for_each(A.nodes(), setup_rows, [&](std::int64_t i) {
      const BlockRow<T> row(A, i);
      for (std::int64_t e = row.begin; e < row.end; ++e) N.as<T>()[e] = row.value(c, e)[c];
    });
  });
}

// Traffic: 2 N
void HostSpace::set_component(const Matrix& N, std::int32_t c, std::int32_t k, CsrMatrix& P) {
  visit(N.dtype, [&]<class T>() {
    parallel_for_each(N.rows, setup_rows, [&](std::int64_t i) {
      const std::int64_t begin = N.offsets[i], length = N.offsets[i + 1] - begin;
      std::copy_n(N.as<T>() + begin, length, P.as<T>() + begin * k + c * length);
    });
  });
}

}  // namespace amg
