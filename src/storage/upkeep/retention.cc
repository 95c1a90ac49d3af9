#include "storage/upkeep/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/partition.h"

namespace hygge::storage {

namespace {

constexpr std::uint8_t kPolicyVersion = 1;
constexpr std::uint8_t kVersionWithCap = 2;

tl::unexpected<Error> damaged() {
  return fail(ErrorCode::corruption, fmt::format("meta: entry {} is damaged", kRetentionName));
}

Result<KeepRule> read_rule(ByteReader& in) {
  KeepRule out;
  auto parsed = selector(in.text());
  const std::uint64_t keep = in.varint();
  out.floor_ms = in.zigzag_varint();
  if (!in.ok() || !parsed || keep > static_cast<std::uint64_t>(kMaxTimeMs)) return damaged();
  out.rule.selector = std::move(*parsed);
  if (keep > 0) out.rule.keep_ms = static_cast<DurationMs>(keep);
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

std::string encode_policy(const KeepPolicy& policy) {
  // What an older library can read, where it can.
  std::string out(1, static_cast<char>(policy.cap_bytes == 0 ? kPolicyVersion : kVersionWithCap));
  put_varint(out, policy.rules.size());
  for (const KeepRule& kept : policy.rules) {
    put_text(out, to_string(kept.rule.selector));
    put_varint(out, static_cast<std::uint64_t>(kept.rule.keep_ms.value_or(0)));
    put_varint(out, zigzag(kept.floor_ms));
  }
  put_varint(out, policy.pins.size());
  for (const Pin& pin : policy.pins) {
    put_text(out, to_string(pin.selector));
    put_varint(out, zigzag(pin.range.after));
    put_varint(out, zigzag(pin.range.until));
  }
  if (policy.cap_bytes != 0) put_varint(out, policy.cap_bytes);
  return out;
}

Result<KeepPolicy> decode_policy(Bytes value) {
  ByteReader in(value);
  const std::uint8_t version = in.byte();
  if (in.ok() && version > kVersionWithCap) {
    return fail(ErrorCode::version,
                fmt::format("meta: retention of version {}: written by a newer library", version));
  }
  KeepPolicy out;
  for (std::uint64_t left = in.varint(); in.ok() && left > 0; --left) {
    auto rule = read_rule(in);
    if (!rule) return tl::unexpected<Error>(rule.error());
    out.rules.push_back(std::move(*rule));
  }
  for (std::uint64_t left = in.varint(); in.ok() && left > 0; --left) {
    auto pin = read_pin(in);
    if (!pin) return tl::unexpected<Error>(pin.error());
    out.pins.push_back(std::move(*pin));
  }
  if (version == kVersionWithCap) out.cap_bytes = in.varint();
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
