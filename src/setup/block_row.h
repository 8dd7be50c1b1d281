#pragma once

#include <cmath>
#include <cstdint>

#include "core/find_entry.h"
#include "core/matrix.h"
#include "setup/diagonal_row.h"

// What is done with one node of a matrix of k × k blocks. Loops over k unroll where K, its value, is known; K is 0 for
// any k. Sums run in double.

namespace amg {

// a_(ik+c)(jk+d), as row c of node i holds it: for entry e of the node's row, from its first, at value(c, e)[d].
template <class T>
struct BlockRow {
  AMG_HD BlockRow(const Matrix& A, std::int64_t i)
      : k(A.block_dim),
        begin(A.node_offsets[i]),
        end(A.node_offsets[i + 1]),
        columns(A.node_columns),
        values(A.as<T>() + begin * k * k) {}

  AMG_HD const T* value(std::int64_t c, std::int64_t e) const {
    return values + (c * (end - begin) + (e - begin)) * k;
  }

  std::int64_t k, begin, end;
  const std::int32_t* columns;
  const T* values;
};

// Whether the rows of node i hold full blocks of k × k, and nothing else.
AMG_HD inline bool blocks_are_full(const std::int64_t* offsets, const std::int32_t* columns, std::int64_t i,
                                   std::int32_t k) {
  const std::int64_t begin = offsets[i * k], length = offsets[i * k + 1] - begin;
  if (length % k != 0) return false;
  for (std::int64_t c = 0; c < k; ++c) {
    if (offsets[i * k + c + 1] != begin + (c + 1) * length) return false;
    for (std::int64_t e = 0; e < length; ++e) {
      const std::int32_t first = columns[begin + e / k * k];
      if (first % k != 0 || columns[begin + c * length + e] != first + e % k) return false;
    }
  }
  return true;
}

// Σ_j a_ij x_jl for row c of the node, over the nodes j for which from(j) gives the vector to read; null leaves j out.
template <int K, class T, class Team, class From>
AMG_HD inline double block_row_sum(Team team, const BlockRow<T>& row, std::int64_t c, std::int64_t lanes,
                                   std::int64_t lane, const From& from) {
  const std::int64_t k = K > 0 ? K : row.k;
  double sum = 0;
  team.for_each(row.begin, row.end, [&](std::int64_t e) {
    const std::int64_t j = row.columns[e];
    const T* const x = from(j);
    if (!x) return;
    const T* const a = row.value(c, e);
    for (std::int64_t d = 0; d < k; ++d)
      sum += static_cast<double>(a[d]) * static_cast<double>(x[(j * k + d) * lanes + lane]);
  });
  return team.sum(sum);
}

// Row c of D⁻¹ r for node i, whose component d of r is r(d).
template <class T, class R>
AMG_HD inline double block_row_times(const BlockDiagonal& inverse, std::int64_t i, std::int64_t c,
                                     const R& r) {
  const std::int64_t k = inverse.block_dim;
  const T* const block = static_cast<const T*>(inverse.values) + i * k * k;
  double sum = 0;
  for (std::int64_t d = 0; d < k; ++d)
    sum += static_cast<double>(inverse.transposed ? block[d * k + c] : block[c * k + d]) * r(d);
  return sum;
}

// A step of any sweep: write(at, (D⁻¹ r)_at) at the rows of node i, where r is rhs(at) − Σ_j a_ij x_j and from(j) gives x
// as above. r has room for k numbers. What a sweep writes to x, no other node looks at meanwhile.
template <int K, class T, class Team, class From, class Rhs, class Write>
AMG_HD inline void node_step(Team team, const Matrix& A, const BlockDiagonal& inverse, std::int64_t i,
                             std::int64_t lanes, std::int64_t lane, double* r, const From& from,
                             const Rhs& rhs, const Write& write) {
  const BlockRow<T> row(A, i);
  const std::int64_t k = K > 0 ? K : row.k;
  for (std::int64_t c = 0; c < k; ++c) {
    const double sum = block_row_sum<K>(team, row, c, lanes, lane, from);
    if (team.leads()) r[c] = rhs((i * k + c) * lanes + lane) - sum;
  }
  team.for_each(0, 0, [](std::int64_t) {});  // r is seen by all
  team.for_each(0, k, [&](std::int64_t c) {
    write((i * k + c) * lanes + lane,
          block_row_times<T>(inverse, i, c, [&](std::int64_t d) { return r[d]; }));
  });
}

// Room that invert_block needs, and what its caller has to write there: row c of the block from c * width on.
AMG_HD inline std::int64_t block_scratch_width(std::int64_t k) { return 2 * k + 2; }
AMG_HD inline std::int64_t block_scratch(std::int64_t k) { return k * block_scratch_width(k); }

// out = the inverse of the block in `m`, by Gauss-Jordan elimination with scaled pivots. An unknown whose pivot is
// rounding of the row it stands in is left out with that equation, their row and column of the inverse being zero: what
// a zero is on a scalar diagonal. `roundoff` is that of the block's entries.
template <class T>
AMG_HD inline void invert_block(std::int64_t k, double roundoff, double* m, T* out) {
  const std::int64_t width = block_scratch_width(k);
  // Behind the block: the identity, the size of the row, and the unknown that it gives, −1 before it does.
  const auto row = [&](std::int64_t p) { return m + p * width; };
  for (std::int64_t p = 0; p < k; ++p) {
    double size = 0;
    for (std::int64_t d = 0; d < k; ++d) {
      if (magnitude(row(p)[d]) > size) size = magnitude(row(p)[d]);
      row(p)[k + d] = d == p ? 1 : 0;
    }
    row(p)[2 * k] = size;
    row(p)[2 * k + 1] = -1;
  }
  for (std::int64_t c = 0; c < k; ++c) {
    std::int64_t pivot = -1;
    double best = static_cast<double>(k) * roundoff;
    for (std::int64_t p = 0; p < k; ++p) {
      if (row(p)[2 * k + 1] >= 0 || row(p)[2 * k] == 0) continue;
      const double size = magnitude(row(p)[c]) / row(p)[2 * k];
      if (size > best) {
        best = size;
        pivot = p;
      }
    }
    if (pivot < 0) continue;
    double* const from = row(pivot);
    from[2 * k + 1] = static_cast<double>(c);
    const double scale = 1 / from[c];
    for (std::int64_t d = 0; d < 2 * k; ++d) from[d] *= scale;
    for (std::int64_t p = 0; p < k; ++p) {
      const double factor = row(p)[c];
      if (p == pivot || factor == 0) continue;
      for (std::int64_t d = 0; d < 2 * k; ++d) row(p)[d] -= factor * from[d];
    }
  }
  for (std::int64_t at = 0; at < k * k; ++at) out[at] = T{0};
  for (std::int64_t p = 0; p < k; ++p) {
    const auto unknown = static_cast<std::int64_t>(row(p)[2 * k + 1]);
    for (std::int64_t d = 0; unknown >= 0 && d < k; ++d) out[unknown * k + d] = static_cast<T>(row(p)[k + d]);
  }
}

// How much of what couples node i to others is added to the diagonal of its block: a share of Σ |a_ij| over the nodes j
// outside of [begin, end), row by row, with the sign of a_ii.
struct L1Share {
  double share;
  std::int64_t begin, end;
};

// Writes the block of node i to scratch.
template <class T, class Team>
AMG_HD inline void diagonal_block(Team team, const Matrix& A, std::int64_t i, const L1Share& l1, double* m) {
  const BlockRow<T> row(A, i);
  const std::int64_t k = row.k, width = block_scratch_width(k);
  const std::int64_t place = find_place(A.by_nodes(), i, i);
  team.for_each(0, k, [&](std::int64_t c) {
    for (std::int64_t d = 0; d < k; ++d)
      m[c * width + d] = place < 0 ? 0.0 : static_cast<double>(row.value(c, place)[d]);
    double outside = 0;
    for (std::int64_t e = row.begin; l1.share > 0 && e < row.end; ++e) {
      const std::int64_t j = row.columns[e];
      for (std::int64_t d = 0; (j < l1.begin || j >= l1.end) && d < k; ++d)
        outside += magnitude(static_cast<double>(row.value(c, e)[d]));
    }
    double& diagonal = m[c * width + c];
    if (diagonal != 0) diagonal += diagonal < 0 ? -l1.share * outside : l1.share * outside;
  });
}

// A_iiᵀ (Σ_j A_ij A_ijᵀ)⁻¹, the block of least |I − M A|_F; the factor on the right through `out`.
template <class T>
AMG_HD inline void spai0_block(const Matrix& A, std::int64_t i, double roundoff, double* m, T* out) {
  const BlockRow<T> row(A, i);
  const std::int64_t k = row.k, width = block_scratch_width(k);
  const std::int64_t place = find_place(A.by_nodes(), i, i);
  for (std::int64_t c = 0; c < k; ++c)
    for (std::int64_t d = 0; d < k; ++d) {
      double sum = 0;
      for (std::int64_t q = 0; q < (row.end - row.begin) * k; ++q)
        sum +=
            static_cast<double>(row.value(c, row.begin)[q]) * static_cast<double>(row.value(d, row.begin)[q]);
      m[c * width + d] = sum;
    }
  invert_block(k, roundoff, m, out);
  for (std::int64_t at = 0; at < k * k; ++at) m[at] = static_cast<double>(out[at]);
  for (std::int64_t c = 0; c < k; ++c)
    for (std::int64_t d = 0; d < k; ++d) {
      double sum = 0;
      for (std::int64_t q = 0; place >= 0 && q < k; ++q)
        sum += static_cast<double>(row.value(q, place)[c]) * m[q * k + d];
      out[c * k + d] = static_cast<T>(sum);
    }
}

// The blocks of a hybrid sweep have about hybrid_block_rows rows, and no node lies in two of them.
AMG_HD inline std::int64_t hybrid_block_nodes(std::int64_t k) {
  return k < hybrid_block_rows ? hybrid_block_rows / k : 1;
}

// ‖A_ij‖_F for entry e of the row of node i, negative off the diagonal.
template <class T>
AMG_HD inline double block_norm(const BlockRow<T>& row, std::int64_t i, std::int64_t e) {
  double squares = 0;
  for (std::int64_t c = 0; c < row.k; ++c)
    for (std::int64_t d = 0; d < row.k; ++d) {
      const auto a = static_cast<double>(row.value(c, e)[d]);
      squares += a * a;
    }
  const double norm = std::sqrt(squares);
  return row.columns[e] == i ? norm : -norm;
}

}  // namespace amg
