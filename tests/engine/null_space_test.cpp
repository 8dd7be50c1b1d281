// Singular systems: projections, what tells a null vector, and solves on the quotient, against dense answers.
#include "method/null_space.h"

#include <gtest/gtest.h>

#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "linear_solver.h"
#include "problems.h"
#include "setup/hierarchy.h"
#include "space_fixture.h"

namespace amg {
namespace {

using Matrix2 = Eigen::MatrixXd;

// Neumann on nx × ny × nz points: the diagonal of Dirichlet's matrix less one for each neighbour outside.
Sparse neumann(int nx, int ny, int nz) {
  problems::Entries entries;
  const auto at = [&](int x, int y, int z) { return x + nx * (y + ny * z); };
  const auto couple = [&](int i, int j) {
    for (const auto& [row, col, value] : {std::tuple{i, i, 1.0}, {j, j, 1.0}, {i, j, -1.0}, {j, i, -1.0}})
      entries.emplace_back(row, col, value);
  };
  for (int z = 0; z < nz; ++z)
    for (int y = 0; y < ny; ++y)
      for (int x = 0; x < nx; ++x) {
        if (x + 1 < nx) couple(at(x, y, z), at(x + 1, y, z));
        if (y + 1 < ny) couple(at(x, y, z), at(x, y + 1, z));
        if (z + 1 < nz) couple(at(x, y, z), at(x, y, z + 1));
      }
  return problems::from_entries(nx * ny * nz, entries);
}

// `copies` of A side by side, their rows interleaved: row i · copies + c belongs to copy c.
Sparse interleaved(const Sparse& A, int copies) {
  problems::Entries entries;
  for (int i = 0; i < A.rows(); ++i)
    for (Sparse::InnerIterator a(A, i); a; ++a)
      for (int c = 0; c < copies; ++c)
        entries.emplace_back(i * copies + c, static_cast<int>(a.col()) * copies + c, a.value());
  return problems::from_entries(static_cast<int>(A.rows()) * copies, entries);
}

// Null spaces in the memory of a space: orthonormal vectors as the rows of a matrix, one component per copy.
class Declared {
 public:
  Declared(Site& site, const Lanes& right, const Lanes& left, int components)
      : right_(site.upload(right)), left_(site.upload(left)) {
    const auto rows = static_cast<std::int32_t>(right.cols());
    constexpr std::int32_t run = 100;
    std::vector<std::int32_t> run_of_row, component_of_run;
    const std::int32_t runs = (rows / components + run - 1) / run;
    for (std::int32_t i = 0; i < rows; ++i)
      run_of_row.push_back(i % components * runs + i / components / run);
    for (std::int32_t r = 0; r < runs * components; ++r) component_of_run.push_back(r / runs);
    run_of_row_ = send(site, run_of_row);
    component_of_run_ = send(site, component_of_run);
    null = {.right = static_cast<Vector>(right_).data,
            .left = static_cast<Vector>(left_).data,
            .right_count = static_cast<std::int32_t>(right.rows()),
            .left_count = static_cast<std::int32_t>(left.rows()),
            .run_of_row = run_of_row_.span(),
            .component_of_run = component_of_run_.span()};
  }

  NullSpaces null;

 private:
  static Array<std::int32_t> send(Site& site, const std::vector<std::int32_t>& values) {
    auto array = site.space().array<std::int32_t>(std::ssize(values));
    site.space().upload(std::as_bytes(std::span(values)), array.data());
    return array;
  }

  OwnedVector right_, left_;
  Array<std::int32_t> run_of_row_, component_of_run_;
};

// Ones in every component, orthonormal there.
Lanes constant(std::int64_t rows, int components) {
  return Lanes::Constant(1, rows, 1 / std::sqrt(static_cast<double>(rows) / components));
}

class NullSpaceTest : public SpaceTest {
 protected:
  struct Result {
    SolveInfo info;
    Lanes x;
  };

  Result solve(const std::string& config, const Sparse& A, const Lanes& b, const Declared* declared = nullptr,
               bool transposed = false) {
    LinearSolver solver(Config::parse(config));
    const CsrMatrix matrix = site.upload(A), transpose = site.upload(Sparse(A.transpose()));
    const OwnedVector rhs = site.upload(b), x = site.upload(Lanes(Lanes::Zero(b.rows(), b.cols())));
    solver.setup(space, matrix);
    solver.prepare_transpose(space, {matrix, transpose, Mode::transposed});
    Demands demands;
    if (declared) demands.null = declared->null;
    const Operator op{matrix, transpose, transposed ? Mode::transposed : Mode::plain};
    SolveInfo info = solver.solve(space, op, rhs, x, nullptr, demands);
    return {std::move(info), site.download(x)};
  }

