#include <cmath>
#include <memory>
#include <utility>

#include "config/parameters.h"
#include "setup/coarsener.h"
#include "setup/node_matrix.h"
#include "smoothers/spectrum.h"

namespace amg {

namespace {

struct SmoothedOptions {
  double threshold;
  double damping;
};

// Smoothed aggregation (Vaněk, Mandel, Brezina, "Algebraic multigrid by smoothed aggregation for second and fourth
// order elliptic problems", 1996). Nodes are grouped around roots; on each group the tentative prolongation T has an
// orthonormal basis of the near null space B, so that B = T B_c; a step of Jacobi takes the energy out of its jumps:
//   P = (I − ω D⁻¹ F) T,  ω = damping / ρ(D⁻¹ F),  F being A without its negligible entries
// A coarse node has an unknown for each vector of B. Aggregates depend on the values through strength alone.
class SmoothedAggregation final : public Coarsener {
 public:
  explicit SmoothedAggregation(const SmoothedOptions& options) : options_(options) {}

  CsrMatrix setup(Space& space, const Matrix& A) override {
    const NodeMatrix nodes(space, A);
    coupling_ = space.strength_symmetric(nodes, options_.threshold);
    const Array<std::int32_t> aggregates = space.aggregate_neighbourhoods(nodes, coupling_.span());
    const CsrMatrix groups = space.piecewise_constant(aggregates.span(), A.dtype);
    vectors_ = number_of_vectors(A);
    members_ = space.transpose(*groups.pattern()).pattern;
    tentative_ = space.block_pattern(*groups.pattern(), A.block_dim, vectors_);
    CsrMatrix P;
    prolongate(space, A, P);
    return P;
  }

  bool refresh(Space& space, const Matrix& A, CsrMatrix& P) override {
    if (number_of_vectors(A) != vectors_) return false;
    const NodeMatrix nodes(space, A);
    const Array<std::uint8_t> coupling = space.strength_symmetric(nodes, options_.threshold);
    if (!space.equal(std::as_bytes(coupling.span()), std::as_bytes(coupling_.span()))) return false;
    prolongate(space, A, P);
    return true;
  }

  std::int32_t block_dim(const Matrix&) const override { return vectors_; }

  void annotate(Matrix& coarse) const override {
    coarse.near_nullspace = {near_nullspace_.data(), coarse.dtype, coarse.rows, vectors_};
  }

  std::size_t bytes() const override {
    return coupling_.bytes() + (members_ ? members_->bytes() + tentative_->bytes() : 0) +
           near_nullspace_.bytes();
  }

 private:
  static std::int32_t number_of_vectors(const Matrix& A) {
    return A.near_nullspace.data ? A.near_nullspace.lanes : A.block_dim;
  }

  // P for the aggregates that there are, on its pattern if it has one.
  void prolongate(Space& space, const Matrix& A, CsrMatrix& P) {
    CsrMatrix T = tentative(space, A);
    if (options_.damping == 0) {
      P = std::move(T);
      return;
    }
    const CsrMatrix filtered = filter(space, A);
    const Matrix F = filtered.pattern() ? filtered.view() : A;
    if (P.pattern())
      space.product_values(F, T, P);
    else
      P = space.product(F, T);
    smooth(space, F, T, P);
  }

  // T for A's near null space, or for the constants in each component; also makes that of the next level.
  CsrMatrix tentative(Space& space, const Matrix& A) {
    CsrMatrix T = space.matrix(tentative_, A.dtype);
    const Vector coarse = coarse_vectors(space, A.dtype);
    const ConstVector given = A.near_nullspace;
    if (given.data && given.dtype == A.dtype) {
      space.orthonormalize(*members_, A.block_dim, given, T, coarse);
    } else {
      const WorkVector B = space.vector(A.rows, vectors_, A.dtype);
      given.data ? space.convert(1.0, given, B) : space.identity(B);
      space.orthonormalize(*members_, A.block_dim, B, T, coarse);
    }
    return T;
  }

  Vector coarse_vectors(Space& space, DType dtype) {
    const std::int64_t rows = members_->rows * vectors_;
    near_nullspace_ = Buffer(space.memory(), static_cast<std::size_t>(rows * vectors_) * size_of(dtype));
    return {near_nullspace_.data(), dtype, rows, vectors_};
  }

  // Without its negligible entries a scalar matrix does to constants what it did, and P has fewer. Blocks stay: adding
  // some to the diagonal would keep translations, but not rotations.
  CsrMatrix filter(Space& space, const Matrix& A) const {
    return A.block_dim == 1 && options_.threshold > 0 ? space.filtered(A, coupling_.span()) : CsrMatrix();
  }

  void smooth(Space& space, const Matrix& A, const Matrix& T, CsrMatrix& P) const {
    const WorkVector inverse = space.vector(A.rows, 1, A.dtype);
    void* const diagonal = static_cast<Vector>(inverse).data;
    Matrix scalar = A;  // D is the diagonal of the rows, not of blocks
    scalar.block_dim = 1;
    space.invert_diagonal(scalar, diagonal);
    const double radius =
        ritz_spectrum(space, A, [&](ConstVector r, Vector z) { space.scale_rows(diagonal, 1.0, r, z); }).high;
    space.smooth_prolongation(T, diagonal, options_.damping / radius, P);
  }

  SmoothedOptions options_;
  std::int32_t vectors_ = 0;
  Array<std::uint8_t> coupling_;
  std::shared_ptr<const Pattern> members_;
  std::shared_ptr<const Pattern> tentative_;
  Buffer near_nullspace_;  // of the next level
};

}  // namespace

CoarsenerFactory make_smoothed_aggregation(const Scope& scope) {
  const SmoothedOptions options{.threshold = scope.get(param::aggregation_threshold),
                                .damping = scope.get(param::prolongation_damping)};
  // Coarse matrices have wider rows, whose entries are smaller.
  return [options](std::int64_t level) {
    return std::make_unique<SmoothedAggregation>(
        SmoothedOptions{std::ldexp(options.threshold, -static_cast<int>(level)), options.damping});
  };
}

}  // namespace amg
