#include "storage/log/record.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "base/mutation.h"

namespace hygge::storage {

void append_record(std::string& out, RecordType type, std::uint64_t sequence, Bytes payload) {
  HYGGE_ASSERT(payload.size() <= kMaxBodyBytes - kMinBodyBytes);
  const std::size_t start = out.size();
  put_le(out, static_cast<std::uint32_t>(kMinBodyBytes + payload.size()));
  put_le(out, std::uint32_t{0});
  out.push_back(static_cast<char>(type));
  put_le(out, sequence);
  out.append(as_text(payload));
  const Bytes body = as_bytes(out).subspan(start + 8);
  store_le(reinterpret_cast<std::uint8_t*>(out.data()) + start + 4, checksum32(body));
}

std::optional<RecordHeader> parse_record_header(Bytes bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const auto body_bytes = load_le<std::uint32_t>(bytes.data());
  if (body_bytes < kMinBodyBytes || body_bytes > kMaxBodyBytes) return std::nullopt;
  return RecordHeader{static_cast<RecordType>(bytes[8]), load_le<std::uint64_t>(bytes.data() + 9),
                      std::size_t{8} + body_bytes};
}

std::optional<LogRecord> parse_record(Bytes bytes, std::size_t& length) {
  const auto header = parse_record_header(bytes);
  if (!header || bytes.size() < header->record_bytes) return std::nullopt;
  const Bytes body = bytes.subspan(8, header->record_bytes - 8);
  const bool whole = load_le<std::uint32_t>(bytes.data() + 4) == checksum32(body);
  if (!whole && !broken("torn-tail")) return std::nullopt;
  length = header->record_bytes;
  return LogRecord{header->type, header->sequence, body.subspan(kMinBodyBytes)};
}

}  // namespace hygge::storage
