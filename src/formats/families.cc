#include "formats/families.h"

#include <array>
#include <utility>

#include "formats/suffixes.h"

namespace hygge::formats {

namespace {

// What the sink knows a family by.
std::string_view short_name(const Family& family) {
  std::string_view name = family.name;
  if (family.metadata.type == MetricType::counter && name.size() > kTotal.size() &&
      name.ends_with(kTotal)) {
    name.remove_suffix(kTotal.size());
  }
  return name;
}

}  // namespace

Family* Families::find(std::string_view name) {
  const auto at = families_.find(name);
  return at == families_.end() ? nullptr : &at->second;
}

Family& Families::named(std::string_view name) {
  if (Family* family = find(name)) return *family;
  Family& family = families_[std::string(name)];
  family.name = name;
  return family;
}

Family* Families::of_sample(std::string_view metric, std::string_view& suffix) {
  suffix = {};
  if (Family* same = find(metric); same != nullptr && same->type) return same;
  for (const std::string_view candidate : kSuffixes) {
    if (!metric.ends_with(candidate)) continue;
    Family* const family = find(metric.substr(0, metric.size() - candidate.size()));
    if (family != nullptr && family->type && has_suffix(*family->type, candidate)) {
      suffix = candidate;
      return family;
    }
  }
  return find(metric);
}

void Families::wait(Family& family) {
  if (!std::exchange(family.waits, true)) waiting_.push_back(&family);
}

bool Families::declare_type(Family& family, MetricType type) {
  if (family.type) return *family.type == type;
  family.type = type;
  family.metadata.type = type;
  ++types_;
  wait(family);
  return true;
}

void Families::assume_type(Family& family, MetricType type) {
  if (family.type || family.metadata.type == type) return;
  family.metadata.type = type;
  wait(family);
}

bool Families::declare_help(Family& family, std::string help) {
  if (std::exchange(family.has_help, true)) return family.metadata.help == help;
  family.metadata.help = std::move(help);
  wait(family);
  return true;
}

bool Families::declare_unit(Family& family, std::string unit) {
  if (std::exchange(family.has_unit, true)) return family.metadata.unit == unit;
  family.metadata.unit = std::move(unit);
  wait(family);
  return true;
}

Result<void> Families::publish(Sink& sink, const std::string& prefix) {
  for (Family* family : waiting_) {
    family->waits = false;
    if (auto done = publish(*family, sink, prefix); !done) return done;
  }
  waiting_.clear();
  return {};
}

Result<void> Families::publish(const Family& family, Sink& sink, const std::string& prefix) {
  std::string_view key = short_name(family);
  const auto owner = owners_.find(key);
  if (owner != owners_.end() && owner->second != &family) {
    if (key != family.name) {
      key = family.name;
    } else {
      // A counter goes by this name without being called so: it gets its full one back.
      const Family& other = *owner->second;
      owner->second = &family;
      owners_[other.name] = &other;
      if (auto done = sink.metadata(prefix + other.name, other.metadata); !done) return done;
    }
  }
  owners_[std::string(key)] = &family;
  return sink.metadata(prefix + std::string(key), family.metadata);
}

}  // namespace hygge::formats
