#include "storage/upkeep/rollup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/checksum.h"
#include "window/cell_row.h"

namespace hygge::storage {

namespace {

constexpr std::uint8_t kRollupVersion = 1;
constexpr std::uint8_t kSketchVersion = 2;  // a rule has sketches
constexpr std::uint8_t kRegressionBit = 1;
constexpr std::uint8_t kSketchBit = 2;

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
  if (rule->sketch_ppm != 0) {
    out.parts.spread = out.parts.sketch = true;
    out.sketch_ppm = rule->sketch_ppm;
  }
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
    if (rule.sketch_ppm != 0 &&
        (rule.sketch_ppm < kMinSketchPpm || rule.sketch_ppm > kMaxSketchPpm)) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("{}: sketches of {} millionths", to_string(rule.selector), rule.sketch_ppm),
          "0.1 % to 10 %: 1,000 to 100,000 millionths");
    }
    std::sort(rule.tiers.begin(), rule.tiers.end());
    rule.tiers.erase(std::unique(rule.tiers.begin(), rule.tiers.end()), rule.tiers.end());
  }
  return rules;
}

std::string encode_rollups(const RollupPolicy& policy) {
  const bool sketches = std::any_of(policy.rules.begin(), policy.rules.end(),
                                    [](const RollupRule& rule) { return rule.sketch_ppm != 0; });
  std::string out(1, static_cast<char>(sketches ? kSketchVersion : kRollupVersion));
  put_varint(out, policy.rules.size());
  for (const RollupRule& rule : policy.rules) {
    put_text(out, to_string(rule.selector));
    out.push_back(static_cast<char>((rule.regression ? kRegressionBit : 0) |
                                    (rule.sketch_ppm != 0 ? kSketchBit : 0)));
    if (rule.sketch_ppm != 0) put_varint(out, rule.sketch_ppm);
    put_tiers(out, rule.tiers);
  }
  put_tiers(out, policy.stored);
  return out;
}

Result<RollupPolicy> decode_rollups(Bytes value) {
  ByteReader in(value);
  const std::uint8_t version = in.byte();
  if (in.ok() && version > kSketchVersion) {
    return fail(ErrorCode::version,
                fmt::format("meta: rollups of version {}: written by a newer library", version));
  }
  RollupPolicy out;
  out.stored.clear();
  for (std::uint64_t left = in.varint(); in.ok() && left > 0; --left) {
    RollupRule rule;
    auto parsed = selector(in.text());
    const std::uint8_t parts = in.byte();
    const std::uint8_t known =
        version == kSketchVersion ? kRegressionBit | kSketchBit : kRegressionBit;
    if ((parts & ~known) != 0) return damaged_rollups();
    if ((parts & kSketchBit) != 0) {
      const std::uint64_t ppm = in.varint();
      if (ppm < kMinSketchPpm || ppm > kMaxSketchPpm) return damaged_rollups();
      rule.sketch_ppm = static_cast<std::uint32_t>(ppm);
    }
    if (!in.ok() || !parsed || !read_tiers(in, rule.tiers)) return damaged_rollups();
    rule.selector = std::move(*parsed);
    rule.regression = (parts & kRegressionBit) != 0;
    out.rules.push_back(std::move(rule));
  }
  if (!in.ok() || !read_tiers(in, out.stored) || !in.done() || version == 0)
    return damaged_rollups();
  return out;
}

}  // namespace hygge::storage
