// Series grouped by family, as the exporters want them.
#include <hygge/formats.h>

#include <algorithm>
#include <map>
#include <utility>

#include "formats/suffixes.h"

namespace hygge::formats {

namespace {

bool fits(std::string_view metric, const std::optional<Metadata>& metadata) {
  if (!metadata) return true;
  if (metadata->type == MetricType::delta) return false;
  return metadata->type != MetricType::counter || metric.ends_with(kTotal);
}

}  // namespace

std::string family_of(std::string_view metric, const std::optional<Metadata>& metadata) {
  for (const std::string_view suffix : kSuffixes) {
    // A stored `x_created` is a series of its own: as a sample of `x` it would be a start time.
    if (metadata && suffix != "_created" && has_suffix(metadata->type, suffix) &&
        metric.ends_with(suffix) && metric.size() > suffix.size()) {
      return std::string(metric.substr(0, metric.size() - suffix.size()));
    }
  }
  return std::string(metric);
}

MetricType series_type(std::string_view metric, MetricType family_type) {
  const bool adds_up = metric.ends_with("_sum") || metric.ends_with("_count");
  switch (family_type) {
    case MetricType::histogram:
      return adds_up || metric.ends_with("_bucket") ? MetricType::counter : MetricType::gauge;
    case MetricType::summary:
      return adds_up ? MetricType::counter : MetricType::gauge;
    case MetricType::gauge_histogram:
    case MetricType::info:
    case MetricType::stateset:
      return MetricType::gauge;
    default:
      return family_type;
  }
}

std::vector<ExportFamily> group_families(
    std::size_t count, const std::function<const Labels&(std::size_t index)>& labels,
    const std::function<std::optional<Metadata>(std::string_view metric)>& metadata) {
  std::map<std::string, ExportFamily, std::less<>> families;
  std::map<std::string, std::vector<std::size_t>, std::less<>> metrics;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view metric = labels(i).metric();
    auto at = metrics.find(metric);
    if (at == metrics.end()) at = metrics.emplace(std::string(metric), 0).first;
    at->second.push_back(i);
  }
  for (auto& [metric, series] : metrics) {
    const auto known = metadata(metric);
    std::string name = family_of(metric, known);
    bool type_fits = fits(metric, known);
    // A family has one type, and one that is written as unknown has no suffixes. Metrics come
    // sorted, so that `x` has its say before `x_total`.
    const auto taken = families.find(name);
    if (taken != families.end() && (taken->second.metadata != known || !taken->second.type_fits)) {
      name = metric;
      type_fits = false;
    }
    ExportFamily& family = families[name];
    if (family.name.empty()) {
      family.name = name;
      family.metadata = known;
      family.type_fits = type_fits;
    }
    family.type_fits = family.type_fits && type_fits;
    family.series.insert(family.series.end(), series.begin(), series.end());
  }
  std::vector<ExportFamily> out;
  for (auto& [name, family] : families) {
    std::sort(family.series.begin(), family.series.end(),
              [&](std::size_t a, std::size_t b) { return labels(a) < labels(b); });
    out.push_back(std::move(family));
  }
  return out;
}

}  // namespace hygge::formats
