#include "promql/grouping.h"

#include <algorithm>
#include <utility>

#include "model/canonical.h"

namespace hygge::promql {

namespace {

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Labels filtered(const Labels& labels, const std::vector<std::string>& names, bool keep_named) {
  std::vector<Label> kept;
  for (const Label& label : labels) {
    if (is_among(names, label.name) == keep_named) kept.push_back(label);
  }
  // A part of a label set is a label set: sorted, no name twice.
  return Labels::from(std::move(kept)).value_or(Labels());
}

}  // namespace

Labels only(const Labels& labels, const std::vector<std::string>& names) {
  return filtered(labels, names, true);
}

Labels all_but(const Labels& labels, const std::vector<std::string>& names) {
  return filtered(labels, names, false);
}

Grouping::Grouping(bool without, std::vector<std::string> names)
    : without_(without), names_(std::move(names)) {
  if (without_) names_.emplace_back(kNameLabel);
}

Grouping Grouping::all_but_these(std::vector<std::string> names) {
  Grouping result(true, {});
  result.names_ = std::move(names);
  return result;
}

std::size_t Grouping::group_of(const Labels& labels) {
  // All in one group, whatever the labels: no need to look at them.
  if (!without_ && names_.empty()) {
    if (labels_.empty()) labels_.emplace_back();
    return 0;
  }
  // Labels are made for the first series of a group alone.
  key_.clear();
  for (const Label& label : labels) {
    if (is_among(names_, label.name) != without_) append_canonical(key_, label);
  }
  if (const auto known = index_.find(key_); known != index_.end()) return known->second;
  index_.emplace(key_, labels_.size());
  labels_.push_back(without_ ? all_but(labels, names_) : only(labels, names_));
  return labels_.size() - 1;
}

}  // namespace hygge::promql
