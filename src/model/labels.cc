#include <fmt/format.h>
#include <hygge/labels.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "model/quote.h"

namespace hygge {

namespace {

auto find(std::span<const Label> labels, std::string_view name) {
  return std::lower_bound(labels.begin(), labels.end(), name,
                          [](const Label& l, std::string_view n) { return l.name < n; });
}

}  // namespace

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
  return Labels(std::move(labels));
}

Labels::Labels(std::vector<Label> sorted) {
  if (!sorted.empty()) labels_ = std::make_shared<const std::vector<Label>>(std::move(sorted));
}

std::string_view Labels::get(std::string_view name) const noexcept {
  const auto at = find(span(), name);
  return at != end() && at->name == name ? std::string_view(at->value) : std::string_view();
}

void Labels::set(std::string_view name, std::string_view value) {
  const auto at = find(span(), name);
  const bool found = at != end() && at->name == name;
  if (value.empty() && !found) return;
  std::vector<Label> changed(begin(), end());
  const auto place = changed.begin() + (at - begin());
  if (value.empty()) {
    changed.erase(place);
  } else if (found) {
    place->value = value;
  } else {
    changed.insert(place, {std::string(name), std::string(value)});
  }
  *this = Labels(std::move(changed));
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
