// Coarsening on the GPU: decisions and patterns are the host's to the bit, weights as near to the reference as rounding
// allows, and all of it the same each time.
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "reference_classical.h"
#include "setup/classical/interpolation.h"
#include "spaces.h"

namespace amg {

#define INTERPOLATOR(name, factory, ...) std::unique_ptr<Interpolation> factory();
#include "registry.def"

namespace {

using reference::Rows;

// ---- problems

struct Arm {
  int dx, dy, dz;
  double value;
};

// The stencil on a cube with Dirichlet boundary.
Rows grid(int n, const std::vector<Arm>& stencil) {
  Rows A(static_cast<std::size_t>(n * n * n));
  for (int z = 0; z < n; ++z)
    for (int y = 0; y < n; ++y)
      for (int x = 0; x < n; ++x)
        for (auto [dx, dy, dz, value] : stencil) {
          const int u = x + dx, v = y + dy, w = z + dz;
          if (u < 0 || v < 0 || w < 0 || u >= n || v >= n || w >= n) continue;
          A[x + n * (y + n * z)][u + n * (v + n * w)] = value;
        }
  return A;
}

Rows poisson3d(int n) {
  std::vector<Arm> stencil{{0, 0, 0, 6}};
  for (const int s : {-1, 1})
    for (const Arm& arm : {Arm{s, 0, 0, -1}, Arm{0, s, 0, -1}, Arm{0, 0, s, -1}}) stencil.push_back(arm);
  return grid(n, stencil);
}

// Rows of up to 125 entries that decay with the distance, of both signs: those of a coarse level.
Rows wide_stencil(int n) {
  std::vector<Arm> stencil;
  double sum = 0;
  for (int dx = -2; dx <= 2; ++dx)
    for (int dy = -2; dy <= 2; ++dy)
      for (int dz = -2; dz <= 2; ++dz) {
        const int r = dx * dx + dy * dy + dz * dz;
        if (r == 0) continue;
        stencil.push_back({dx, dy, dz, (r == 5 ? 0.3 : -1.0) / r});
        sum -= stencil.back().value;
      }
  stencil.push_back({0, 0, 0, sum});
  return grid(n, stencil);
}

// Neither symmetric nor an M-matrix; rows of 0 to 2 · mean entries, some without a diagonal.
Rows random_signs(int n, int mean) {
  std::mt19937 random(7);
  const auto uniform = [&] { return static_cast<double>(random()) / 4294967296.0; };
  Rows A(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    const int size = static_cast<int>(uniform() * 2 * mean);
    for (int e = 0; e < size; ++e) A[i][static_cast<int>(uniform() * n)] = uniform() - 0.7;
    if (size > 0 && uniform() < 0.95) A[i][i] = uniform() < 0.1 ? -mean : mean;
  }
  return A;
}

// A tridiagonal matrix but for a few rows on either side of what every hash table holds, up to one that meets nearly
// every unknown. Neighbours of the longest row have to look at all of it.
Rows long_rows(int n) {
  std::mt19937 random(3);
  Rows A(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i)
    for (const int j : {i - 1, i, i + 1})
      if (j >= 0 && j < n) A[i][j] = i == j ? 2 : -1;
  int row = 1;
  for (const int size :
       {15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 255, 511, 512, 513, 1023, 1024, 1025, 2048, n}) {
    for (int e = 0; e < size; ++e) A[row].emplace((2 * e) % n, -1 - static_cast<double>(random() % 8));
    A[row][row] = 9 * size;
    row += 2;
  }
  return A;
}

struct Problem {
  std::string name;
  std::function<Rows()> rows;
  double threshold = 0.25;
};

const std::vector<Problem> problems{
    {"poisson3d", [] { return poisson3d(40); }},
    {"wide_stencil", [] { return wide_stencil(11); }},
    {"wide_stencil_all_strong", [] { return wide_stencil(9); }, 0.0},
    {"random_signs", [] { return random_signs(3000, 6); }},
    {"random_signs_dense", [] { return random_signs(400, 60); }, 0.1},
    {"long_rows", [] { return long_rows(5000); }, 0.0},
    {"one_point", [] { return Rows{{{0, 2}}}; }},
    {"diagonal", [] { return Rows{{{0, 2}}, {{1, 1}}, {{2, -1}}}; }},
    {"no_entries", [] { return Rows(5); }},
    {"no_rows", [] { return Rows(); }},
};

void PrintTo(const Problem& problem, std::ostream* os) { *os << problem.name; }

// ---- both spaces

CsrMatrix matrix_of(HostSpace& host, const Rows& rows, DType dtype) {
  auto pattern = std::make_shared<Pattern>();
  pattern->rows = pattern->cols = static_cast<std::int64_t>(rows.size());
  pattern->offsets = host.array<std::int64_t>(pattern->rows + 1);
  pattern->offsets[0] = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    pattern->offsets[i + 1] = pattern->offsets[i] + static_cast<std::int64_t>(rows[i].size());
  pattern->columns = host.array<std::int32_t>(pattern->offsets[pattern->rows]);
  CsrMatrix A = host.matrix(pattern, dtype);
  visit(dtype, [&]<class T>() {
    std::int64_t e = 0;
    for (const reference::Row& row : rows)
      for (auto [j, a] : row) {
        pattern->columns[e] = j;
        A.as<T>()[e++] = static_cast<T>(a);
      }
  });
  return A;
}

Rows rows_of(const CsrMatrix& A) {
  Rows rows(static_cast<std::size_t>(A.rows()));
  visit(A.dtype(), [&]<class T>() {
    for (std::int64_t i = 0; i < A.rows(); ++i)
      for (std::int64_t e = A.pattern()->offsets[i]; e < A.pattern()->offsets[i + 1]; ++e)
        rows[i][A.pattern()->columns[e]] = A.as<T>()[e];
  });
  return rows;
}

CsrMatrix interpolate(Space& space, const Matrix& A, std::unique_ptr<Interpolation> (*make)(),
                      const Array<std::uint8_t>& strong, const Array<std::int32_t>& coarse) {
  return make()->setup(space, A, strong.span(), coarse.span());
}

class CudaCoarseningTest : public CudaTest, public testing::WithParamInterface<std::tuple<Problem, DType>> {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    const DType dtype = std::get<1>(GetParam());
    A = matrix_of(host(), std::get<0>(GetParam()).rows(), dtype);
    rows = rows_of(A);
    on_device = to_device(device(), A);
    strong = host().strength_ahat(A, {threshold(), 1.1});
    coarse = host().select_pmis(A, strong.span());
    device_strong = to_device<std::uint8_t>(device(), strong.span());
    device_coarse = to_device<std::int32_t>(device(), coarse.span());
  }

