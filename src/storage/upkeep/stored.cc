#include "storage/upkeep/stored.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/envelope.h"
#include "model/partition.h"
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

// Keys of a pair as numbers: start, then ordinal.
std::uint64_t number_of(const ChunkKey& key) {
  return std::uint64_t{key.start} << 16U | key.ordinal;
}

}  // namespace

bool pass_damage(ChunkScan& scan, const ChunkKey& from) {
  const auto readable = [&](std::uint64_t number) {
    scan.seek({from.partition, from.series, static_cast<std::uint32_t>(number >> 16U),
               static_cast<std::uint16_t>(number)});
    return scan.error() == nullptr;
  };
  constexpr std::uint64_t kEnd = std::uint64_t{kDayMs + 1} << 16U;
  constexpr std::uint64_t kStride = std::uint64_t{15 * kMinuteMs} << 16U;
  std::uint64_t bad = number_of(from);
  std::uint64_t good = bad;
  do {
    if (good >= kEnd) return false;
    good = std::min(good + kStride, kEnd);
  } while (!readable(good));
  while (good - bad > 1) {
    const std::uint64_t middle = bad + (good - bad) / 2;
    (readable(middle) ? good : bad) = middle;
  }
  return readable(good) && scan.valid() && scan.key().partition == from.partition &&
         scan.key().series == from.series;
}

Head::Known beyond_damage(ChunkScan& scan, std::int32_t partition, std::uint32_t series) {
  std::uint32_t ordinal = 0;
  ChunkKey from{partition, series, 0, 0};
  scan.seek(from);
  do {
    for (; scan.valid(); scan.next()) {
      const ChunkKey key = scan.key();
      if (key.partition != partition || key.series != series) break;
      ordinal = std::max<std::uint32_t>(ordinal, key.ordinal);
      from = next_possible(key);
    }
  } while (scan.error() != nullptr && pass_damage(scan, from));
  // More than the entries of a block of 16 KiB, of which each takes more than 16 bytes. Leapt over
  // once: what is written from then on lies past it.
  constexpr std::uint32_t kMostInABlock = 1'024;
  ordinal = std::max(kMostInABlock, std::min<std::uint32_t>(ordinal + 1, kMaxOrdinal));
  return {partition_range(partition).until, static_cast<std::uint16_t>(ordinal), true};
}

Result<std::optional<std::pair<TimeMs, TimeMs>>> stored_bounds(ChunkScan& scan,
                                                               std::int32_t partition) {
  std::optional<std::pair<TimeMs, TimeMs>> out;
  for (scan.seek({partition, 0, 0, 0}); scan.valid(); scan.next()) {
    const ChunkKey key = scan.key();
    if (key.partition != partition) break;
    const auto envelope = read_envelope(scan.value());
    if (!envelope) {
      return fail(envelope.error().code,
                  fmt::format("{} ({})", envelope.error().message, describe(key)));
    }
    const TimeMs first_ms = key.start_ms();
    const TimeMs last_ms = first_ms + envelope->span_ms;
    out = out ? std::pair(std::min(out->first, first_ms), std::max(out->second, last_ms))
              : std::pair(first_ms, last_ms);
  }
  if (const Error* error = scan.error()) return tl::unexpected<Error>(*error);
  return out;
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
