#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <span>
#include <utility>
#include <vector>

#include "amg/info.h"
#include "core/buffer.h"
#include "core/function_ref.h"
#include "core/input_matrix.h"
#include "core/inspection.h"
#include "core/matrix.h"
#include "core/scalars.h"
#include "core/vector.h"
#include "core/workspace.h"
#include "setup/aggregation/matching_options.h"
#include "setup/classical/strength_options.h"
#include "setup/coloring/coloring.h"
#include "setup/row_scale.h"

namespace amg {

// c · v, one term of a linear combination.
struct Term {
  Coefficient c;
  ConstVector v;
};

// out = <w, y>, conjugated in w, where y is the vector that the kernel has just produced.
struct Dot {
  ConstVector w;
  Scalar out;
};

// What Space::replay has recorded of one piece of work; belongs to one solve.
struct Recording {
  explicit Recording(bool work_is_fixed) : fixed(work_is_fixed) {}

  bool fixed;  // else the work may differ from call to call, or wait for the host, and just runs
  int calls = 0;
  std::shared_ptr<void> graph;
};

// In which pass of multipass interpolation a row comes: how many strong steps it is away from a coarse point, or −1
// where none leads there.
struct Passes {
  Array<std::int32_t> of_row;
  std::int32_t last = 0;
};

enum class Norm : std::uint8_t { L1, L2, LMAX };

using Dots = std::initializer_list<Dot>;

// The vocabulary of one execution space, and the context of one running call (its workspace, its stream).
//
// Algorithms above this line are written once, in these words; src/backends/<space>/ says what a word means
// there. Every word is deterministic: the same operands give the same bits, whatever the number of threads.
// Vectors may have any number of lanes; sums are accumulated in double.
class Space {
 public:
  explicit Space(Workspace& workspace) : workspace_(workspace) {}
  virtual ~Space() = default;
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  // ---- memory
  virtual std::pmr::memory_resource* memory() = 0;
  virtual void upload(std::span<const std::byte> host, void* to) = 0;
  virtual void download(const void* from, std::span<std::byte> host) = 0;  // waits until it is there
  virtual void copy_bytes(std::span<const std::byte> from, void* to) = 0;  // within the space

  WorkVector vector(std::int64_t rows, std::int32_t lanes, DType dtype) {
    return {workspace_, rows, lanes, dtype};
  }
  WorkVector like(ConstVector v) { return vector(v.rows, v.lanes, v.dtype); }
  template <class T>
  Array<T> array(std::int64_t size) {
    return {memory(), size};
  }

  // A matrix of this pattern with uninitialised values.
  CsrMatrix matrix(std::shared_ptr<const Pattern> pattern, DType dtype) {
    const auto entries = static_cast<std::size_t>(pattern->entries());
    return {std::move(pattern), Buffer(memory(), entries * size_of(dtype)), dtype};
  }

  // A's pattern, owned.
  std::shared_ptr<const Pattern> copy_pattern(const Matrix& A) {
    auto pattern = std::make_shared<Pattern>();
    pattern->rows = A.rows;
    pattern->cols = A.cols;
    pattern->offsets = array<std::int64_t>(A.rows + 1);
    pattern->columns = array<std::int32_t>(A.entries);
    pattern->block_dim = A.block_dim;
    if (A.block_dim > 1) pattern->nodes = copy_pattern(A.by_nodes());
    copy_bytes(std::as_bytes(std::span(A.offsets, pattern->offsets.span().size())), pattern->offsets.data());
    copy_bytes(std::as_bytes(std::span(A.columns, pattern->columns.span().size())), pattern->columns.data());
    return pattern;
  }

  // Runs work, the same kernels on the same operands at each call with this recording: a GPU replays them as one
  // graph. What work borrows from the workspace it gives back.
  virtual void replay(Recording& recording, FunctionRef<void()> work) = 0;

  // ---- vectors; traffic in vectors read + written
  virtual void fill(Vector x, double value) = 0;   // 0 + 1
  virtual void copy(ConstVector x, Vector y) = 0;  // 1 + 1
  virtual void identity(Vector x) = 0;             // lane l of row i is 1 if i mod lanes = l, else 0
  // y = c x in y's precision, which may be another than x's; a lane whose c is zero becomes zero
  virtual void convert(Coefficient c, ConstVector x, Vector y) = 0;  // 1 + 1
  // random_number(i, seed) in every lane of row i
  virtual void random(Vector x, std::uint64_t seed) = 0;
  // y = Σ c v; a term whose coefficient is zero in a lane is not looked at there, so a lane that has stopped is
  // not touched by what its others do. y may be one of the v.
  virtual void combine(Vector y, std::initializer_list<Term> terms, Dots dots = {}) = 0;
  virtual void dot(ConstVector y, Dots dots) = 0;  // 1 + |dots|
  virtual void norm(ConstVector x, Norm kind, Scalar out) = 0;
  // Lanes with active == 0 get 0; so does a division by 0.
  virtual void compute(Scalar active, std::span<const ScalarAssignment> program) = 0;
  void compute(Scalar active, std::initializer_list<ScalarAssignment> program) {
    compute(active, std::span(program.begin(), program.size()));
  }