  std::string method(const std::string& name, const std::string& amg = "") const {
    return "solver(main)=" + name +
           ", main:convergence=RELATIVE_INI, main:monitor_residual=1, main:max_iters=100"
           ", main:tolerance=" +
           std::to_string(GetParam().dtype == DType::f32 ? 1e-4 : 1e-6) +
           ", main:preconditioner(amg)=AMG, amg:max_iters=1" + amg;
  }
};

AMG_IN_EVERY_SPACE(NullSpaceTest);

TEST_P(NullSpaceTest, RemovesEveryVectorInEveryComponent) {
  constexpr int components = 3, rows = 999 * components;
  // Two vectors, orthonormal in each component: by Gram and Schmidt, row by row.
  Lanes Q = problems::random_lanes(2, rows);
  for (int c = 0; c < components; ++c) {
    const auto part = [&](int j) { return Q(j, Eigen::seqN(c, rows / components, components)); };
    part(0) /= part(0).norm();
    part(1) -= part(0).dot(part(1)) * part(0);
    part(1) /= part(1).norm();
  }
  const Lanes x = site.rounded(problems::random_lanes(rows, 5));
  Lanes expected = x;
  for (int c = 0; c < components; ++c)
    for (int j = 0; j < 2; ++j) {
      const Eigen::RowVectorXd q = Q(j, Eigen::seqN(c, rows / components, components));
      const Lanes part = x(Eigen::seqN(c, rows / components, components), Eigen::all);
      expected(Eigen::seqN(c, rows / components, components), Eigen::all) -= q.transpose() * (q * part);
    }
  const Declared declared(site, Q, Q, components);
  const Quotient quotient(space, site.dtype, declared.null);
  const OwnedVector v = site.upload(x);
  quotient.right->remove(space, v);
  EXPECT_LE((site.download(v) - expected).norm(), 10 * eps * x.norm());
}

TEST_P(NullSpaceTest, IsAnotherForAScaledMatrix) {
  const int rows = 700;
  const Lanes q = problems::random_lanes(1, rows).rowwise().normalized();
  const Lanes d = site.rounded(Lanes(problems::random_lanes(rows, 1, 1).array().exp()));
  const Lanes inverse = site.rounded(Lanes(d.cwiseInverse()));
  const Lanes x = site.rounded(problems::random_lanes(rows, 3));
  const Lanes part = q * (d.col(0).asDiagonal() * x);
  const Lanes expected = x - inverse.col(0).asDiagonal() * (q.transpose() * part);

  const Declared declared(site, q, q, 1);
  const Quotient quotient(space, site.dtype, declared.null);
  const OwnedVector scale = site.upload(d), inverted = site.upload(inverse), v = site.upload(x);
  quotient.right->scaled(space, static_cast<Vector>(scale).data, static_cast<Vector>(inverted).data)
      .remove(space, v);
  EXPECT_LE((site.download(v) - expected).norm(), 20 * eps * x.norm());
}

// Where a component has one coarse point left its row is zero, and what the products leave there is rounding. A row that
// is none has conductances of the size that the finest level has.
TEST_P(NullSpaceTest, NoLevelHoldsRowsOfRounding) {
  const Sparse A = site.rounded(Sparse(interleaved(neumann(9, 7, 1), 5) / 3.0));
  const std::vector<std::string> methods{
      "selector=PMIS, o:interpolator=D2", "selector=PMIS, o:interpolator=D1",
      "selector=HMIS, o:interpolator=D2", "algorithm=AGGREGATION, o:selector=SIZE_2"};
  for (const std::string& keys : methods) {
    SCOPED_TRACE(keys);
    Hierarchy hierarchy(
        Config::parse("solver(o)=AMG, o:dense_lu_num_rows=1, o:smoother=BLOCK_JACOBI, o:" + keys)
            .outer()
            .scope);
    hierarchy.setup(space, site.upload(A));
    int zero_rows = 0;
    for (std::size_t l = 1; l < hierarchy.size(); ++l) {
      const Sparse coarse = site.download(hierarchy[l].A);
      for (int i = 0; i < coarse.rows(); ++i) {
        const double a = coarse.coeff(i, i);
        EXPECT_TRUE(a == 0.0 || a > 1e-2) << "level " << l << ": " << a;
        zero_rows += a == 0.0;
      }
    }
    EXPECT_GT(zero_rows, 0);
  }
}

// Of the declared vectors one is the row's unit vector, or none is.
TEST_P(NullSpaceTest, ARowOfZerosIsNoFaultWhereItIsDeclared) {
  const Sparse line = neumann(20, 1, 1);
  problems::Entries entries;
  for (int i = 0; i < line.rows(); ++i)
    for (Sparse::InnerIterator a(line, i); a; ++a)
      entries.emplace_back(i, static_cast<int>(a.col()), a.value());
  const Sparse A = problems::from_entries(21, entries);
  Lanes basis = Lanes::Zero(2, 21);
  basis.row(0).head(20).setConstant(1 / std::sqrt(20.0));
  basis(1, 20) = 1;
  const Declared both(site, basis, basis, 1), one(site, basis.topRows(1), basis.topRows(1), 1);
  const Lanes b = problems::random_lanes(21, 2);
  const Matrix2 pinv = Matrix2(A).completeOrthogonalDecomposition().pseudoInverse();
  const auto said = solve(method("PCG"), A, b, &both);
  EXPECT_EQ(said.info.status, std::vector(2, Status::success));
  // κ ≤ 4 / (4 sin²(π / 40)) = 163 times the tolerance
  EXPECT_LE((said.x - pinv * b).norm(), 163 * 1e-4 * (pinv * b).norm());
  EXPECT_EQ(solve(method("PCG"), A, b, &one).info.reason[0], Reason::zero_row);
  EXPECT_EQ(solve(method("PCG"), A, b).info.reason[0], Reason::zero_row);
}

TEST_P(NullSpaceTest, OneFixedPointTellsDirichletFromNeumann) {
  const int n = 300;
  Sparse A = neumann(n, n, 1);
  for (const bool singular : {true, false}) {
    if (!singular) A.coeffRef(n, n) += 1;
    const CsrMatrix matrix = site.upload(A);
    const OwnedVector ones = site.upload(problems::ones(n * n));
    EXPECT_EQ(vanishes(space, {matrix, {}, Mode::plain}, ones), singular);
  }
}

TEST_P(NullSpaceTest, SolutionIsThePseudoInverses) {
  const Sparse A = interleaved(neumann(9, 7, 1), 2);
  const Declared declared(site, constant(A.rows(), 2), constant(A.rows(), 2), 2);
  const Lanes b = problems::random_lanes(A.rows(), 3);
  const Matrix2 pinv = Matrix2(A).completeOrthogonalDecomposition().pseudoInverse();
  for (const std::string name : {"PCG", "PBICGSTAB", "FGMRES", "IDR", "AMG", "CG"}) {
    const auto [info, x] = solve(method(name), A, b, &declared);
    EXPECT_EQ(info.status, std::vector(3, Status::success)) << name;
    // κ ≤ 8 / (4 sin²(π / 18)) = 67 times the tolerance
    EXPECT_LE((x - pinv * b).norm(), 67 * 1e-4 * (pinv * b).norm()) << name;
    for (int l = 0; l < 3; ++l) {
      const Eigen::VectorXd unreachable = b.col(l) - Matrix2(A) * (pinv * b.col(l));
      EXPECT_NEAR(info.inconsistency[static_cast<std::size_t>(l)], unreachable.norm() / b.col(l).norm(),
                  100 * eps);
    }
  }
}

// The rows of A sum to 0, its columns do not; the two null spaces change places with the transpose.
TEST_P(NullSpaceTest, TransposedSolveSwapsTheNullSpaces) {
  const int n = 40;
  Sparse A = neumann(n, 1, 1);
  for (int i = 0; i < n; ++i) {
    const double wind = 1 + 0.5 * std::sin(i);
    A.coeffRef(i, i) += wind;
    A.coeffRef(i, (i + n - 1) % n) -= wind;
  }
  A.makeCompressed();
  const Matrix2 dense = A;
  const Eigen::JacobiSVD<Matrix2> svd(dense, Eigen::ComputeFullU | Eigen::ComputeFullV);
  const Lanes right = svd.matrixV().col(n - 1).transpose(), left = svd.matrixU().col(n - 1).transpose();
  const double condition = svd.singularValues()[0] / svd.singularValues()[n - 2];
  const Matrix2 pinv = dense.completeOrthogonalDecomposition().pseudoInverse();
  const Lanes b = problems::random_lanes(n, 1);
  const double bound = condition * (GetParam().dtype == DType::f32 ? 1e-4 : 1e-6);

  const Declared plain(site, right, left, 1), swapped(site, left, right, 1), wrong(site, right, right, 1);
  const auto forward = solve(method("PBICGSTAB"), A, b, &plain);
  EXPECT_EQ(forward.info.status[0], Status::success);
  EXPECT_LE((forward.x - pinv * b).norm(), bound * (pinv * b).norm());
  const auto backward = solve(method("PBICGSTAB"), A, b, &swapped, true);
  EXPECT_EQ(backward.info.status[0], Status::success);
  EXPECT_LE((backward.x - pinv.transpose() * b).norm(), bound * (pinv.transpose() * b).norm());

  EXPECT_EQ(solve(method("PBICGSTAB"), A, b, &wrong).info.reason[0], Reason::transpose_nullspace);
  EXPECT_EQ(solve(method("PBICGSTAB"), A, b, &plain, true).info.reason[0], Reason::nullspace);
}

// The nearest regular matrix holds one point. Also where the coarsest level has one row, and nothing in it but rounding.
TEST_P(NullSpaceTest, MultigridOnNeumannIsAsGoodAsOnARegularMatrix) {
  for (const Sparse& singular : {neumann(64, 64, 1), neumann(16, 16, 16)}) {
    Sparse regular = singular;
    regular.coeffRef(0, 0) += 1;
    const Lanes b = singular * problems::random_lanes(singular.rows(), 1);
    const Declared declared(site, constant(b.rows(), 1), constant(b.rows(), 1), 1);
    for (const std::string name : {"PCG", "PBICGSTAB", "FGMRES"})
      for (const std::string amg :
           {", amg:algorithm=CLASSICAL, amg:interpolator=D2, amg:selector=PMIS, amg:dense_lu_num_rows=1",
            ", amg:algorithm=CLASSICAL, amg:interpolator=D1, amg:selector=PMIS, amg:dense_lu_num_rows=20",
            ", amg:algorithm=AGGREGATION, amg:selector=SIZE_2, amg:dense_lu_num_rows=10"}) {
        const int most = solve(method(name, amg), regular, b).info.iterations[0] + 3;
        const auto said = solve(method(name, amg), singular, b, &declared);
        EXPECT_EQ(said.info.status[0], Status::success) << name << amg;
        EXPECT_LE(said.info.iterations[0], most) << name << amg;
        const auto unsaid = solve(method(name, amg), singular, b);
        EXPECT_EQ(unsaid.info.status[0], Status::success) << name << amg;
        EXPECT_EQ(unsaid.info.reason[0], Reason::singular) << name << amg;
        EXPECT_LE(unsaid.info.iterations[0], most) << name << amg;
      }
  }
}

// Many components, more than the coarsest level would have rows if they were one.
TEST_P(NullSpaceTest, MultigridOnManyComponents) {
  const Sparse A = interleaved(neumann(12, 12, 1), 15);
  const Declared declared(site, constant(A.rows(), 15), constant(A.rows(), 15), 15);
  const Lanes b = problems::random_lanes(A.rows(), 1);
  const auto [info, x] = solve(method("PCG", ", amg:dense_lu_num_rows=40"), A, b, &declared);
  EXPECT_EQ(info.status[0], Status::success);
  EXPECT_LE(info.iterations[0], 15);  // PCG alone takes more than 40
}

TEST_P(NullSpaceTest, HasTheSameBitsAtAnyNumberOfThreads) {
  const Sparse A = interleaved(neumann(40, 40, 1), 2);
  const Declared declared(site, constant(A.rows(), 2), constant(A.rows(), 2), 2);
  const Lanes b = problems::random_lanes(A.rows(), 2);
  Arena::instance().resize(1);
  const auto alone = solve(method("PBICGSTAB"), A, b, &declared);
  Arena::instance().resize(3);
  const auto shared = solve(method("PBICGSTAB"), A, b, &declared);
  EXPECT_TRUE(same_bits(alone.x, shared.x));
  EXPECT_EQ(alone.info.history, shared.info.history);
}

}  // namespace
}  // namespace amg
