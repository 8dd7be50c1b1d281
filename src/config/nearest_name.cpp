#include "config/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace amg {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Levenshtein's distance with swapped neighbours as one error, not minding case.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last, row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool equal = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (equal ? 0u : 1u)});
      const bool swapped =
          i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
  // One error in three letters is still a misspelling, more is another word.
  const std::size_t reach = (std::min<std::size_t>(name.size(), 32) + 2) / 3;
  std::size_t best = reach + 1;
  std::string_view nearest;
  for (const std::string_view candidate : known) {
    if (name.size() > candidate.size() + reach || candidate.size() > name.size() + reach) continue;
    if (const std::size_t d = distance(name, candidate); d < best) {
      best = d;
      nearest = candidate;
    }
  }
  return best > reach ? "" : "; did you mean `" + std::string(nearest) + "`?";
}

}  // namespace amg