  double threshold() const { return std::get<0>(GetParam()).threshold; }

  // P, on the host.
  CsrMatrix fetch(const CsrMatrix& P) {
    auto pattern = std::make_shared<Pattern>();
    pattern->rows = P.rows();
    pattern->cols = P.cols();
    pattern->offsets = host().array<std::int64_t>(P.rows() + 1);
    pattern->columns = host().array<std::int32_t>(P.entries());
    std::ranges::copy(to_host(device(), P.pattern()->offsets), pattern->offsets.data());
    std::ranges::copy(to_host(device(), P.pattern()->columns), pattern->columns.data());
    CsrMatrix out = host().matrix(pattern, P.dtype());
    visit(P.dtype(),
          [&]<class T>() { std::ranges::copy(to_host<T>(device(), P.as<T>(), P.entries()), out.as<T>()); });
    return out;
  }

  static void expect_same_bits(const CsrMatrix& P, const CsrMatrix& Q) {
    visit(P.dtype(), [&]<class T>() {
      const auto entries = static_cast<std::size_t>(P.entries());
      EXPECT_TRUE(same_bits(std::span<const T>(P.as<T>(), entries), std::span<const T>(Q.as<T>(), entries)));
    });
  }

  // weights(S, C) are the reference's, row by row.
  template <class ReferenceWeights>
  void expect_interpolation(std::unique_ptr<Interpolation> (*make)(), ReferenceWeights weights) {
    const CsrMatrix P = interpolate(device(), on_device, make, device_strong, device_coarse);
    expect_same_pattern(device(), *P.pattern(), *interpolate(host(), A, make, strong, coarse).pattern());
    if (HasFailure()) return;
    const CsrMatrix fetched = fetch(P);
    expect_same_bits(fetched, fetch(interpolate(device(), on_device, make, device_strong, device_coarse)));

    reference::Graph S(rows.size());
    reference::Points C;
    std::vector<int> coarse_rows;
    for (int i = 0; i < static_cast<int>(rows.size()); ++i) {
      for (std::int64_t e = A.pattern()->offsets[i]; e < A.pattern()->offsets[i + 1]; ++e)
        if (strong[e]) S[i].insert(A.pattern()->columns[e]);
      if (coarse[i] < 0) continue;
      C.insert(i);
      coarse_rows.push_back(i);
    }
    const std::vector<reference::Weights> all_expected = weights(S, C);
    const Rows found = rows_of(fetched);
    for (int i = 0; i < static_cast<int>(rows.size()); ++i) {
      const reference::Weights& expected = all_expected[i];
      ASSERT_EQ(found[i].size(), expected.w.size()) << "row " << i;
      for (auto [c, w] : found[i]) {
        const int j = coarse_rows[c];
        const reference::Real stored = A.dtype() == DType::f32 ? std::abs(expected.w.at(j)) * 0x1p-24L : 0;
        EXPECT_LE(std::abs(w - expected.w.at(j)), expected.roundings.at(j) * 0x1p-53L + stored)
            << "row " << i << ", point " << j;
      }
    }
  }

