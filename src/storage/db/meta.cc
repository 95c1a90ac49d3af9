#include "storage/db/meta.h"

#include <fmt/format.h>

#include <limits>

namespace hygge::storage {

namespace {
tl::unexpected<Error> damaged_entry(std::string_view name) {
  return fail(ErrorCode::corruption, fmt::format("meta: entry {} is damaged", name));
}
}  // namespace

std::string metadata_name(std::string_view family) {
  return std::string(kMetadataPrefix) + std::string(family);
}

std::string encode_metadata_value(const Metadata& metadata) {
  std::string out(1, static_cast<char>(metadata.type));
  put_text(out, metadata.unit);
  put_text(out, metadata.help);
  return out;
}

std::string encode_high_water(std::uint32_t next_id) {
  std::string out;
  put_le(out, next_id);
  return out;
}

std::string encode_bounds(const TimeBounds& bounds) {
  std::string out;
  put_varint(out, zigzag(bounds.first_ms));
  put_varint(out, zigzag(bounds.last_ms));
  return out;
}

std::string encode_write_policy(const WritePolicy& policy) {
  std::string out(1, static_cast<char>(policy.out_of_order.mode));
  put_varint(out, static_cast<std::uint64_t>(policy.out_of_order.within_ms));
  out.push_back(static_cast<char>(policy.on_duplicate));
  return out;
}

Result<WritePolicy> decode_write_policy(Bytes value) {
  ByteReader in(value);
  const std::uint8_t mode = in.byte();
  const std::uint64_t within_ms = in.varint();
  const std::uint8_t on_duplicate = in.byte();
  constexpr auto kLastMode = static_cast<std::uint8_t>(OutOfOrder::Mode::refuse);
  constexpr auto kLastDuplicate = static_cast<std::uint8_t>(OnDuplicate::error);
  if (!in.done() || mode > kLastMode || on_duplicate > kLastDuplicate ||
      within_ms > static_cast<std::uint64_t>(std::numeric_limits<DurationMs>::max())) {
    return damaged_entry(kWritePolicyName);
  }
  return WritePolicy{{static_cast<OutOfOrder::Mode>(mode), static_cast<DurationMs>(within_ms)},
                     static_cast<OnDuplicate>(on_duplicate)};
}

Result<Metadata> decode_metadata_value(Bytes value) {
  ByteReader in(value);
  const std::uint8_t type = in.byte();
  Metadata out;
  out.unit = in.text();
  out.help = in.text();
  if (!in.done() || type > static_cast<std::uint8_t>(MetricType::stateset)) {
    return damaged_entry(kMetadataPrefix);
  }
  out.type = static_cast<MetricType>(type);
  return out;
}

Result<std::uint32_t> decode_high_water(Bytes value) {
  ByteReader in(value);
  const auto next_id = in.le<std::uint32_t>();
  if (!in.done() || next_id == 0) return damaged_entry(kHighWaterName);
  return next_id;
}

Result<TimeBounds> decode_bounds(Bytes value) {
  ByteReader in(value);
  TimeBounds out;
  out.first_ms = in.zigzag_varint();
  out.last_ms = in.zigzag_varint();
  if (!in.done() || out.last_ms < out.first_ms) return damaged_entry(kBoundsName);
  return out;
}

}  // namespace hygge::storage