  // ---- products; A counts 12 bytes an entry in float64, 8 in float32, and 8 a row
  virtual void multiply(const Operator& A, ConstVector x, Vector y, Dots dots = {}) = 0;  // y = A x
  virtual void multiply_add(const Operator& A, ConstVector x, Vector y) = 0;              // y += A x
  virtual void residual(const Operator& A, ConstVector b, ConstVector x, Vector r, Dots dots = {}) = 0;
  // out = ‖ |A| |x| + |b| ‖₂, the scale against which b − A x is rounding.
  virtual void residual_scale(const Operator& A, ConstVector b, ConstVector x, Scalar out) = 0;

  // Levels of so few rows cost less as one dense matrix than as many small kernels; 0 where kernels cost nothing.
  virtual std::int64_t dense_tail_rows() const = 0;
  // y = M x or Mᵀ x for a dense, row-major M of x.rows × x.rows
  virtual void multiply_dense(const void* M, Mode mode, ConstVector x, Vector y) = 0;

  // ---- smoothers
  // For a matrix of nodes "a_ii" is a diagonal block, |a_ij| of other nodes' entries counts row by row and is added to
  // the diagonal of a_ii, and an inverse is that of src/setup/block_row.h.
  // inverse[i] = 1 / a_ii, and 0 where the diagonal is 0 or absent: such a row is not smoothed.
  virtual void invert_diagonal(const Matrix& A, void* inverse) = 0;
  // inverse[i] = ±1 / (|a_i1| + |a_i2| + …), signed like a_ii, and 0 where that is 0 or absent.
  virtual void invert_l1_diagonal(const Matrix& A, void* inverse) = 0;
  // y = omega D⁻¹ b; with blocks, y and b must not overlap
  virtual void scale_rows(const BlockDiagonal& inverse, double omega, ConstVector b, Vector y) = 0;
  // y = x + omega D⁻¹ (b − A x); y and x must not overlap
  virtual void jacobi_sweep(const Operator& A, const BlockDiagonal& inverse, double omega, ConstVector b,
                            ConstVector x, Vector y) = 0;

  // ---- smoothers, color after color: rows of one color are independent, and run at once. In a matrix of nodes it is
  // nodes that have colors, and what stands for a row of one column stands for a node's block.
  // Rows of one color are further apart than `distance`, 1 or 2. The same colors in every space. `transposed` is
  // Aᵀ's pattern, or null where it is A's.
  virtual Coloring color_matrix(const Matrix& A, const Pattern* transposed, int distance) = 0;
  // x_i += omega inverse_i (b_i − Σ a_ij x_j) in place, in the order of the colors or backwards.
  virtual void gauss_seidel_sweep(const Operator& A, const Coloring& coloring, bool backwards,
                                  const BlockDiagonal& inverse, double omega, ConstVector b, Vector x) = 0;
  // x = (E + U)⁻¹ E (E + L)⁻¹ b, where L + U is F without its diagonal, split by the order of the colors, and
  // `inverse` E⁻¹; where that is 0, so is x.
  virtual void solve_factors(const Operator& F, const Coloring& coloring, const BlockDiagonal& inverse,
                             ConstVector b, Vector x) = 0;
  // E⁻¹ of the factors whose L and U are A's: (E + L) E⁻¹ (E + U) has the diagonal of A.
  virtual void factor_dilu(const Matrix& A, const Coloring& coloring, void* inverse) = 0;
  // The values of F, and E⁻¹: (E + L) E⁻¹ (E + U) is A where F has entries, but for those A lacks.
  virtual void factor_ilu(const Matrix& A, const Coloring& coloring, CsrMatrix& F, void* inverse) = 0;
  // The entries of a scalar A before or after the diagonal in the order of the colors, and the diagonal.
  virtual CsrMatrix triangle(const Matrix& A, const Coloring& coloring, Triangle which) = 0;

