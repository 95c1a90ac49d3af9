#include "storage/db/meta.h"

#include <fmt/format.h>

namespace hygge::storage {

namespace {
tl::unexpected<Error> damaged(std::string_view name) {
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

Result<Metadata> decode_metadata_value(Bytes value) {
  ByteReader in(value);
  const std::uint8_t type = in.byte();
  Metadata out;
  out.unit = in.text();
  out.help = in.text();
  if (!in.done() || type > static_cast<std::uint8_t>(MetricType::stateset)) {
    return damaged(kMetadataPrefix);
  }
  out.type = static_cast<MetricType>(type);
  return out;
}

Result<std::uint32_t> decode_high_water(Bytes value) {
  ByteReader in(value);
  const auto next_id = in.le<std::uint32_t>();
  if (!in.done() || next_id == 0) return damaged(kHighWaterName);
  return next_id;
}

Result<TimeBounds> decode_bounds(Bytes value) {
  ByteReader in(value);
  TimeBounds out;
  out.first_ms = in.zigzag_varint();
  out.last_ms = in.zigzag_varint();
  if (!in.done() || out.last_ms < out.first_ms) return damaged(kBoundsName);
  return out;
}

}  // namespace hygge::storage
