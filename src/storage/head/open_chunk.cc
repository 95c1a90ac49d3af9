#include "storage/head/open_chunk.h"

namespace hygge::storage {

void OpenChunk::encode() {
  for (std::size_t i = 0; i < waiting_; ++i) {
    encoded_.samples.append(t_[i], v_[i]);
    encoded_.shape.add(v_[i]);
  }
  encoded_count_ = static_cast<std::uint16_t>(encoded_count_ + waiting_);
  waiting_ = 0;
}

std::string OpenChunk::value_of(const Encoded& encoded, DurationMs span_ms) {
  std::string out;
  append_envelope(out, encoded.shape.shape(), span_ms, encoded.shape.last());
  encoded.samples.append_payload(out);
  return out;
}

std::string OpenChunk::take_value() {
  encode();
  return value_of(encoded_, last_ms_ - start_ms_);
}

std::string OpenChunk::value() const { return OpenChunk(*this).take_value(); }

}  // namespace hygge::storage