  // ---- smoothers with other diagonals, and inside blocks of rows
  // diagonal[i] = a_ii / Σ_j a_ij², or a_iiᵀ (Σ_j a_ij a_ijᵀ)⁻¹
  virtual void spai0_diagonal(const Matrix& A, void* diagonal) = 0;
  // inverse[i] = ±1 / (|a_ii| + ½ Σ |a_ij| over the j outside of i's block), signed like a_ii; 0 where a_ii is 0.
  virtual void invert_hybrid_diagonal(const Matrix& A, void* inverse) = 0;
  // norms[i] = Σ_j |a_ij|, or its inverse, 0 for a row of zeros
  virtual void row_norms(const Matrix& A, bool inverted, void* norms) = 0;
  // What `all` has at the coarse nodes (coarse[i] >= 0) and at the others, and zeros elsewhere.
  virtual void split_diagonal(std::span<const std::int32_t> coarse, DType dtype, std::int32_t block_dim,
                              const void* all, void* at_coarse, void* at_fine) = 0;
  // y_i = x_i + omega inverse_i (b_i − Σ_j a_ij z_j), row after row of a block of hybrid_block_rows, or backwards,
  // where z is y in the block and x outside; y and x must not overlap.
  virtual void hybrid_gs_sweep(const Operator& A, const BlockDiagonal& inverse, double omega, bool backwards,
                               ConstVector b, ConstVector x, Vector y) = 0;

  // ---- matrices of nodes
  // The pattern of the k × k blocks of A if all are full; else nothing.
  virtual std::shared_ptr<const Pattern> node_pattern(const Pattern& A, std::int32_t k) = 0;
  // What couples equal components of nodes with k each: a_(ik+c)(jk+c) for every entry of `nodes`.
  virtual std::shared_ptr<const Pattern> component_pattern(const Pattern& nodes, std::int32_t k) = 0;
  // Every entry of `nodes` becomes a full k × m block.
  virtual std::shared_ptr<const Pattern> block_pattern(const Pattern& nodes, std::int32_t k,
                                                       std::int32_t m) = 0;
  // N, on the pattern of A's nodes: what stands for A where nodes are compared. n_ij = −‖A_ij‖_F, and ‖A_ii‖_F on the
  // diagonal, as of an M-matrix.
  virtual void node_norms(const Matrix& A, CsrMatrix& N) = 0;
  // n_ij = a_(ik+c)(jk+c)
  virtual void component(const Matrix& A, std::int32_t c, CsrMatrix& N) = 0;
  // p_(ik+c)(jk+c) = n_ij, into the diagonal blocks of P
  virtual void set_component(const Matrix& N, std::int32_t c, std::int32_t k, CsrMatrix& P) = 0;

  // A pattern, which has just been made, as one of k × k blocks; nothing if some are not full.
  std::shared_ptr<const Pattern> in_blocks(std::shared_ptr<const Pattern> A, std::int32_t k) {
    if (k == 1) return A;
    const auto pattern = std::const_pointer_cast<Pattern>(std::move(A));  // nobody else has it yet
    pattern->nodes = node_pattern(*pattern, k);
    if (!pattern->nodes) return nullptr;
    pattern->block_dim = k;
    return pattern;
  }
  // Room for the diagonal blocks of A.
  Buffer diagonal_blocks(const Matrix& A) {
    return {memory(), static_cast<std::size_t>(A.rows * A.block_dim) * size_of(A.dtype)};
  }

  // ---- scaling (src/setup/scaling.h)
  // What is to be divided by, 1 where that is 0; and its inverse.
  virtual void row_scales(const Matrix& A, RowScale kind, void* scale, void* inverse) = 0;
  // The values of diag(left) A diag(right); they may be A's own.
  virtual void scale_matrix(const Matrix& A, const void* left, const void* right, void* values) = 0;

  // ---- sparse patterns and products
  virtual TransposedPattern transpose(const Pattern& pattern) = 0;
  virtual void gather(DType dtype, const void* values, std::span<const std::int64_t> source, void* out) = 0;
  virtual CsrMatrix product(const Matrix& A, const Matrix& B) = 0;  // A B, columns sorted
  // The values of A B into the pattern that product(A, B) found: the same bits.
  virtual void product_values(const Matrix& A, const Matrix& B, CsrMatrix& C) = 0;
  // Rows of C = R A P that are nothing but rounding become zeros (src/setup/rounding_row.h).
  virtual void clear_rounding(const Matrix& A, const Matrix& R, CsrMatrix& C) = 0;
  // out[k] = Σ values[source[j]] for first[k] <= j < first[k + 1], in this order
  virtual void gather_sums(DType dtype, const void* values, std::span<const std::int64_t> source,
                           std::span<const std::int64_t> first, void* out) = 0;
  virtual bool equal(std::span<const std::byte> a, std::span<const std::byte> b) = 0;
  // The pattern of a csr or coo matrix whose entries are in canonical order already: row by row, columns ascending
  // and none twice, nothing out of range, no padding but at the end. Else nothing.
  virtual std::shared_ptr<const Pattern> pattern_if_canonical(const InputMatrix& input) = 0;

  // out[k] = Σ over lanes of u[row k] v[column k] for the stored entries k of a csr or coo matrix: the outer product
  // u vᵀ where A has entries; padding gets 0.
  virtual void outer(const InputMatrix& A, ConstVector u, ConstVector v, void* out) = 0;
  virtual Inspection inspect(const Matrix& A) = 0;
  virtual bool is_symmetric(const Matrix& A) = 0;  // to the bit

