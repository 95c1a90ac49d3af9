// inspect_chunk(): a chunk value or a bare payload, taken apart for people.
#include <hygge/chunk_report.h>

#include "codec/envelope.h"
#include "codec/pack/pack.h"

namespace hygge {

namespace {

std::string_view name_of(ChunkShape shape) noexcept {
  switch (shape) {
    case ChunkShape::unknown:
      return "unknown";
    case ChunkShape::constant:
      return "constant";
    case ChunkShape::non_decreasing:
      return "non_decreasing";
    case ChunkShape::other:
      return "other";
  }
  return "unknown";
}

std::string_view name_of(pack::Facts::Kind kind) noexcept {
  switch (kind) {
    case pack::Facts::Kind::constant:
      return "constant";
    case pack::Facts::Kind::xors:
      return "xor";
    case pack::Facts::Kind::scaled:
      return "scaled";
  }
  return "";
}

// `around` is what the envelope takes.
std::optional<ChunkReport::Packing> packing_of(Bytes payload, std::size_t around) {
  pack::Facts facts;
  if (pack::describe(payload, facts) != pack::Error::none) return std::nullopt;
  ChunkReport::Packing out;
  out.bytes = around + payload.size();
  out.times = pack::to_string(facts.times.predictor);
  out.values = name_of(facts.kind);
  if (facts.kind != pack::Facts::Kind::scaled) return out;
  out.predictor = pack::to_string(facts.values.predictor);
  out.divisor = facts.divisor;
  out.last_bits = facts.ulps;
  out.exceptions = facts.exceptions;
  return out;
}

ChunkReport report_of(ChunkCodec codec, Bytes payload, std::size_t around,
                      const ChunkSamples& samples, bool try_pack) {
  ChunkReport out;
  out.codec = to_string(codec);
  ShapeTracker shape;
  for (const double v : samples.v) shape.add(v);
  out.shape = name_of(shape.shape());
  out.samples = samples.t.size();
  out.bytes = around + payload.size();
  out.first_ms = samples.t.front();
  out.last_ms = samples.t.back();
  if (codec == ChunkCodec::pack) {
    out.packing = packing_of(payload, around);
  } else if (try_pack) {
    std::vector<TimeMs> relative = samples.t;
    for (TimeMs& t : relative) t -= samples.t.front();
    std::string packed;
    pack::Encoder().append(relative, samples.v, packed);
    out.packing = packing_of(as_bytes(packed), around);
  }
  return out;
}

// A payload without an envelope: whichever codec reads it to its end.
Result<ChunkReport> inspect_payload(Bytes bytes, bool try_pack) {
  ChunkSamples samples;
  if (pack::decode(bytes, samples.t, samples.v) == pack::Error::none) {
    return report_of(ChunkCodec::pack, bytes, 0, samples, try_pack);
  }
  if (gorilla::decode(bytes, samples) == gorilla::Error::none) {
    return report_of(ChunkCodec::gorilla, bytes, 0, samples, try_pack);
  }
  return fail(ErrorCode::corruption,
              "chunk: neither a chunk value nor a payload of Pack or Gorilla");
}

}  // namespace

Result<ChunkReport> inspect_chunk(std::span<const std::uint8_t> bytes, TimeMs start_ms,
                                  bool try_pack) {
  ChunkSamples samples;
  if (const auto decoded = decode_chunk(bytes, start_ms, samples); !decoded) {
    auto bare = inspect_payload(bytes, try_pack);
    if (bare) return bare;
    return tl::unexpected<Error>(decoded.error());
  }
  const auto envelope = read_envelope(bytes);
  const std::size_t around = bytes.size() - envelope->payload.size();
  return report_of(envelope->codec, envelope->payload, around, samples, try_pack);
}

}  // namespace hygge
