// Matrices of nodes and of scalars, one made of the other.

#include "backends/cuda/cuda_space.h"
#include "backends/cuda/node_rows.cuh"

namespace amg {

namespace {

bool all_blocks_are_full(CudaSpace& space, const Pattern& A, std::int32_t k) {
  const auto ragged = space.array<std::int32_t>(1);
  const std::int32_t none = 0;
  space.upload(std::as_bytes(std::span(&none, 1)), ragged.data());
  const std::int64_t* const offsets = A.offsets.data();
  const std::int32_t* const columns = A.columns.data();
  std::int32_t* const found = ragged.data();
  cuda::for_each(space.stream(), A.rows / k, "blocks are full", [=] __device__(std::int64_t i) {
    if (!blocks_are_full(offsets, columns, i, k)) *found = 1;  // whoever writes writes the same
  });
  return cuda::read_one(space.stream(), ragged.data()) == 0;
}

template <class T>
void node_norms_of(cudaStream_t stream, const Matrix& A, T* out) {
  cuda::for_each_row(stream, A.nodes(), A.by_nodes().entries, "node_norms",
                     [=] __device__(auto team, std::int64_t i) {
                       const BlockRow<T> row(A, i);
                       team.for_each(row.begin, row.end,
                                     [&](std::int64_t e) { out[e] = static_cast<T>(block_norm(row, i, e)); });
                     });
}

template <class T>
void component_of(cudaStream_t stream, const Matrix& A, std::int32_t c, T* out) {
  cuda::for_each_row(
      stream, A.nodes(), A.by_nodes().entries, "component", [=] __device__(auto team, std::int64_t i) {
        const BlockRow<T> row(A, i);
        team.for_each(row.begin, row.end, [&](std::int64_t e) { out[e] = row.value(c, e)[c]; });
      });
}

template <class T>
void set_component_of(cudaStream_t stream, const Matrix& N, std::int32_t c, std::int32_t k, T* out) {
  cuda::for_each_row(stream, N.rows, N.entries, "set_component", [=] __device__(auto team, std::int64_t i) {
    const std::int64_t begin = N.offsets[i], end = N.offsets[i + 1];
    T* const to = out + begin * k + c * (end - begin);
    team.for_each(begin, end, [&](std::int64_t e) { to[e - begin] = N.as<T>()[e]; });
  });
}

}  // namespace

// Traffic: A, and the pattern of nodes out
std::shared_ptr<const Pattern> CudaSpace::node_pattern(const Pattern& A, std::int32_t k) {
  if (A.rows % k != 0 || A.cols % k != 0 || !all_blocks_are_full(*this, A, k)) return nullptr;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = A.rows / k;
  pattern->cols = A.cols / k;
  pattern->offsets = array<std::int64_t>(pattern->rows + 1);
  pattern->columns = array<std::int32_t>(A.entries() / k / k);
  const std::int64_t* const from = A.offsets.data();
  const std::int32_t* const columns = A.columns.data();
  std::int64_t* const offsets = pattern->offsets.data();
  std::int32_t* const nodes = pattern->columns.data();
  cuda::for_each(stream_, pattern->rows + 1, "node offsets",
                 [=] __device__(std::int64_t i) { offsets[i] = from[i * k] / k / k; });
  cuda::for_each_row(
      stream_, pattern->rows, pattern->entries(), "node columns", [=] __device__(auto team, std::int64_t i) {
        team.for_each(offsets[i], offsets[i + 1],
                      [&](std::int64_t e) { nodes[e] = columns[from[i * k] + (e - offsets[i]) * k] / k; });
      });
  return pattern;
}

std::shared_ptr<const Pattern> CudaSpace::component_pattern(const Pattern& nodes, std::int32_t k) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = nodes.rows * k;
  pattern->cols = nodes.cols * k;
  pattern->offsets = array<std::int64_t>(pattern->rows + 1);
  pattern->columns = array<std::int32_t>(nodes.entries() * k);
  const std::int64_t* const from = nodes.offsets.data();
  const std::int32_t* const node = nodes.columns.data();
  std::int64_t* const offsets = pattern->offsets.data();
  std::int32_t* const columns = pattern->columns.data();
  const std::int64_t rows = pattern->rows, entries = pattern->entries();
  cuda::for_each(stream_, rows + 1, "component_pattern: offsets", [=] __device__(std::int64_t row) {
    const std::int64_t i = row / k, c = row % k;
    offsets[row] = row == rows ? entries : from[i] * k + c * (from[i + 1] - from[i]);
  });
  cuda::for_each_row(
      stream_, rows, entries, "component_pattern: columns", [=] __device__(auto team, std::int64_t row) {
        const std::int64_t begin = offsets[row];
        const auto c = static_cast<std::int32_t>(row % k);
        team.for_each(begin, offsets[row + 1],
                      [&](std::int64_t e) { columns[e] = node[from[row / k] + e - begin] * k + c; });
      });
  return pattern;
}

// Traffic: A + N
void CudaSpace::node_norms(const Matrix& A, CsrMatrix& N) {
  visit(A.dtype, [&]<class T>() { node_norms_of(stream_, A, N.as<T>()); });
}

// Traffic: A's values that are taken + N
void CudaSpace::component(const Matrix& A, std::int32_t c, CsrMatrix& N) {
  visit(A.dtype, [&]<class T>() { component_of(stream_, A, c, N.as<T>()); });
}

// Traffic: 2 N
void CudaSpace::set_component(const Matrix& N, std::int32_t c, std::int32_t k, CsrMatrix& P) {
  visit(N.dtype, [&]<class T>() { set_component_of(stream_, N, c, k, P.as<T>()); });
}

}  // namespace amg
