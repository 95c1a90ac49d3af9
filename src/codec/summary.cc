#include "codec/summary.h"

#include <hygge/gorilla.h>

#include <bit>
#include <cmath>

#include "codec/pack/pack.h"

namespace hygge {

namespace {

std::optional<double> gorilla_first(Bytes payload) noexcept {
  gorilla::detail::Layout layout;
  if (gorilla::detail::read_layout(payload, layout) != gorilla::Error::none) return std::nullopt;
  return std::bit_cast<double>(gorilla::detail::load_be64(layout.values.data()));
}

}  // namespace

std::optional<double> ChunkSummary::increase() const noexcept {
  if (!last || !std::isfinite(first)) return std::nullopt;
  return shape == ChunkShape::constant ? 0 : *last - first;
}

Result<ChunkSummary> summary(Bytes value) {
  const auto envelope = read_envelope(value);
  if (!envelope) return tl::unexpected<Error>(envelope.error());
  const auto count = chunk_count(value);
  if (!count) return tl::unexpected<Error>(count.error());
  const auto first = envelope->codec == ChunkCodec::pack ? pack::first_value(envelope->payload)
                                                         : gorilla_first(envelope->payload);
  if (!first) return fail(ErrorCode::corruption, "chunk: its payload is damaged");
  ChunkSummary out;
  out.codec = envelope->codec;
  out.shape = envelope->shape;
  out.count = *count;
  out.span_ms = envelope->span_ms;
  out.first = *first;
  out.last = envelope->last;
  if (out.shape == ChunkShape::constant) out.last = out.first;
  return out;
}

}  // namespace hygge
