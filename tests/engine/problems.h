// The systems that tests solve, and what they are checked with: Eigen, in double.
#pragma once

#include <Eigen/Dense>
#include <Eigen/Sparse>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace amg::problems {

using Sparse = Eigen::SparseMatrix<double, Eigen::RowMajor, std::int32_t>;
// Right-hand sides or solutions side by side: laid out as the engine's vectors are.
using Lanes = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Entries = std::vector<Eigen::Triplet<double, std::int32_t>>;

inline Sparse from_entries(int n, const Entries& entries) {
  Sparse A(n, n);
  A.setFromTriplets(entries.begin(), entries.end());
  return A;
}

struct Arm {
  int dx, dy, dz;
  double value;
};

// The stencil on a grid with Dirichlet boundary.
inline Sparse grid(int nx, int ny, int nz, const std::vector<Arm>& stencil) {
  Entries entries;
  for (int z = 0; z < nz; ++z)
    for (int y = 0; y < ny; ++y)
      for (int x = 0; x < nx; ++x)
        for (const auto& [dx, dy, dz, value] : stencil) {
          const int u = x + dx, v = y + dy, w = z + dz;
          if (u < 0 || v < 0 || w < 0 || u >= nx || v >= ny || w >= nz) continue;
          entries.emplace_back(x + nx * (y + ny * z), u + nx * (v + ny * w), value);
        }
  return from_entries(nx * ny * nz, entries);
}

// -u_xx - epsilon u_yy
inline Sparse anisotropic2d(int n, double epsilon) {
  return grid(
      n, n, 1,
      {{0, 0, 0, 2 + 2 * epsilon}, {-1, 0, 0, -1}, {1, 0, 0, -1}, {0, -1, 0, -epsilon}, {0, 1, 0, -epsilon}});
}

inline Sparse poisson2d(int n) { return anisotropic2d(n, 1.0); }

inline Sparse poisson3d(int n) {
  std::vector<Arm> stencil{{0, 0, 0, 6}};
  for (const int s : {-1, 1})
    for (const Arm& arm : {Arm{s, 0, 0, -1}, Arm{0, s, 0, -1}, Arm{0, 0, s, -1}}) stencil.push_back(arm);
  return grid(n, n, n, stencil);
}

// -Δu + v · ∇u, v = velocity (1, 1/2) per mesh width, upwind: nonsymmetric, an M-matrix.
inline Sparse convection_diffusion2d(int n, double velocity) {
  const double vx = velocity, vy = velocity / 2;
  return grid(
      n, n, 1,
      {{0, 0, 0, 4 + vx + vy}, {-1, 0, 0, -1 - vx}, {1, 0, 0, -1}, {0, -1, 0, -1 - vy}, {0, 1, 0, -1}});
}

// -div(k ∇u), k = 1 or `contrast` in a checkerboard of squares four points wide; harmonic means between.
inline Sparse jumps2d(int n, double contrast) {
  const auto k = [&](int x, int y) {
    const auto cell = [n](int p) { return std::clamp(p, 0, n - 1) / 4; };
    return (cell(x) + cell(y)) % 2 == 0 ? 1.0 : contrast;
  };
  Entries entries;
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x)
      for (const auto& [u, v] : {std::pair{x - 1, y}, {x + 1, y}, {x, y - 1}, {x, y + 1}}) {
        const double between = 2 * k(x, y) * k(u, v) / (k(x, y) + k(u, v));
        entries.emplace_back(x + n * y, x + n * y, between);
        if (u >= 0 && v >= 0 && u < n && v < n) entries.emplace_back(x + n * y, u + n * v, -between);
      }
  return from_entries(n * n, entries);
}

// Nonsymmetric, random places and signs; a diagonal entry exceeds its row's sum of magnitudes by 1.
inline Sparse random_dominant(int n, unsigned seed = 0) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> value(-1.0, 1.0);
  std::uniform_int_distribution<std::int32_t> place(0, n - 1);
  Entries entries;
  for (int i = 0; i < n; ++i) {
    double sum = 1.0;
    for (int k = 0; k < 5; ++k) {
      const std::int32_t j = place(random);
      if (j == i) continue;
      entries.emplace_back(i, j, value(random));
      sum += std::abs(entries.back().value());
    }
    entries.emplace_back(i, i, sum);
  }
  return from_entries(n, entries);
}

// The same matrix, unknowns renumbered so that x and y change places: an anisotropy turned by 90 degrees.
inline Sparse turned(const Sparse& A, int n) {
  Entries entries;
  const auto swap = [n](std::int32_t i) { return i / n + n * (i % n); };
  for (int i = 0; i < A.rows(); ++i)
    for (Sparse::InnerIterator a(A, i); a; ++a)
      entries.emplace_back(swap(i), swap(static_cast<std::int32_t>(a.col())), a.value());
  return from_entries(static_cast<int>(A.rows()), entries);
}

inline Lanes random_lanes(std::int64_t rows, std::int64_t lanes, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  return Lanes::NullaryExpr(rows, lanes, [&] { return normal(random); });
}

inline Lanes ones(std::int64_t rows, std::int64_t lanes = 1) { return Lanes::Ones(rows, lanes); }

}  // namespace amg::problems
