// Classical coarsening as the papers write it: sets and sums, one point after the other, in long double. Slow
// on purpose, and sharing nothing with the engine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace reference {

using Real = long double;
using Row = std::map<int, Real>;
using Rows = std::vector<Row>;
using Graph = std::vector<std::set<int>>;
using Points = std::set<int>;

inline Real at(const Row& row, int j) {
  const auto it = row.find(j);
  return it == row.end() ? 0 : it->second;
}

// Ruge and Stüben 1987, with the signs taken relative to the diagonal. In double, for a tie decides.
inline Graph strength(const Rows& A, double threshold, double max_row_sum) {
  Graph S(A.size());
  for (int i = 0; i < static_cast<int>(A.size()); ++i) {
    const double a_ii = static_cast<double>(at(A[i], i)), sign = a_ii < 0 ? -1 : 1;
    double sum = 0, strongest = 0;
    for (auto [j, a] : A[i]) {
      sum += static_cast<double>(a);
      if (j != i) strongest = std::max(strongest, -sign * static_cast<double>(a));
    }
    if (max_row_sum < 1 && std::abs(sum) > max_row_sum * std::abs(a_ii)) continue;
    for (auto [j, a] : A[i])
      if (j != i && -sign * static_cast<double>(a) > threshold * strongest) S[i].insert(j);
  }
  return S;
}

inline Graph transpose(const Graph& S) {
  Graph T(S.size());
  for (int i = 0; i < static_cast<int>(S.size()); ++i)
    for (int j : S[i]) T[j].insert(i);
  return T;
}

// De Sterck, Yang, Heys 2006, algorithm PMIS; random[i] in [0, 1). Returns the coarse points. Points that influence
// nobody are fine from the start, unless all are candidates.
inline Points pmis(const Graph& S, const std::vector<Real>& random, bool all_are_candidates = false) {
  const Graph T = transpose(S);
  const auto heavier = [&](int i, int j) {
    const Real wi = static_cast<Real>(T[i].size()) + random[i],
               wj = static_cast<Real>(T[j].size()) + random[j];
    return std::pair(wi, -i) > std::pair(wj, -j);
  };
  Points undecided, C;
  for (int i = 0; i < static_cast<int>(S.size()); ++i)
    if (all_are_candidates || !T[i].empty()) undecided.insert(i);
  while (!undecided.empty()) {
    Points I;
    for (int i : undecided) {
      bool heaviest = true;
      for (const Graph* G : {&S, &T})
        for (int j : (*G)[i]) heaviest = heaviest && (!undecided.contains(j) || heavier(i, j));
      if (heaviest) I.insert(i);
    }
    for (int c : I) {
      C.insert(c);
      undecided.erase(c);
      for (int f : T[c]) undecided.erase(f);
    }
  }
  return C;
}

// A row of weights w, and for each weight how much larger than one rounding its error may be.
struct Weights {
  Row w;
  Row roundings;
};

// Direct interpolation, Stüben 2001.
inline Weights d1(const Rows& A, const Graph& S, const Points& C, int i) {
  if (C.contains(i)) return {{{i, 1}}, {{i, 0}}};
  Weights result;
  Real a_ii = at(A[i], i), magnitude = std::abs(a_ii);
  Real all[2] = {}, interpolatory[2] = {};
  for (auto [j, a] : A[i]) {
    if (j == i) continue;
    all[a > 0] += a;
    if (S[i].contains(j) && C.contains(j)) interpolatory[a > 0] += a;
  }
  for (int s : {0, 1})
    if (interpolatory[s] == 0) {
      a_ii += all[s];
      magnitude += std::abs(all[s]);
    }
  for (auto [j, a] : A[i])
    if (S[i].contains(j) && C.contains(j)) {
      result.w[j] = a_ii == 0 ? 0 : -all[a > 0] / interpolatory[a > 0] * a / a_ii;
      const Real terms = static_cast<Real>(A[i].size()) + 4;
      result.roundings[j] = a_ii == 0 ? 0 : terms * std::abs(result.w[j]) * (2 + magnitude / std::abs(a_ii));
    }
  return result;
}

// Ĉ_i of De Sterck, Falgout, Nolting, Yang 2008.
inline Points distance_two(const Graph& S, const Points& C, int i) {
  Points hat;
  for (int k : S[i]) {
    if (C.contains(k))
      hat.insert(k);
    else
      for (int j : S[k])
        if (C.contains(j)) hat.insert(j);
  }
  return hat;
}

// Stüben 1999, A1 coarsening: PMIS among the coarse points of S, which depend on those that a path of one or two edges
// leads to.
inline Points aggressive_pmis(const Graph& S, const std::vector<Real>& random) {
  const Points C = pmis(S, random);
  const std::vector<int> rows(C.begin(), C.end());
  Graph paths(rows.size());
  for (std::size_t c = 0; c < rows.size(); ++c)
    for (std::size_t d = 0; d < rows.size(); ++d)
      if (c != d && distance_two(S, C, rows[c]).contains(rows[d])) paths[c].insert(static_cast<int>(d));
  Points coarse;
  for (const int c : pmis(paths, random, true)) coarse.insert(rows[c]);
  return coarse;
}

