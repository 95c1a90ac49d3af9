#include "storage/head/open_chunk.h"

#include "base/assert.h"

namespace hygge::storage {

void OpenChunk::start(TimeMs start_ms, std::uint64_t first_sequence) noexcept {
  start_ms_ = start_ms;
  last_ms_ = start_ms;
  first_sequence_ = first_sequence;
  minute_ = 0;
  encoded_count_ = 0;
  waiting_ = 0;
  encoded_.samples.clear();
  encoded_.shape = {};
}

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

OpenChunks::Ptr OpenChunks::take(TimeMs start_ms, std::uint64_t first_sequence) {
  if (free_.empty()) {
    blocks_.push_back(std::make_unique<OpenChunk[]>(kBlockChunks));
    free_.reserve(blocks_.size() * kBlockChunks);
    for (std::size_t i = kBlockChunks; i > 0; --i) {
      free_.push_back(&blocks_.back()[i - 1]);
      free_.back()->home_ = this;
    }
  }
  Ptr chunk(free_.back());
  free_.pop_back();
  ++size_;
  chunk->start(start_ms, first_sequence);
  return chunk;
}

// When a day is over and all have closed, what the next ones need is made anew.
void OpenChunks::give_back(OpenChunk* chunk) noexcept {
  HYGGE_ASSERT(size_ > 0);
  --size_;
  free_.push_back(chunk);
  if (size_ > 0 || blocks_.size() == 1) return;
  free_.clear();
  blocks_.clear();
}

}  // namespace hygge::storage
