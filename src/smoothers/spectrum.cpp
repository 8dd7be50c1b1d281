#include "smoothers/spectrum.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/scalar_set.h"

namespace amg {

namespace {

constexpr int arnoldi_steps = 10;

double value_of(Space& space, Scalar scalar) { return space.read({&scalar, 1})[0]; }

}  // namespace

double row_sum_bound(Space& space, const Matrix& A, Precondition M) {
  const WorkVector sums = space.vector(A.rows, 1, A.dtype), z = space.like(sums);
  const ScalarSet<1> scalars(space, 1);
  space.row_norms(A, false, static_cast<Vector>(sums).data);
  M(sums, z);
  space.norm(z, Norm::LMAX, scalars[0]);
  const double bound = value_of(space, scalars[0]);
  return bound > 0 ? bound : 1.0;  // nothing is smoothed where every diagonal entry is 0
}

Spectrum ritz_spectrum(Space& space, const Matrix& A, Precondition M) {
  const Operator op{A, {}, Mode::plain};
  const int steps = static_cast<int>(std::min<std::int64_t>(arnoldi_steps, A.rows));
  const WorkVector vectors = space.vector(A.rows * (steps + 1), 1, A.dtype);
  const auto basis = [&](int k) {
    const auto offset = static_cast<std::size_t>(k * A.rows) * size_of(A.dtype);
    return Vector{static_cast<Vector>(vectors).as<std::byte>() + offset, A.dtype, A.rows, 1};
  };
  const WorkVector w = space.vector(A.rows, 1, A.dtype), Av = space.like(w);
  const ScalarSet<1> scalars(space, 1);
  const Scalar h = scalars[0];

  space.random(w, 1);
  space.norm(w, Norm::L2, h);
  space.combine(basis(0), {{1 / value_of(space, h), w}});
  Eigen::MatrixXd H = Eigen::MatrixXd::Zero(steps + 1, steps);
  int k = 0;
  for (bool more = true; more && k < steps; ++k) {
    space.multiply(op, basis(k), Av);
    M(Av, w);
    for (int i = 0; i <= k; ++i) {
      space.dot(w, {{basis(i), h}});
      H(i, k) = value_of(space, h);
      space.combine(w, {{1, w}, {-H(i, k), basis(i)}});
    }
    space.norm(w, Norm::L2, h);
    H(k + 1, k) = value_of(space, h);
    // Rounding of ten products is what is left where the basis spans an invariant subspace.
    more = H(k + 1, k) > 100 * epsilon(A.dtype) * H.col(k).norm();
    if (more) space.combine(basis(k + 1), {{1 / H(k + 1, k), w}});
  }

  const Eigen::VectorXcd ritz = H.topLeftCorner(k, k).eigenvalues();
  const double largest = ritz.cwiseAbs().maxCoeff(), smallest = ritz.real().minCoeff();
  if (!(largest > 0)) return {0.5, 1.0};  // M A is nilpotent
  return {smallest > 0 ? smallest : largest / 8, 1.1 * largest};
}

bool is_symmetric(Space& space, const Matrix& A) {
  const Operator op{A, {}, Mode::plain};
  const WorkVector u = space.vector(A.rows, 1, A.dtype), v = space.like(u), Au = space.like(u),
                   Av = space.like(u);
  space.random(u, 2);
  space.random(v, 3);
  const ScalarSet<4> scalars(space, 1);
  space.multiply(op, u, Au, {{v, scalars[0]}, {Au, scalars[1]}});
  space.multiply(op, v, Av, {{u, scalars[2]}});
  space.dot(v, {{v, scalars[3]}});
  const std::vector<double> values = space.read(scalars.all());
  // |A u| is |A|_F times the deviation of an entry of u, and that is |v| / √n.
  return std::abs(values[0] - values[2]) <=
         0.01 * std::sqrt(values[1] * values[3] / static_cast<double>(A.rows));
}

double jacobi_bound(Space& space, const Matrix& A, const Buffer& diagonal) {
  const BlockDiagonal D(diagonal.data(), A.block_dim);
  const auto M = [&](ConstVector r, Vector z) { space.scale_rows(D, 1.0, r, z); };
  return A.block_dim == 1 ? row_sum_bound(space, A, M) : ritz_spectrum(space, A, M).high;
}

}  // namespace amg
