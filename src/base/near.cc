#include "base/near.h"

#include <algorithm>

namespace hygge {

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t longer = std::max(a.size(), b.size());
  const std::size_t shorter = std::min(a.size(), b.size());
  if (longer - shorter > limit) return limit + 1;
  // Three rows of the optimal string alignment table: i − 2, i − 1 and i.
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return std::min(above[b.size()], limit + 1);
}

namespace {

template <typename Text>
std::string_view nearest_of(std::string_view name, std::span<const Text> candidates,
                            std::size_t limit) {
  std::string_view best;
  std::size_t best_distance = limit + 1;
  for (const Text& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate, limit);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace

std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates,
                         std::size_t limit) {
  return nearest_of(name, candidates, limit);
}
std::string_view nearest(std::string_view name, std::span<const std::string> candidates,
                         std::size_t limit) {
  return nearest_of(name, candidates, limit);
}

}  // namespace hygge
