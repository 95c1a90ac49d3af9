#include "storage/upkeep/stored.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/envelope.h"
#include "storage/upkeep/merge.h"

namespace hygge::storage {

Result<Head::Known> stored_of(ChunkScan& scan, std::int32_t partition, std::uint32_t series) {
  Head::Known known;
  for (scan.seek({partition, series, 0, 0}); scan.valid(); scan.next()) {
    const ChunkKey key = scan.key();
    if (key.partition != partition || key.series != series) break;
    const auto envelope = read_envelope(scan.value());
    if (!envelope) {
      return fail(envelope.error().code,
                  fmt::format("{} ({})", envelope.error().message, describe(key)));
    }
    known.newest_ms = std::max(known.newest_ms, key.start_ms() + envelope->span_ms);
    const std::uint32_t next = std::min<std::uint32_t>(key.ordinal + 1U, kMaxOrdinal);
    known.next_ordinal = std::max(known.next_ordinal, static_cast<std::uint16_t>(next));
  }
  if (const Error* error = scan.error()) return tl::unexpected<Error>(*error);
  return known;
}

namespace {
constexpr std::uint8_t kKindSamples = 0;
}

std::string encode_series_value(TimeMs birth_ms, std::string_view canonical) {
  std::string out(1, static_cast<char>(kKindSamples));
  put_varint(out, zigzag(birth_ms));
  out += canonical;
  return out;
}

Result<SeriesValue> decode_series_value(Bytes value) {
  ByteReader in(value);
  const std::uint8_t kind = in.byte();
  if (in.ok() && kind != kKindSamples) {
    return fail(ErrorCode::version,
                fmt::format("series of kind {}: written by a newer library", kind));
  }
  SeriesValue out;
  out.birth_ms = in.zigzag_varint();
  out.canonical = as_text(in.rest());
  if (!in.ok()) return fail(ErrorCode::corruption, "a series value is cut short");
  return out;
}

}  // namespace hygge::storage