  template <class ReferenceRow>
  auto row_by_row(ReferenceRow row) const {
    return [this, row](const reference::Graph& S, const reference::Points& C) {
      std::vector<reference::Weights> all;
      for (int i = 0; i < static_cast<int>(rows.size()); ++i) all.push_back(row(rows, S, C, i));
      return all;
    };
  }

  void select_aggressively() {
    coarse = host().select_aggressive_pmis(A, strong.span());
    device_coarse = to_device<std::int32_t>(device(), coarse.span());
  }

  CsrMatrix A, on_device;
  Rows rows;  // as the engine sees them: float32 values are the rounded ones
  Array<std::uint8_t> strong, device_strong;
  Array<std::int32_t> coarse, device_coarse;
};

TEST_P(CudaCoarseningTest, StrengthIsTheHosts) {
  for (const double threshold : {0.0, 0.25, 0.5, 0.9})
    for (const double max_row_sum : {1.1, 0.9, 0.1, 0.0}) {
      const auto on_host = host().strength_ahat(A, {threshold, max_row_sum});
      const auto found = device().strength_ahat(on_device, {threshold, max_row_sum});
      EXPECT_TRUE(same_bits<std::uint8_t>(to_host(device(), found), on_host.span()))
          << threshold << ' ' << max_row_sum;
    }
}

TEST_P(CudaCoarseningTest, StrengthOfAllIsTheHosts) {
  for (const double max_row_sum : {1.1, 0.9, 0.1, 0.0}) {
    const auto on_host = host().strength_all(A, {.max_row_sum = max_row_sum});
    const auto found = device().strength_all(on_device, {.max_row_sum = max_row_sum});
    EXPECT_TRUE(same_bits<std::uint8_t>(to_host(device(), found), on_host.span())) << max_row_sum;
  }
}

TEST_P(CudaCoarseningTest, StrengthByAffinityIsTheHosts) {
  for (const std::int32_t vectors : {1, 4, 7}) {
    const StrengthOptions options{threshold(), 0.9, 5, vectors};
    const auto on_host = host().strength_affinity(A, options);
    const auto found = device().strength_affinity(on_device, options);
    EXPECT_TRUE(same_bits<std::uint8_t>(to_host(device(), found), on_host.span())) << vectors;
  }
}

TEST_P(CudaCoarseningTest, HmisAndCrAreTheHosts) {
  for (const auto select : {&Space::select_hmis, &Space::select_aggressive_hmis, &Space::select_cr}) {
    const auto on_host = (host().*select)(A, strong.span());
    const auto found = (device().*select)(on_device, device_strong.span());
    EXPECT_TRUE(same_bits<std::int32_t>(to_host(device(), found), on_host.span()));
  }
}

TEST_P(CudaCoarseningTest, PmisIsTheHosts) {
  for (int run = 0; run < 3; ++run) {
    const auto found = device().select_pmis(on_device, device_strong.span());
    EXPECT_TRUE(same_bits<std::int32_t>(to_host(device(), found), coarse.span()));
  }
}

TEST_P(CudaCoarseningTest, AggressivePmisIsTheHosts) {
  select_aggressively();
  for (int run = 0; run < 3; ++run) {
    const auto found = device().select_aggressive_pmis(on_device, device_strong.span());
    EXPECT_TRUE(same_bits<std::int32_t>(to_host(device(), found), coarse.span()));
  }
}

TEST_P(CudaCoarseningTest, PassesAreTheHosts) {
  select_aggressively();
  const Passes on_host = host().passes(A, strong.span(), coarse.span());
  const Passes found = device().passes(on_device, device_strong.span(), device_coarse.span());
  EXPECT_EQ(found.last, on_host.last);
  EXPECT_TRUE(same_bits<std::int32_t>(to_host(device(), found.of_row), on_host.of_row.span()));
}

TEST_P(CudaCoarseningTest, InterpolationD1) { expect_interpolation(make_d1, row_by_row(reference::d1)); }
TEST_P(CudaCoarseningTest, InterpolationD2) { expect_interpolation(make_d2, row_by_row(reference::d2)); }
TEST_P(CudaCoarseningTest, InterpolationMultipass) {
  select_aggressively();
  expect_interpolation(make_multipass, [this](const reference::Graph& S, const reference::Points& C) {
    return reference::multipass(rows, S, C, A.dtype() == DType::f32 ? 0x1p29L : 1);
  });
}

// What its weights are worth is tested in every space; here, that no order of threads changes them.
TEST_P(CudaCoarseningTest, InterpolationEmIsReproducible) {
  const CsrMatrix P = interpolate(device(), on_device, make_em, device_strong, device_coarse);
  expect_same_pattern(device(), *P.pattern(), *interpolate(host(), A, make_em, strong, coarse).pattern());
  if (HasFailure()) return;
  expect_same_bits(fetch(P), fetch(interpolate(device(), on_device, make_em, device_strong, device_coarse)));
}

TEST_P(CudaCoarseningTest, Truncate) {
  const CsrMatrix P = interpolate(host(), A, make_d2, strong, coarse);
  const CsrMatrix P_on_device = to_device(device(), P);
  const Rows untruncated = rows_of(P);
  for (const double factor : {0.0, 0.2, 0.7, 1.0, 1.1})
    for (const int max_elements : {-1, 1, 4, 1000}) {
      const CsrMatrix truncated = device().truncate(P_on_device, factor, max_elements);
      expect_same_pattern(device(), *truncated.pattern(),
                          *host().truncate(P, factor, max_elements).pattern());
      if (HasFailure()) return;
      const CsrMatrix fetched = fetch(truncated);
      expect_same_bits(fetched, fetch(device().truncate(P_on_device, factor, max_elements)));
      const Rows weights = rows_of(fetched);
      for (std::size_t i = 0; i < weights.size(); ++i) {
        reference::Real magnitude = 0;
        for (auto [j, w] : untruncated[i]) magnitude += std::abs(w);
        // Sums in double, with an error in each addition; then stored.
        const reference::Real of_sums = static_cast<double>(untruncated[i].size() + 4) * 0x1p-53L * magnitude;
        for (auto [j, w] : reference::truncate(untruncated[i], factor, max_elements))
          EXPECT_LE(std::abs(weights[i].at(j) - w), of_sums + epsilon(A.dtype()) / 2 * std::abs(w))
              << "row " << i << ", factor " << factor;
      }
    }
}

TEST_P(CudaCoarseningTest, AggregatesAreTheHosts) {
  for (const MatchingOptions& options :
       {MatchingOptions{}, MatchingOptions{.weight_formula = 1},
        MatchingOptions{.max_matching_iterations = 1}, MatchingOptions{.max_matching_iterations = 0},
        MatchingOptions{.max_matching_iterations = 100, .max_unassigned_percentage = 0},
        MatchingOptions{.merge_singletons = false}, MatchingOptions{.notay_weights = true},
        MatchingOptions{.filter_weights_alpha = 0.5}}) {
    const auto on_host = host().match_size_2(A, options);
    const auto found = device().match_size_2(on_device, options);
    EXPECT_TRUE(same_bits<std::int32_t>(to_host(device(), found), on_host.span()));
  }
}

// Decisions to the bit; sums to rounding, since teams add in another order.
TEST_P(CudaCoarseningTest, SmoothedAggregationIsTheHosts) {
  for (const double theta : {0.0, 0.08, 0.25}) {
    const auto coupling = host().strength_symmetric(A, theta);
    const auto found = device().strength_symmetric(on_device, theta);
    ASSERT_TRUE(same_bits<std::uint8_t>(to_host(device(), found), coupling.span()));
    const auto aggregates = host().aggregate_neighbourhoods(A, coupling.span());
    const auto groups = device().aggregate_neighbourhoods(on_device, found.span());
    ASSERT_TRUE(same_bits<std::int32_t>(to_host(device(), groups), aggregates.span()));
    const CsrMatrix F = device().filtered(on_device, found.span()),
                    on_host = host().filtered(A, coupling.span());
    expect_same_pattern(device(), *F.pattern(), *on_host.pattern());
    if (HasFailure()) return;
    const CsrMatrix constant = host().piecewise_constant(aggregates.span(), A.dtype());
    const CsrMatrix there = device().piecewise_constant(groups.span(), A.dtype());
    expect_same_pattern(device(), *there.pattern(), *constant.pattern());
    if (HasFailure()) return;
    const auto wide = host().block_pattern(*constant.pattern(), 2, 3);
    expect_same_pattern(device(), *device().block_pattern(*there.pattern(), 2, 3), *wide);

    CsrMatrix T = host().matrix(constant.pattern(), A.dtype());
    CsrMatrix T_there = device().matrix(there.pattern(), A.dtype());
    const auto count = static_cast<std::size_t>(constant.cols());
    const Buffer R(host().memory(), count * size_of(A.dtype())),
        R_there(device().memory(), count * size_of(A.dtype()));
    const WorkVector ones = host().vector(A.rows(), 1, A.dtype()),
                     ones_there = device().vector(A.rows(), 1, A.dtype());
    host().fill(ones, 1.0);
    device().fill(ones_there, 1.0);
    host().orthonormalize(*host().transpose(*constant.pattern()).pattern, 1, ones, T,
                          {R.data(), A.dtype(), constant.cols(), 1});
    device().orthonormalize(*device().transpose(*there.pattern()).pattern, 1, ones_there, T_there,
                            {R_there.data(), A.dtype(), constant.cols(), 1});
    CsrMatrix P = host().product(on_host, T), P_there = device().product(F, T_there);
    const WorkVector D = host().vector(A.rows(), 1, A.dtype()),
                     D_there = device().vector(A.rows(), 1, A.dtype());
    host().invert_diagonal(on_host, static_cast<Vector>(D).data);
    device().invert_diagonal(F, static_cast<Vector>(D_there).data);
    host().smooth_prolongation(T, static_cast<Vector>(D).data, 0.6, P);
    device().smooth_prolongation(T_there, static_cast<Vector>(D_there).data, 0.6, P_there);
    const CsrMatrix fetched = fetch(P_there);
    visit(A.dtype(), [&]<class Real>() {
      double largest = 1;
      for (std::int64_t e = 0; e < P.entries(); ++e)
        largest = std::max(largest, std::abs(static_cast<double>(P.as<Real>()[e])));
      for (std::int64_t e = 0; e < P.entries(); ++e)
        ASSERT_NEAR(fetched.as<Real>()[e], P.as<Real>()[e], 1000 * epsilon(A.dtype()) * largest) << e;
    });
  }
}

// A setup must come to an end whatever the numbers are.
TEST_P(CudaCoarseningTest, NotANumberIsPassedOn) {
  visit(A.dtype(), [&]<class T>() {
    for (std::int64_t e = 0; e < A.entries(); e += 40) A.as<T>()[e] = std::numeric_limits<T>::quiet_NaN();
  });
  on_device = to_device(device(), A);
  strong = host().strength_ahat(A, {threshold(), 0.9});
  device_strong = device().strength_ahat(on_device, {threshold(), 0.9});
  ASSERT_TRUE(same_bits<std::uint8_t>(to_host(device(), device_strong), strong.span()));
  coarse = host().select_pmis(A, strong.span());
  device_coarse = device().select_pmis(on_device, device_strong.span());
  ASSERT_TRUE(same_bits<std::int32_t>(to_host(device(), device_coarse), coarse.span()));
  const CsrMatrix P = interpolate(host(), A, make_d2, strong, coarse);
  const CsrMatrix fetched = fetch(interpolate(device(), on_device, make_d2, device_strong, device_coarse));
  ASSERT_EQ(fetched.entries(), P.entries());
  visit(A.dtype(), [&]<class T>() {
    for (std::int64_t e = 0; e < P.entries(); ++e)
      ASSERT_EQ(std::isnan(fetched.as<T>()[e]), std::isnan(P.as<T>()[e])) << e;
  });
  const CsrMatrix cut = fetch(device().truncate(to_device(device(), P), 0.2, 2));
  EXPECT_EQ(cut.entries(), host().truncate(P, 0.2, 2).entries());
  const auto aggregates = device().match_size_2(on_device, {});
  EXPECT_TRUE(same_bits<std::int32_t>(to_host(device(), aggregates), host().match_size_2(A, {}).span()));
}

INSTANTIATE_TEST_SUITE_P(Problems, CudaCoarseningTest,
                         testing::Combine(testing::ValuesIn(problems),
                                          testing::Values(DType::f32, DType::f64)),
                         [](const auto& test) {
                           return std::get<0>(test.param).name +
                                  (std::get<1>(test.param) == DType::f32 ? "_f32" : "_f64");
                         });

// A splitting that PMIS never makes: a strong fine neighbour that has nobody to hand on to.
class CudaCoarseningCase : public CudaTest {};

TEST_F(CudaCoarseningCase, StrongFineNeighbourWithNobodyToHandOnToIsLumped) {
  const CsrMatrix A =
      matrix_of(host(), Rows{{{0, 2}, {1, -1}, {2, -1}}, {{0, 0.5}, {1, 1}}, {{2, 1}}}, DType::f64);
  const CsrMatrix on_device = to_device(device(), A);
  const auto strong = to_device<std::uint8_t>(device(), std::vector<std::uint8_t>{0, 1, 1, 0, 0, 0});
  const auto coarse = to_device<std::int32_t>(device(), std::vector<std::int32_t>{-1, -1, 0});
  const CsrMatrix P = interpolate(device(), on_device, make_d2, strong, coarse);
  EXPECT_EQ(to_host(device(), P.pattern()->offsets), (std::vector<std::int64_t>{0, 1, 1, 2}));
  EXPECT_EQ(to_host<double>(device(), P.as<double>(), 2), (std::vector<double>{1, 1}));
}

}  // namespace
}  // namespace amg
