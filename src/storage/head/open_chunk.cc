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

std::string OpenChunk::take_value() {
  encode();
  std::string out;
  append_envelope(out, encoded_.shape.shape(), last_ms_ - start_ms_, encoded_.shape.last());
  encoded_.samples.append_payload(out);
  return out;
}

std::string OpenChunk::value() const { return OpenChunk(*this).take_value(); }

}  // namespace hygge::storage
