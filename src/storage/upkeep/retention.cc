#include "storage/upkeep/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/partition.h"
#include "window/cell_row.h"

namespace hygge::storage {

namespace {

constexpr std::uint8_t kPolicyVersion = 1;
constexpr std::uint8_t kVersionWithCap = 2;
constexpr std::uint8_t kVersionWithTiers = 3;

// Tiers that are none, do not rise, or are forgotten before their samples.
const TierKeep* wrong_tiers(const RetentionRule& rule) {
  if (!rule.cells) return nullptr;
  DurationMs before = 0;
  for (const TierKeep& tier : *rule.cells) {
    const bool keeps = !tier.keep_ms || (*tier.keep_ms > 0 && *tier.keep_ms <= kMaxTimeMs);
    const bool outlives = !tier.keep_ms || (rule.keep_ms && *tier.keep_ms >= *rule.keep_ms);
    if (!windows::is_resolution(tier.resolution_ms) || tier.resolution_ms <= before || !keeps ||
        !outlives) {
      return &tier;
    }
    before = tier.resolution_ms;
  }
  return nullptr;
}

tl::unexpected<Error> damaged() {
  return fail(ErrorCode::corruption, fmt::format("meta: entry {} is damaged", kRetentionName));
}

bool is_keep(std::uint64_t keep) { return keep <= static_cast<std::uint64_t>(kMaxTimeMs); }

bool read_cells(ByteReader& in, KeepRule& out) {
  const std::uint64_t tiers = in.varint();
  if (!in.ok() || tiers == 0) return in.ok();
  out.rule.cells.emplace();
  for (std::uint64_t left = tiers - 1; in.ok() && left > 0; --left) {
    const std::uint64_t resolution = in.varint();
    const std::uint64_t keep = in.varint();
    out.cell_floors.push_back(in.zigzag_varint());
    if (resolution > static_cast<std::uint64_t>(kDayMs) || !is_keep(keep)) return false;
    TierKeep& tier = out.rule.cells->emplace_back();
    tier.resolution_ms = static_cast<DurationMs>(resolution);
    if (keep > 0) tier.keep_ms = static_cast<DurationMs>(keep);
  }
  return in.ok() && !wrong_tiers(out.rule);
}

Result<KeepRule> read_rule(ByteReader& in, std::uint8_t version) {
  KeepRule out;
  auto parsed = selector(in.text());
  const std::uint64_t keep = in.varint();
  out.floor_ms = in.zigzag_varint();
  if (!in.ok() || !parsed || !is_keep(keep)) return damaged();
  out.rule.selector = std::move(*parsed);
  if (keep > 0) out.rule.keep_ms = static_cast<DurationMs>(keep);
  if (version == kVersionWithTiers && !read_cells(in, out)) return damaged();
  return out;
}

Result<Pin> read_pin(ByteReader& in) {
  Pin out;
  auto parsed = selector(in.text());
  out.range.after = in.zigzag_varint();
  out.range.until = in.zigzag_varint();
  if (!in.ok() || !parsed || out.range.empty()) return damaged();
  out.selector = std::move(*parsed);
  return out;
}

}  // namespace

KeepRule keep_rule(RetentionRule rule, const KeepRule* old) {
  KeepRule out{std::move(rule)};
  if (out.apart()) out.cell_floors.assign(out.rule.cells->size(), kNoFloor);
  if (old == nullptr) return out;
  out.floor_ms = old->floor_ms;
  for (std::size_t i = 0; i < out.cell_floors.size(); ++i) {
    for (std::size_t j = 0; j < old->cell_floors.size(); ++j) {
      if ((*out.rule.cells)[i].resolution_ms != (*old->rule.cells)[j].resolution_ms) continue;
      out.cell_floors[i] = old->cell_floors[j];
    }
  }
  return out;
}

Result<std::vector<RetentionRule>> checked(std::vector<RetentionRule> rules) {
  for (RetentionRule& rule : rules) {
    const std::string name = to_string(rule.selector);
    if (rule.keep_ms && (*rule.keep_ms <= 0 || *rule.keep_ms > kMaxTimeMs)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: a duration of {} ms", name, *rule.keep_ms),
                  "a rule keeps samples for some time, or for ever");
    }
    if (!rule.cells) continue;
    std::stable_sort(rule.cells->begin(), rule.cells->end(), [](const auto& a, const auto& b) {
      return a.resolution_ms < b.resolution_ms;
    });
    if (const TierKeep* const wrong = wrong_tiers(rule)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: a tier of {} ms", name, wrong->resolution_ms),
                  "tiers divide the day and are at least 10 s, each stands once, and is kept at "
                  "least as long as the samples");
    }
  }
  return rules;
}

