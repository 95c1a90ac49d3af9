#include "storage/log/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/checksum.h"

namespace hygge::storage {

namespace {
constexpr std::string_view kMagic = "hyggelog";
constexpr std::string_view kSuffix = ".seg";
constexpr std::size_t kDigits = 20;
}  // namespace

std::string segment_name(std::uint64_t first_sequence) {
  return fmt::format("{:020}{}", first_sequence, kSuffix);
}

std::string encode_segment_header(const LogId& id, std::uint64_t first_sequence) {
  std::string out(kMagic);
  put_le(out, kLogVersion);
  out.append(as_text(id));
  put_le(out, first_sequence);
  put_le(out, checksum32(as_bytes(out)));
  return out;
}

bool header_is_whole(Bytes bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return false;
  const Bytes covered = bytes.first(kSegmentHeaderBytes - 4);
  return load_le<std::uint32_t>(bytes.data() + covered.size()) == checksum32(covered);
}

Result<std::uint64_t> parse_segment_header(Bytes bytes, const LogId& id) {
  ByteReader in(bytes);
  const Bytes magic = in.bytes(kMagic.size());
  const auto version = in.le<std::uint32_t>();
  if (!in.ok() || as_text(magic) != kMagic) return fail(ErrorCode::corruption, "no segment header");
  if (version > kLogVersion) {
    return fail(ErrorCode::version,
                fmt::format("log format {}, this library reads up to {}", version, kLogVersion));
  }
  const Bytes owner = in.bytes(id.size());
  const auto first_sequence = in.le<std::uint64_t>();
  const auto checksum = in.le<std::uint32_t>();
  if (!in.ok() || checksum != checksum32(bytes.first(kSegmentHeaderBytes - 4))) {
    return fail(ErrorCode::corruption, "a damaged segment header");
  }
  if (!std::equal(owner.begin(), owner.end(), id.begin())) {
    return fail(ErrorCode::corruption, "a segment of another database");
  }
  return first_sequence;
}

Result<std::vector<SegmentFile>> list_segments(Files& files, const std::string& dir) {
  const auto entries = files.list(dir);
  if (!entries) return tl::unexpected<Error>(entries.error());
  std::vector<SegmentFile> out;
  for (const FileInfo& entry : *entries) {
    const std::string_view name = entry.name;
    if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) continue;
    SegmentFile segment{fmt::format("{}/{}", dir, name), entry.name, 0, entry.bytes};
    const auto [end, error] =
        std::from_chars(name.data(), name.data() + kDigits, segment.first_sequence);
    if (error != std::errc{} || end != name.data() + kDigits) continue;
    out.push_back(std::move(segment));
  }
  return out;
}

}  // namespace hygge::storage
