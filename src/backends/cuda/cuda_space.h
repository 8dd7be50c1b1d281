#pragma once

#include <cuda_runtime.h>

#include "backends/cuda/memory.h"
#include "backends/cuda/reduction.h"
#include "core/device.h"
#include "core/space.h"

namespace amg {

// An NVIDIA GPU: every word is kernels on one stream. Words return before their work is done, except read(),
// download() and those whose result has a size that the host must know.
class CudaSpace final : public Space {
 public:
  // On the current device. One space runs on a thread at a time.
  CudaSpace(Workspace& workspace, cudaStream_t stream);

  cudaStream_t stream() const { return stream_; }

  std::pmr::memory_resource* memory() override { return cuda::device_memory(); }
  void upload(std::span<const std::byte> host, void* to) override;
  void download(const void* from, std::span<std::byte> host) override;
  void copy_bytes(std::span<const std::byte> from, void* to) override;
  void replay(Recording& recording, FunctionRef<void()> work) override;

  void fill(Vector x, double value) override;
  void copy(ConstVector x, Vector y) override;
  void identity(Vector x) override;
  void convert(Coefficient c, ConstVector x, Vector y) override;
  void random(Vector x, std::uint64_t seed) override;
  void combine(Vector y, std::initializer_list<Term> terms, Dots dots) override;
  void dot(ConstVector y, Dots dots) override;
  void norm(ConstVector x, Norm kind, Scalar out) override;
  void compute(Scalar active, std::span<const ScalarAssignment> program) override;

  void multiply(const Operator& A, ConstVector x, Vector y, Dots dots) override;
  void multiply_add(const Operator& A, ConstVector x, Vector y) override;
  void residual(const Operator& A, ConstVector b, ConstVector x, Vector r, Dots dots) override;
  void residual_scale(const Operator& A, ConstVector b, ConstVector x, Scalar out) override;
  std::int64_t dense_tail_rows() const override { return 512; }
  void multiply_dense(const void* M, Mode mode, ConstVector x, Vector y) override;

  void invert_diagonal(const Matrix& A, void* inverse) override;
  void invert_l1_diagonal(const Matrix& A, void* inverse) override;
  void scale_rows(const BlockDiagonal& inverse, double omega, ConstVector b, Vector y) override;
  void jacobi_sweep(const Operator& A, const BlockDiagonal& inverse, double omega, ConstVector b,
                    ConstVector x, Vector y) override;

  Coloring color_matrix(const Matrix& A, const Pattern* transposed, int distance) override;
  void gauss_seidel_sweep(const Operator& A, const Coloring& coloring, bool backwards,
                          const BlockDiagonal& inverse, double omega, ConstVector b, Vector x) override;
  void solve_factors(const Operator& F, const Coloring& coloring, const BlockDiagonal& inverse, ConstVector b,
                     Vector x) override;
  void factor_dilu(const Matrix& A, const Coloring& coloring, void* inverse) override;
  void factor_ilu(const Matrix& A, const Coloring& coloring, CsrMatrix& F, void* inverse) override;
  CsrMatrix triangle(const Matrix& A, const Coloring& coloring, Triangle which) override;

  void spai0_diagonal(const Matrix& A, void* diagonal) override;
  void invert_hybrid_diagonal(const Matrix& A, void* inverse) override;
  void row_norms(const Matrix& A, bool inverted, void* norms) override;
  void split_diagonal(std::span<const std::int32_t> coarse, DType dtype, std::int32_t block_dim,
                      const void* all, void* at_coarse, void* at_fine) override;
  void hybrid_gs_sweep(const Operator& A, const BlockDiagonal& inverse, double omega, bool backwards,
                       ConstVector b, ConstVector x, Vector y) override;

  std::shared_ptr<const Pattern> node_pattern(const Pattern& A, std::int32_t k) override;
  std::shared_ptr<const Pattern> component_pattern(const Pattern& nodes, std::int32_t k) override;
  std::shared_ptr<const Pattern> block_pattern(const Pattern& nodes, std::int32_t k, std::int32_t m) override;
  void node_norms(const Matrix& A, CsrMatrix& N) override;
  void component(const Matrix& A, std::int32_t c, CsrMatrix& N) override;
  void set_component(const Matrix& N, std::int32_t c, std::int32_t k, CsrMatrix& P) override;

  void row_scales(const Matrix& A, RowScale kind, void* scale, void* inverse) override;
  void scale_matrix(const Matrix& A, const void* left, const void* right, void* values) override;

