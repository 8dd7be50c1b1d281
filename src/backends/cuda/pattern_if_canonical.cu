#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"

namespace amg {

namespace {

// offsets[before + 1 … row] = k where the row number changes from `before` to `row`; out of order: *ok = 0.
void rows_of_coo(cudaStream_t stream, const InputMatrix& input, std::int64_t* offsets, int* ok) {
  const IndexArray rows = input.row_index;
  const std::int64_t n = input.rows, entries = input.stored;
  cuda::for_each(stream, entries + 1, "rows_of_coo", [=] __device__(std::int64_t k) {
    const std::int64_t before = k > 0 ? rows[k - 1] : -1;
    const std::int64_t row = k < entries ? rows[k] : n;
    if (row < before || before < -1 || (k < entries && (row < 0 || row >= n))) {
      *ok = 0;
      return;
    }
    for (std::int64_t i = before + 1; i <= row; ++i) offsets[i] = k;
  });
}

void rows_of_csr(cudaStream_t stream, const InputMatrix& input, std::int64_t* offsets, int* ok) {
  const IndexArray rows = input.row_index;
  const std::int64_t stored = input.stored < input.col_index.size ? input.stored : input.col_index.size;
  cuda::for_each(stream, input.rows + 1, "rows_of_csr", [=] __device__(std::int64_t i) {
    const std::int64_t offset = rows[i];
    if (offset < (i > 0 ? rows[i - 1] : 0) || offset > stored || (i == 0 && offset != 0)) *ok = 0;
    offsets[i] = offset;
  });
}

void columns_of(cudaStream_t stream, const InputMatrix& input, const std::int64_t* offsets,
                std::int32_t* columns, int* ok) {
  const IndexArray from = input.col_index;
  const std::int64_t n = input.rows;
  cuda::for_each(stream, n, "columns_of", [=] __device__(std::int64_t i) {
    std::int64_t lowest = 0;
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k) {
      const std::int64_t column = from[k];
      if (column < lowest || column >= n) *ok = 0;
      lowest = column + 1;
      columns[k] = static_cast<std::int32_t>(column);
    }
  });
}

}  // namespace

std::shared_ptr<const Pattern> CudaSpace::pattern_if_canonical(const InputMatrix& input) {
  const std::int64_t n = input.rows;
  const bool csr = input.format == InputMatrix::Format::csr;
  if (input.row_index.size != (csr ? n + 1 : input.stored) || input.col_index.size < (csr ? 0 : input.stored))
    return nullptr;
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = pattern->cols = n;
  pattern->offsets = array<std::int64_t>(n + 1);
  const auto ok = array<int>(1);
  cuda::check(cudaMemsetAsync(ok.data(), 1, sizeof(int), stream_), "set");
  (csr ? rows_of_csr : rows_of_coo)(stream_, input, pattern->offsets.data(), ok.data());
  // Offsets that are wrong must not be followed.
  if (!cuda::read_one(stream_, ok.data())) return nullptr;
  pattern->columns = array<std::int32_t>(cuda::read_one(stream_, pattern->offsets.data() + n));
  columns_of(stream_, input, pattern->offsets.data(), pattern->columns.data(), ok.data());
  return cuda::read_one(stream_, ok.data()) ? pattern : nullptr;
}

namespace {

template <class T>
void add_up(cudaStream_t stream, const T* values, std::span<const std::int64_t> source,
            std::span<const std::int64_t> first, T* out) {
  const std::int64_t* const from = source.data();
  const std::int64_t* const begin = first.data();
  cuda::for_each(stream, static_cast<std::int64_t>(first.size()) - 1, "gather_sums",
                 [=] __device__(std::int64_t k) {
                   T sum = 0;
                   for (std::int64_t j = begin[k]; j < begin[k + 1]; ++j) sum += values[from[j]];
                   out[k] = sum;
                 });
}

}  // namespace

void CudaSpace::gather_sums(DType dtype, const void* values, std::span<const std::int64_t> source,
                            std::span<const std::int64_t> first, void* out) {
  visit(dtype, [&]<class T>() {
    add_up(stream_, static_cast<const T*>(values), source, first, static_cast<T*>(out));
  });
}

}  // namespace amg
