#include <fmt/format.h>
#include <hygge/labels.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "model/quote.h"

namespace hygge {

Result<Labels> Labels::from(std::vector<Label> labels) {
  std::sort(labels.begin(), labels.end());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const Label& label = labels[i];
    if (label.name.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a label without a name (its value is {})", quoted(label.value)));
    }
    if (!is_utf8(label.name) || !is_utf8(label.value)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("label {} is not UTF-8", quoted(label.name)));
    }
    if (i > 0 && labels[i - 1].name == label.name) {
      return fail(ErrorCode::invalid_argument, fmt::format("label {} twice", quoted(label.name)));
    }
  }
  std::erase_if(labels, [](const Label& label) { return label.value.empty(); });
  Labels result;
  result.labels_ = std::move(labels);
  return result;
}

std::string_view Labels::get(std::string_view name) const noexcept {
  const auto at = std::lower_bound(labels_.begin(), labels_.end(), name,
                                   [](const Label& l, std::string_view n) { return l.name < n; });
  return at != labels_.end() && at->name == name ? std::string_view(at->value) : std::string_view();
}

void Labels::set(std::string_view name, std::string_view value) {
  const auto at = std::lower_bound(labels_.begin(), labels_.end(), name,
                                   [](const Label& l, std::string_view n) { return l.name < n; });
  const bool found = at != labels_.end() && at->name == name;
  if (value.empty()) {
    if (found) labels_.erase(at);
  } else if (found) {
    at->value = value;
  } else {
    labels_.insert(at, {std::string(name), std::string(value)});
  }
}

std::string to_string(const Labels& labels) {
  const std::string_view metric = labels.metric();
  const bool bare = is_metric_name(metric);
  std::string out(bare ? metric : std::string_view());
  std::string inside;
  if (!bare && !metric.empty()) inside = quoted(metric);
  for (const Label& label : labels) {
    if (label.name == kNameLabel) continue;
    if (!inside.empty()) inside += ',';
    inside += is_label_name(label.name) ? label.name : quoted(label.name);
    inside += '=';
    inside += quoted(label.value);
  }
  if (!inside.empty() || out.empty()) out += '{' + inside + '}';
  return out;
}

}  // namespace hygge
