#include "codec/envelope.h"

#include <fmt/format.h>
#include <hygge/gorilla.h>
#include <hygge/sample.h>

#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "base/assert.h"
#include "codec/pack/pack.h"

namespace hygge {

namespace {

constexpr std::uint8_t kCodecMask = 0x0f;
constexpr unsigned kShapeShift = 4;
constexpr std::uint8_t kFreeBits = 0xc0;
constexpr std::uint8_t kRawNumber = 0x7f;
constexpr std::size_t kDivisors = 16;
constexpr double kScaledLimit = 9.0e15;

constexpr std::array<double, kDivisors> kPowersOfTen{1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// The integer q with q / divisor equal to v bit for bit, if v has one.
std::optional<std::int64_t> exact(double v, double divisor) {
  const double scaled = v * divisor;
  if (!(std::fabs(scaled) < kScaledLimit)) return std::nullopt;
  const double rounded = std::nearbyint(scaled);
  if (!same_bits(rounded / divisor, v)) return std::nullopt;
  return static_cast<std::int64_t>(rounded);
}

void append_number(std::string& out, double v) {
  for (std::size_t e = 0; e < kDivisors; ++e) {
    if (const auto q = exact(v, kPowersOfTen[e])) {
      out.push_back(static_cast<char>(e));
      put_varint(out, zigzag(*q));
      return;
    }
  }
  out.push_back(static_cast<char>(kRawNumber));
  put_le(out, std::bit_cast<std::uint64_t>(v));
}

std::optional<double> read_number(ByteReader& in) {
  const std::uint8_t e = in.byte();
  if (e == kRawNumber) return std::bit_cast<double>(in.le<std::uint64_t>());
  if (e >= kDivisors) return std::nullopt;
  return static_cast<double>(in.zigzag_varint()) / kPowersOfTen[e];
}

tl::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::corruption, "chunk: " + std::move(what));
}

// Why the payload is none; "" if it is one.
std::string_view decode_payload(const Envelope& envelope, ChunkSamples& out) {
  if (envelope.codec == ChunkCodec::pack) {
    const pack::Error error = pack::decode(envelope.payload, out.t, out.v);
    return error == pack::Error::none ? "" : pack::to_string(error);
  }
  const gorilla::Error error = gorilla::decode(envelope.payload, out);
  return error == gorilla::Error::none ? "" : gorilla::to_string(error);
}

}  // namespace

const char* to_string(ChunkCodec codec) noexcept {
  return codec == ChunkCodec::pack ? "pack" : "gorilla";
}

ChunkShape ShapeTracker::shape() const noexcept {
  if (constant_) return ChunkShape::constant;
  if (!finite_) return ChunkShape::unknown;
  return rising_ ? ChunkShape::non_decreasing : ChunkShape::other;
}

void append_envelope(std::string& out, ChunkShape shape, DurationMs span_ms, double last,
                     ChunkCodec codec) {
  out.push_back(static_cast<char>(static_cast<unsigned>(codec) |
                                  (static_cast<unsigned>(shape) << kShapeShift)));
  put_varint(out, static_cast<std::uint64_t>(span_ms));
  if (shape == ChunkShape::non_decreasing) append_number(out, last);
}

Result<Envelope> read_envelope(Bytes value) {
  ByteReader in(value);
  const std::uint8_t head = in.byte();
  const auto codec = static_cast<ChunkCodec>(head & kCodecMask);
  if (in.ok() && (codec > ChunkCodec::pack || (head & kFreeBits) != 0)) {
    return fail(ErrorCode::version,
                fmt::format("chunk: written by a newer library (header byte {:#04x})", head));
  }
  Envelope out;
  out.codec = codec;
  out.shape = static_cast<ChunkShape>((head >> kShapeShift) & 3U);
  const std::uint64_t span = in.varint();
  out.span_ms = static_cast<DurationMs>(span);
  if (out.shape == ChunkShape::non_decreasing) {
    out.last = read_number(in);
    if (!out.last) return corrupt("its last value is in no known form");
  }
  out.payload = in.rest();
  if (!in.ok() || span > static_cast<std::uint64_t>(kDayMs))
    return corrupt("its envelope is damaged");
  return out;
}

std::string encode_chunk(std::span<const TimeMs> t, std::span<const double> v) {
  HYGGE_ASSERT(!t.empty());
  HYGGE_ASSERT(t.size() == v.size());
  ShapeTracker shape;
  for (const double value : v) shape.add(value);
  std::vector<TimeMs> relative(t.begin(), t.end());
  for (TimeMs& time : relative) time -= t.front();
  std::string out;
  append_envelope(out, shape.shape(), t.back() - t.front(), v.back());
  gorilla::Encoder encoder;
  encoder.append(relative, v, out);
  return out;
}

namespace {

// Whether times from 0 to at most a day later rise strictly: then no step is 2^31 ms, and steps
// below that do not wrap round even when added up. That they are is gathered without a branch a
// sample.
bool rises(std::span<const TimeMs> t) noexcept {
  std::uint64_t bits = 0;
  for (std::size_t i = 1; i < t.size(); ++i) {
    bits |= static_cast<std::uint64_t>(t[i]) - static_cast<std::uint64_t>(t[i - 1]) - 1;
  }
  return ((bits | t.size()) >> 31U) == 0;
}

}  // namespace

Result<void> decode_chunk(Bytes value, TimeMs start_ms, ChunkSamples& out) {
  const auto envelope = read_envelope(value);
  if (!envelope) return tl::unexpected<Error>(envelope.error());
  if (const std::string_view why = decode_payload(*envelope, out); !why.empty()) {
    return corrupt(fmt::format("{} payload {}", to_string(envelope->codec), why));
  }
  if (out.t.front() != 0 || out.t.back() != envelope->span_ms) {
    return corrupt("its times do not fit its envelope");
  }
  if (!rises(out.t)) return corrupt("its times do not rise");
  for (TimeMs& t : out.t) t += start_ms;
  return {};
}

Result<std::uint32_t> chunk_count(Bytes value) {
  const auto envelope = read_envelope(value);
  if (!envelope) return tl::unexpected<Error>(envelope.error());
  const std::size_t n = envelope->codec == ChunkCodec::pack ? pack::count(envelope->payload)
                                                            : gorilla::count(envelope->payload);
  if (n == 0) return corrupt("its payload is damaged");
  return static_cast<std::uint32_t>(n);
}

}  // namespace hygge
