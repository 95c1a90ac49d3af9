#include "storage/upkeep/rollup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/checksum.h"
#include "window/cell_row.h"

namespace hygge::storage {

namespace {

constexpr std::uint8_t kRollupVersion = 1;

tl::unexpected<Error> damaged_rollups() {
  return fail(ErrorCode::corruption, fmt::format("meta: entry {} is damaged", kRollupsName));
}

void put_tiers(std::string& out, const std::vector<DurationMs>& tiers) {
  put_varint(out, tiers.size());
  for (const DurationMs tier : tiers) put_varint(out, static_cast<std::uint64_t>(tier));
}

bool read_tiers(ByteReader& in, std::vector<DurationMs>& tiers) {
  for (std::uint64_t left = in.varint(); in.ok() && left > 0; --left) {
    const std::uint64_t tier = in.varint();
    if (tier > static_cast<std::uint64_t>(kDayMs)) return false;
    tiers.push_back(static_cast<DurationMs>(tier));
    if (!windows::is_resolution(tiers.back())) return false;
  }
  return in.ok();
}

bool ends_as_counter(std::string_view metric) {
  return metric.ends_with("_total") || metric.ends_with("_count") || metric.ends_with("_sum") ||
         metric.ends_with("_bucket");
}

}  // namespace

std::uint64_t RollupPolicy::fingerprint() const {
  const std::string text =
      fmt::format("{} {} {}", windows::kCellRowVersion, windows::kCellRowRevision, to_text(rules));
  return hash64(as_bytes(text)) | 1U;
}

RollupChoice choose_rollup(const RollupRule* rule, bool counter) {
  RollupChoice out;
  out.parts = {!counter, false};
  if (rule == nullptr) {
    out.tiers.assign(std::begin(kDefaultTiers), std::end(kDefaultTiers));
    return out;
  }
  out.tiers = rule->tiers;
  if (rule->regression) out.parts = {true, true};
  return out;
}

bool is_counter(std::string_view metric, const std::optional<Metadata>& declared) {
  if (!declared || declared->type == MetricType::unknown) return ends_as_counter(metric);
  switch (declared->type) {
    case MetricType::counter:
      return true;
    case MetricType::histogram:
    case MetricType::summary:
      return ends_as_counter(metric);
    default:
      return false;
  }
}

Result<std::vector<RollupRule>> checked(std::vector<RollupRule> rules) {
  for (RollupRule& rule : rules) {
    for (const DurationMs tier : rule.tiers) {
      if (windows::is_resolution(tier)) continue;
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: a tier of {} ms", to_string(rule.selector), tier),
                  "tiers divide the day, and are at least 10 s: 1m, 5m, 15m, 1h, 1d");
    }
    std::sort(rule.tiers.begin(), rule.tiers.end());
    rule.tiers.erase(std::unique(rule.tiers.begin(), rule.tiers.end()), rule.tiers.end());
  }
  return rules;
}

std::string encode_rollups(const RollupPolicy& policy) {
  std::string out(1, static_cast<char>(kRollupVersion));
  put_varint(out, policy.rules.size());
  for (const RollupRule& rule : policy.rules) {
    put_text(out, to_string(rule.selector));
    out.push_back(rule.regression ? 1 : 0);
    put_tiers(out, rule.tiers);
  }
  put_tiers(out, policy.stored);
  return out;
}

Result<RollupPolicy> decode_rollups(Bytes value) {
  ByteReader in(value);
  const std::uint8_t version = in.byte();
  if (in.ok() && version > kRollupVersion) {
    return fail(ErrorCode::version,
                fmt::format("meta: rollups of version {}: written by a newer library", version));
  }
  RollupPolicy out;
  out.stored.clear();
  for (std::uint64_t left = in.varint(); in.ok() && left > 0; --left) {
    RollupRule rule;
    auto parsed = selector(in.text());
    const std::uint8_t regression = in.byte();
    if (!in.ok() || !parsed || regression > 1 || !read_tiers(in, rule.tiers))
      return damaged_rollups();
    rule.selector = std::move(*parsed);
    rule.regression = regression != 0;
    out.rules.push_back(std::move(rule));
  }
  if (!in.ok() || !read_tiers(in, out.stored) || !in.done() || version == 0)
    return damaged_rollups();
  return out;
}

}  // namespace hygge::storage