  TransposedPattern transpose(const Pattern& pattern) override;
  void gather(DType dtype, const void* values, std::span<const std::int64_t> source, void* out) override;
  CsrMatrix product(const Matrix& A, const Matrix& B) override;
  void product_values(const Matrix& A, const Matrix& B, CsrMatrix& C) override;
  void clear_rounding(const Matrix& A, const Matrix& R, CsrMatrix& C) override;
  void gather_sums(DType dtype, const void* values, std::span<const std::int64_t> source,
                   std::span<const std::int64_t> first, void* out) override;
  std::shared_ptr<const Pattern> pattern_if_canonical(const InputMatrix& input) override;
  bool equal(std::span<const std::byte> a, std::span<const std::byte> b) override;
  void outer(const InputMatrix& A, ConstVector u, ConstVector v, void* out) override;
  Inspection inspect(const Matrix& A) override;
  bool is_symmetric(const Matrix& A) override;

  Array<std::uint8_t> strength_affinity(const Matrix& A, const StrengthOptions& options) override;
  Array<std::uint8_t> strength_ahat(const Matrix& A, const StrengthOptions& options) override;
  Array<std::uint8_t> strength_all(const Matrix& A, const StrengthOptions& options) override;
  Array<std::int32_t> select_pmis(const Matrix& A, std::span<const std::uint8_t> strong) override;
  Array<std::int32_t> select_hmis(const Matrix& A, std::span<const std::uint8_t> strong) override;
  Array<std::int32_t> select_cr(const Matrix& A, std::span<const std::uint8_t> strong) override;
  Array<std::int32_t> select_aggressive_pmis(const Matrix& A, std::span<const std::uint8_t> strong) override;
  Array<std::int32_t> select_aggressive_hmis(const Matrix& A, std::span<const std::uint8_t> strong) override;
  std::shared_ptr<const Pattern> pattern_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                                            std::span<const std::int32_t> coarse) override;
  void values_d1(const Matrix& A, std::span<const std::uint8_t> strong, std::span<const std::int32_t> coarse,
                 CsrMatrix& P) override;
  std::shared_ptr<const Pattern> pattern_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                                            std::span<const std::int32_t> coarse) override;
  void values_d2(const Matrix& A, std::span<const std::uint8_t> strong, std::span<const std::int32_t> coarse,
                 CsrMatrix& P) override;
  void values_em(const Matrix& A, std::span<const std::uint8_t> strong, std::span<const std::int32_t> coarse,
                 CsrMatrix& P) override;
  Passes passes(const Matrix& A, std::span<const std::uint8_t> strong,
                std::span<const std::int32_t> coarse) override;
  std::shared_ptr<const Pattern> pattern_step(const Matrix& A, std::span<const std::uint8_t> strong,
                                              std::span<const std::int32_t> pass) override;
  void values_step(const Matrix& A, std::span<const std::uint8_t> strong, std::span<const std::int32_t> pass,
                   CsrMatrix& W) override;
  CsrMatrix truncate(const Matrix& P, double factor, std::int64_t max_elements) override;

  Array<std::int32_t> match_size_2(const Matrix& A, const MatchingOptions& options) override;
  CsrMatrix piecewise_constant(std::span<const std::int32_t> aggregates, DType dtype) override;

  Array<std::uint8_t> strength_symmetric(const Matrix& A, double threshold) override;
  CsrMatrix filtered(const Matrix& A, std::span<const std::uint8_t> coupling) override;
  Array<std::int32_t> aggregate_neighbourhoods(const Matrix& A,
                                               std::span<const std::uint8_t> coupling) override;
  void orthonormalize(const Pattern& members, std::int32_t block_dim, ConstVector B, CsrMatrix& T,
                      Vector R) override;
  void smooth_prolongation(const Matrix& T, const void* inverse, double omega, CsrMatrix& P) override;

  std::vector<double> read(std::span<const Scalar> scalars) override;
  void write(Scalar scalar, std::span<const double> values) override;

 private:
  template <class T, class Finish>
  void row_sums(const Matrix& A, ConstVector x, Vector y, Dots dots, const char* name, Finish finish);
  cuda::Reduction reduction(std::int64_t blocks, std::int64_t width);

  cudaStream_t stream_;  // while a graph is recorded, the one that records
  cuda::StreamScope memory_scope_;
  bool recording_ = false;
  // Of the running reduction: counters, then sums. Those it has outgrown stay, as a graph may still use them.
  std::vector<Buffer> partials_;
  cuda::PinnedMemory pinned_;
};

// The GPU that is current when it is made, and a stream of it.
class CudaDevice final : public Device {
 public:
  explicit CudaDevice(cudaStream_t stream);

  std::unique_ptr<Space> space(Workspace& workspace) const override {
    return std::make_unique<CudaSpace>(workspace, stream_);
  }
  std::pmr::memory_resource* memory() const override { return cuda::device_memory(); }
  int id() const override { return ordinal_; }

 private:
  cudaStream_t stream_;
  int ordinal_;
};

}  // namespace amg