std::string encode_policy(const KeepPolicy& policy) {
  const bool tiers = policy.tiered || std::any_of(policy.rules.begin(), policy.rules.end(),
                                                  [](const auto& kept) { return kept.apart(); });
  // What an older library can read, where it can.
  const std::uint8_t version = tiers                   ? kVersionWithTiers
                               : policy.cap_bytes == 0 ? kPolicyVersion
                                                       : kVersionWithCap;
  std::string out(1, static_cast<char>(version));
  put_varint(out, policy.rules.size());
  for (const KeepRule& kept : policy.rules) {
    put_text(out, to_string(kept.rule.selector));
    put_varint(out, static_cast<std::uint64_t>(kept.rule.keep_ms.value_or(0)));
    put_varint(out, zigzag(kept.floor_ms));
    if (!tiers) continue;
    put_varint(out, kept.apart() ? 1 + kept.rule.cells->size() : 0);
    for (std::size_t i = 0; i < kept.cell_floors.size(); ++i) {
      const TierKeep& tier = (*kept.rule.cells)[i];
      put_varint(out, static_cast<std::uint64_t>(tier.resolution_ms));
      put_varint(out, static_cast<std::uint64_t>(tier.keep_ms.value_or(0)));
      put_varint(out, zigzag(kept.cell_floors[i]));
    }
  }
  put_varint(out, policy.pins.size());
  for (const Pin& pin : policy.pins) {
    put_text(out, to_string(pin.selector));
    put_varint(out, zigzag(pin.range.after));
    put_varint(out, zigzag(pin.range.until));
  }
  if (version != kPolicyVersion) put_varint(out, policy.cap_bytes);
  return out;
}

Result<KeepPolicy> decode_policy(Bytes value) {
  ByteReader in(value);
  const std::uint8_t version = in.byte();
  if (in.ok() && version > kVersionWithTiers) {
    return fail(ErrorCode::version,
                fmt::format("meta: retention of version {}: written by a newer library", version));
  }
  KeepPolicy out;
  for (std::uint64_t left = in.varint(); in.ok() && left > 0; --left) {
    auto rule = read_rule(in, version);
    if (!rule) return tl::unexpected<Error>(rule.error());
    out.rules.push_back(std::move(*rule));
  }
  for (std::uint64_t left = in.varint(); in.ok() && left > 0; --left) {
    auto pin = read_pin(in);
    if (!pin) return tl::unexpected<Error>(pin.error());
    out.pins.push_back(std::move(*pin));
  }
  if (version >= kVersionWithCap) out.cap_bytes = in.varint();
  out.tiered = version == kVersionWithTiers;
  if (!in.done() || version == 0) return damaged();
  if (version == kVersionWithCap && out.cap_bytes == 0) return damaged();
  return out;
}

TimeMs floor_for(TimeMs now_ms, DurationMs keep_ms) {
  if (now_ms < kMinTimeMs + keep_ms + kDayMs) return kNoFloor;
  return partition_range(partition_of(now_ms - keep_ms)).after;
}

bool jumps(TimeMs before, TimeMs floor_ms, TimeMs oldest_ms) {
  const TimeMs from = std::max(before, oldest_ms);
  return floor_ms > from && floor_ms - from > kLargestJumpMs;
}

std::vector<TimeRange> without(TimeRange range, std::span<const TimeRange> pinned) {
  std::vector<TimeRange> sorted(pinned.begin(), pinned.end());
  std::sort(sorted.begin(), sorted.end(),
            [](TimeRange a, TimeRange b) { return a.after < b.after; });
  std::vector<TimeRange> out;
  for (const TimeRange& pin : sorted) {
    const TimeRange before{range.after, std::min(range.until, pin.after)};
    if (!before.empty()) out.push_back(before);
    range.after = std::max(range.after, pin.until);
  }
  if (!range.empty()) out.push_back(range);
  return out;
}

}  // namespace hygge::storage
