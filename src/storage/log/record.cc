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

std::optional<LogRecord> parse_record(Bytes bytes, std::size_t& length) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const auto body_bytes = load_le<std::uint32_t>(bytes.data());
  if (body_bytes < kMinBodyBytes || body_bytes > kMaxBodyBytes) return std::nullopt;
  if (bytes.size() - 8 < body_bytes) return std::nullopt;
  const Bytes body = bytes.subspan(8, body_bytes);
  const bool whole = load_le<std::uint32_t>(bytes.data() + 4) == checksum32(body);
  if (!whole && !broken("torn-tail")) return std::nullopt;
  length = 8 + body_bytes;
  return LogRecord{static_cast<RecordType>(body[0]), load_le<std::uint64_t>(body.data() + 1),
                   body.subspan(kMinBodyBytes)};
}

}  // namespace hygge::storage