// How many edges of S lead from every row to C, or −1.
inline std::vector<int> passes(const Graph& S, const Points& C) {
  std::vector<int> pass(S.size(), -1);
  for (int i : C) pass[i] = 0;
  for (int last = 0, found = 1; found > 0; ++last) {
    found = 0;
    for (std::size_t i = 0; i < S.size(); ++i) {
      if (pass[i] >= 0 || std::none_of(S[i].begin(), S[i].end(), [&](int j) { return pass[j] == last; }))
        continue;
      pass[i] = last + 1;
      ++found;
    }
  }
  return pass;
}

// Multipass interpolation, Yang 2010, for all rows; `storage` is how much larger than one rounding of a double the
// rounding of a stored number is.
inline std::vector<Weights> multipass(const Rows& A, const Graph& S, const Points& C, Real storage) {
  const std::vector<int> pass = passes(S, C);
  std::vector<Weights> P(A.size());
  for (int i : C) P[i] = {{{i, 1}}, {{i, 0}}};
  const int last = pass.empty() ? 0 : *std::max_element(pass.begin(), pass.end());
  for (int now = 1; now <= last; ++now)
    for (int i = 0; i < static_cast<int>(A.size()); ++i) {
      if (pass[i] != now) continue;
      Points nearer;
      for (int j : S[i])
        if (pass[j] == now - 1) nearer.insert(j);
      const Weights step = d1(A, S, nearer, i);
      const Real terms = static_cast<Real>(A[i].size());
      for (auto [j, w] : step.w)
        for (auto [c, v] : P[j].w) {
          P[i].w[c] += w * v;
          P[i].roundings[c] += std::abs(w) * P[j].roundings.at(c) +
                               (step.roundings.at(j) + storage * std::abs(w)) * std::abs(v) +
                               terms * std::abs(w * v);
        }
      for (auto [c, w] : P[i].w) P[i].roundings[c] += storage * std::abs(w);
    }
  return P;
}

// Extended+i interpolation, the paper of Ĉ_i.
inline Weights d2(const Rows& A, const Graph& S, const Points& C, int i) {
  if (C.contains(i)) return {{{i, 1}}, {{i, 0}}};
  const Points hat = distance_two(S, C, i);
  Points hat_i = hat;
  hat_i.insert(i);
  Points F;
  for (int k : S[i])
    if (!C.contains(k)) F.insert(k);

  const auto bar = [&](int k, int l) {
    const Real a = at(A[k], l);
    return (a < 0) == (at(A[k], k) < 0) ? 0 : a;
  };
  Row share;  // a_ik / b_ik
  Real a_ii = at(A[i], i), magnitude = std::abs(a_ii);
  Real terms = static_cast<Real>(A[i].size()) + 4;
  for (int k : F) {
    Real b = 0;
    for (int l : hat_i) b += bar(k, l);
    share[k] = b == 0 ? 0 : at(A[i], k) / b;
    const Real term = b == 0 ? at(A[i], k) : share[k] * bar(k, i);
    a_ii += term;
    magnitude += std::abs(term);
    terms += static_cast<Real>(A[k].size());
  }
  for (auto [n, a] : A[i])
    if (n != i && !hat.contains(n) && !F.contains(n)) {
      a_ii += a;
      magnitude += std::abs(a);
    }

  Row numerators, magnitudes;
  Real size = 0;
  for (int j : hat) {
    numerators[j] = at(A[i], j);
    magnitudes[j] = std::abs(at(A[i], j));
    for (int k : F) {
      numerators[j] += share[k] * bar(k, j);
      magnitudes[j] += std::abs(share[k] * bar(k, j));
    }
    size += std::abs(numerators[j]);
  }
  if (size > 4 * std::abs(a_ii)) {
    const Real sign = at(A[i], i) < 0 ? -1 : 1;
    Real contrary = 0;
    for (auto [j, a] : numerators) contrary += std::max<Real>(sign * a, 0);
    // (size − contrary + kept contrary) / (|a_ii| + (1 − kept) contrary) = 4
    const Real kept = std::max<Real>(0, (4 * (sign * a_ii + contrary) - (size - contrary)) / (5 * contrary));
    for (int j : hat)
      if (contrary > 0 && sign * numerators[j] > 0) {
        a_ii += (1 - kept) * numerators[j];
        magnitude += magnitudes[j];
        numerators[j] *= kept;
      }
  }

  Weights result;
  for (int j : hat) {
    result.w[j] = a_ii == 0 ? 0 : -numerators[j] / a_ii;
    result.roundings[j] =
        a_ii == 0 ? 0 : terms * (magnitudes[j] + std::abs(result.w[j]) * magnitude) / std::abs(a_ii);
  }
  return result;
}

// The weights that interp_truncation_factor and interp_max_elements leave of a row.
inline Row truncate(const Row& w, double factor, int max_elements) {
  double largest = 0;
  Real sum = 0;
  for (auto [j, a] : w) {
    largest = std::max(largest, static_cast<double>(std::abs(a)));
    sum += a;
  }
  std::set<std::pair<Real, int>> order;
  for (auto [j, a] : w)
    if (factor > 1 || std::abs(a) >= factor * largest) order.insert({-std::abs(a), j});
  Row kept;
  Real kept_sum = 0, kept_magnitude = 0;
  for (auto [minus_size, j] : order) {
    if (max_elements > 0 && static_cast<int>(kept.size()) == max_elements) break;
    kept[j] = w.at(j);
    kept_sum += w.at(j);
    kept_magnitude -= minus_size;
  }
  if (kept_magnitude > 0)
    for (auto& [j, a] : kept) a += (sum - kept_sum) * std::abs(a) / kept_magnitude;
  return kept;
}

}  // namespace reference
