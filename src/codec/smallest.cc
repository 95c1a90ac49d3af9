#include "codec/smallest.h"

#include "base/assert.h"

namespace hygge {

std::string SmallestEncoder::encode(std::span<const TimeMs> t, std::span<const double> v) {
  HYGGE_ASSERT(!t.empty());
  HYGGE_ASSERT(t.size() == v.size());
  HYGGE_ASSERT(t.size() <= pack::kMaxSamples);
  ShapeTracker shape;
  for (const double value : v) shape.add(value);
  relative_.assign(t.begin(), t.end());
  for (TimeMs& time : relative_) time -= t.front();
  gorilla_payload_.clear();
  pack_payload_.clear();
  gorilla_.append(relative_, v, gorilla_payload_);
  pack_.append(relative_, v, pack_payload_);
  const bool pack = pack_payload_.size() <= gorilla_payload_.size();
  std::string out;
  append_envelope(out, shape.shape(), t.back() - t.front(), v.back(),
                  pack ? ChunkCodec::pack : ChunkCodec::gorilla);
  out += pack ? pack_payload_ : gorilla_payload_;
  return out;
}

std::string smallest_encoding(std::span<const TimeMs> t, std::span<const double> v) {
  return SmallestEncoder().encode(t, v);
}

}  // namespace hygge