  // ---- classical coarsening (src/setup/classical says what each means)
  virtual Array<std::uint8_t> strength_affinity(const Matrix& A, const StrengthOptions& options) = 0;
  virtual Array<std::uint8_t> strength_ahat(const Matrix& A, const StrengthOptions& options) = 0;
  virtual Array<std::uint8_t> strength_all(const Matrix& A, const StrengthOptions& options) = 0;
  virtual Array<std::int32_t> select_pmis(const Matrix& A, std::span<const std::uint8_t> strong) = 0;
  virtual Array<std::int32_t> select_hmis(const Matrix& A, std::span<const std::uint8_t> strong) = 0;
  virtual Array<std::int32_t> select_cr(const Matrix& A, std::span<const std::uint8_t> strong) = 0;
  virtual Array<std::int32_t> select_aggressive_pmis(const Matrix& A,
                                                     std::span<const std::uint8_t> strong) = 0;
  virtual Array<std::int32_t> select_aggressive_hmis(const Matrix& A,
                                                     std::span<const std::uint8_t> strong) = 0;
  virtual std::shared_ptr<const Pattern> pattern_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                                                    std::span<const std::int32_t> coarse) = 0;
  virtual void values_d1(const Matrix& A, std::span<const std::uint8_t> strong,
                         std::span<const std::int32_t> coarse, CsrMatrix& P) = 0;
  virtual std::shared_ptr<const Pattern> pattern_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                                                    std::span<const std::int32_t> coarse) = 0;
  virtual void values_d2(const Matrix& A, std::span<const std::uint8_t> strong,
                         std::span<const std::int32_t> coarse, CsrMatrix& P) = 0;
  virtual void values_em(const Matrix& A, std::span<const std::uint8_t> strong,
                         std::span<const std::int32_t> coarse, CsrMatrix& P) = 0;
  virtual Passes passes(const Matrix& A, std::span<const std::uint8_t> strong,
                        std::span<const std::int32_t> coarse) = 0;
  // The weights of every row on its strong neighbours of the pass before.
  virtual std::shared_ptr<const Pattern> pattern_step(const Matrix& A, std::span<const std::uint8_t> strong,
                                                      std::span<const std::int32_t> pass) = 0;
  virtual void values_step(const Matrix& A, std::span<const std::uint8_t> strong,
                           std::span<const std::int32_t> pass, CsrMatrix& W) = 0;
  virtual CsrMatrix truncate(const Matrix& P, double factor, std::int64_t max_elements) = 0;

  // ---- aggregation
  virtual Array<std::int32_t> match_size_2(const Matrix& A, const MatchingOptions& options) = 0;
  // The prolongation that is 1 from aggregates[i] to i; a row without an aggregate, −1, is empty.
  virtual CsrMatrix piecewise_constant(std::span<const std::int32_t> aggregates, DType dtype) = 0;

  // ---- smoothed aggregation (src/setup/aggregation/smoothed.cpp)
  // A Coupling for every entry.
  virtual Array<std::uint8_t> strength_symmetric(const Matrix& A, double threshold) = 0;
  // A without its negligible entries, which are added to the diagonal.
  virtual CsrMatrix filtered(const Matrix& A, std::span<const std::uint8_t> coupling) = 0;
  // Roots with their neighbours in the graph of strong entries, which is symmetric; −1 for rows without any.
  virtual Array<std::int32_t> aggregate_neighbourhoods(const Matrix& A,
                                                       std::span<const std::uint8_t> coupling) = 0;
  // B = T R on every aggregate, with orthonormal columns in T, whose pattern is there: `members` has in row a the nodes
  // of aggregate a, which have block_dim rows each.
  virtual void orthonormalize(const Pattern& members, std::int32_t block_dim, ConstVector B, CsrMatrix& T,
                              Vector R) = 0;
  // P = T − omega D⁻¹ A T, where P holds A T before.
  virtual void smooth_prolongation(const Matrix& T, const void* inverse, double omega, CsrMatrix& P) = 0;

  // ---- scalars
  virtual std::vector<double> read(std::span<const Scalar> scalars) = 0;  // all lanes of each; waits
  virtual void write(Scalar scalar, std::span<const double> values) = 0;
  // The same value in every lane, within the space: also where work is recorded.
  void fill(Scalar scalar, double value) { fill({scalar.data, DType::f64, 1, scalar.lanes}, value); }
  void clear(Scalar scalar) {
    write(scalar, std::vector<double>(static_cast<std::size_t>(scalar.lanes), 0.0));
  }

 protected:
  Workspace& workspace_;
};

}  // namespace amg
