// Which group a series belongs to, for `by` and `without`.
#pragma once

#include <hygge/labels.h>

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

namespace hygge::promql {

/// The labels named, of `labels`.
[[nodiscard]] Labels only(const Labels& labels, const std::vector<std::string>& names);
/// All labels but those named.
[[nodiscard]] Labels all_but(const Labels& labels, const std::vector<std::string>& names);

/// Numbers groups as they come: 0, 1, …
class Grouping {
 public:
  /// `without` drops the metric's name, too.
  Grouping(bool without, std::vector<std::string> names);

  /// By all labels but these; the metric's name counts.
  [[nodiscard]] static Grouping all_but_these(std::vector<std::string> names);

  [[nodiscard]] std::size_t group_of(const Labels& labels);
  [[nodiscard]] std::size_t size() const noexcept { return labels_.size(); }
  [[nodiscard]] const Labels& labels(std::size_t group) const noexcept { return labels_[group]; }

 private:
  bool without_;
  std::string key_;  // of the series at hand
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> index_;  // by canonical labels
  std::vector<Labels> labels_;
};

}  // namespace hygge::promql
