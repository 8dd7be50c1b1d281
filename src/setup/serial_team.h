#pragma once

#include <cstdint>

namespace amg {

// A team computes one row of a setup kernel. The row functions beside this file are written in a team's words, so
// that one thread of the host and the lanes of a GPU's warp (cuda::WarpTeam) follow the same formulas: every member
// calls the same words, and sums differ by the order of their terms only, which is fixed for each kind of team.
//
// The team of one.
struct SerialTeam {
  // Calls f(e) for every e of [begin, end). What it wrote is then seen by the whole team.
  template <class F>
  void for_each(std::int64_t begin, std::int64_t end, F&& f) const {
    for (std::int64_t e = begin; e < end; ++e) f(e);
  }

  // The whole team together calls f(e) for one e after the other, where keep(e). What keep(e) writes, f(e) sees;
  // members may have asked keep() of a few elements more by then.
  template <class Keep, class F>
  void one_by_one(std::int64_t begin, std::int64_t end, Keep&& keep, F&& f) const {
    for (std::int64_t e = begin; e < end; ++e)
      if (keep(e)) f(e);
  }

  // Calls f(e, rank) for every e that keep(e) holds for; ranks count them in order. Returns their number.
  template <class Keep, class F>
  std::int64_t select(std::int64_t begin, std::int64_t end, Keep&& keep, F&& f) const {
    std::int64_t count = 0;
    for (std::int64_t e = begin; e < end; ++e) {
      const bool kept = keep(e);
      if (kept) f(e, count);
      count += kept ? 1 : 0;
    }
    return count;
  }

  // Writes those of make(begin), …, make(end - 1) that keep(made) holds for to `out`, in order; returns their
  // number. Needs room for all: which are kept may be a coin toss, so they are picked without a branch.
  template <class Make, class Keep, class Out>
  std::int64_t compact(std::int64_t begin, std::int64_t end, Make&& make, Keep&& keep, Out* out) const {
    std::int64_t count = 0;
    for (std::int64_t e = begin; e < end; ++e) {
      out[count] = make(e);
      count += keep(out[count]) ? 1 : 0;
    }
    return count;
  }

  bool leads() const { return true; }  // one member of the team does

  // What the members hold, joined.
  double sum(double x) const { return x; }
  double max(double x) const { return x; }
  std::int64_t min(std::int64_t x) const { return x; }
  std::uint64_t bits(std::uint64_t x) const { return x; }  // that any of them has set
  bool any(bool x) const { return x; }
};

}  // namespace amg
