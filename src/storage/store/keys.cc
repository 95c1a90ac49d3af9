#include "storage/store/keys.h"

namespace hygge::storage {

namespace {
constexpr std::uint32_t kSignBias = 0x8000'0000U;
}

std::string encode_key(const ChunkKey& key) {
  std::string out;
  out.reserve(kChunkKeyBytes);
  put_be(out, static_cast<std::uint32_t>(key.partition) ^ kSignBias);
  put_be(out, key.series);
  put_be(out, key.start);
  put_be(out, key.ordinal);
  return out;
}

std::optional<ChunkKey> decode_chunk_key(Bytes bytes) noexcept {
  if (bytes.size() != kChunkKeyBytes) return std::nullopt;
  ChunkKey key;
  key.partition = static_cast<std::int32_t>(load_be<std::uint32_t>(bytes.data()) ^ kSignBias);
  key.series = load_be<std::uint32_t>(bytes.data() + 4);
  key.start = load_be<std::uint32_t>(bytes.data() + 8);
  key.ordinal = load_be<std::uint16_t>(bytes.data() + 12);
  if (key.start == 0 || key.start > kDayMs) return std::nullopt;
  return key;
}

std::string encode_key(const CellKey& key) {
  std::string out;
  out.reserve(kCellKeyBytes);
  put_be(out, key.resolution_ms);
  put_be(out, static_cast<std::uint32_t>(key.partition) ^ kSignBias);
  put_be(out, key.series);
  return out;
}

std::optional<CellKey> decode_cell_key(Bytes bytes) noexcept {
  if (bytes.size() != kCellKeyBytes) return std::nullopt;
  CellKey key;
  key.resolution_ms = load_be<std::uint32_t>(bytes.data());
  key.partition = static_cast<std::int32_t>(load_be<std::uint32_t>(bytes.data() + 4) ^ kSignBias);
  key.series = load_be<std::uint32_t>(bytes.data() + 8);
  if (key.resolution_ms == 0 || kDayMs % key.resolution_ms != 0) return std::nullopt;
  return key;
}

std::string encode_series_key(std::uint32_t series) {
  std::string out;
  put_be(out, series);
  return out;
}

std::optional<std::uint32_t> decode_series_key(Bytes bytes) noexcept {
  if (bytes.size() != sizeof(std::uint32_t)) return std::nullopt;
  return load_be<std::uint32_t>(bytes.data());
}

}  // namespace hygge::storage
