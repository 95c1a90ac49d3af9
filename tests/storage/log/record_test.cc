// The bytes of records and segments, one by one and against a golden segment.
#include "storage/log/record.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "model/canonical.h"
#include "storage/log/payloads.h"
#include "storage/log/segment.h"
#include "tests/storage/log/log_support.h"
#include "tests/support/source_dir.h"

namespace hygge::storage {
namespace {

std::string record_of(std::string_view payload, std::uint64_t sequence = 42) {
  std::string out;
  append_record(out, RecordType::samples, sequence, as_bytes(payload));
  return out;
}

TEST(Record, LiesAsThePictureSays) {
  const std::string bytes = record_of("abc", 0x0102030405060708);
  ASSERT_EQ(bytes.size(), kRecordHeaderBytes + 3);
  EXPECT_EQ(bytes.substr(0, 4), std::string("\x0c\0\0\0", 4));
  EXPECT_EQ(bytes[8], 1);
  EXPECT_EQ(bytes.substr(9, 8), "\x08\x07\x06\x05\x04\x03\x02\x01");
  EXPECT_EQ(bytes.substr(17), "abc");
  EXPECT_EQ(load_le<std::uint32_t>(as_bytes(bytes).data() + 4),
            checksum32(as_bytes(bytes).subspan(8)));
}

TEST(Record, ComesBackWithWhatFollowsUntouched) {
  const std::string bytes = record_of("payload", 7) + record_of("", 8) + "rest";
  std::size_t length = 0;
  const auto first = parse_record(as_bytes(bytes), length);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->sequence, 7U);
  EXPECT_EQ(as_text(first->payload), "payload");
  const auto second = parse_record(as_bytes(bytes).subspan(length), length);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->sequence, 8U);
  EXPECT_TRUE(second->payload.empty());
  EXPECT_EQ(length, kRecordHeaderBytes);
}

TEST(Record, CutOrFlippedAnywhereIsNone) {
  const std::string whole = record_of("some payload");
  std::size_t length = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_record(as_bytes(whole).first(size), length)) << size;
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole + std::string(300, 'x');
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(parse_record(as_bytes(flipped), length)) << bit;
  }
}

TEST(Record, UnusedSpaceAndForgedLengthsAreNone) {
  std::size_t length = 0;
  EXPECT_FALSE(parse_record(as_bytes(std::string(64, '\0')), length));
  for (const std::uint32_t forged : {1U, 8U, kMaxBodyBytes + 1, 0xffff'ffffU}) {
    std::string bytes = record_of("x");
    store_le(reinterpret_cast<std::uint8_t*>(bytes.data()), forged);
    EXPECT_FALSE(parse_record(as_bytes(bytes), length)) << forged;
  }
}

TEST(Segment, NamesSortAsSequencesDo) {
  EXPECT_EQ(segment_name(1), "00000000000000000001.seg");
  EXPECT_EQ(segment_name(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615.seg");
  EXPECT_LT(segment_name(9), segment_name(10));
}

TEST(Segment, ListsSegmentsAndNothingElse) {
  test::FaultyFiles files;
  make_log_dir(files);
  for (const char* name :
       {"00000000000000000010.seg", "00000000000000000002.seg", "0000000000000000000x.seg", "1.seg",
        "00000000000000000003.tmp", "99999999999999999999.seg", "notes"}) {
    files.put(kTestDir + "/" + name, "text");
  }
  const auto segments = list_segments(files, kTestDir).value();
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[0].first_sequence, 2U);
  EXPECT_EQ(segments[1].first_sequence, 10U);
  EXPECT_EQ(segments[1].path, segment_path(10));
  EXPECT_EQ(segments[1].bytes, 4U);
}

TEST(Segment, AHeaderComesBackOrSaysWhatIsWrong) {
  const std::string header = encode_segment_header(kTestId, 77);
  ASSERT_EQ(header.size(), kSegmentHeaderBytes);
  EXPECT_EQ(parse_segment_header(as_bytes(header + "more"), kTestId).value(), 77U);
  for (std::size_t size = 0; size < header.size(); ++size) {
    EXPECT_EQ(parse_segment_header(as_bytes(header).first(size), kTestId).error().code,
              ErrorCode::corruption);
  }
  for (std::size_t bit = 0; bit < header.size() * 8; ++bit) {
    std::string flipped = header;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = parse_segment_header(as_bytes(flipped), kTestId);
    ASSERT_FALSE(parsed) << bit;
    const bool in_version = bit / 8 >= 8 && bit / 8 < 12;
    if (!in_version) {
      EXPECT_EQ(parsed.error().code, ErrorCode::corruption) << bit;
    }
  }
  LogId other = kTestId;
  other[0] = 99;
  EXPECT_NE(parse_segment_header(as_bytes(header), other).error().message.find("another database"),
            std::string::npos);
}

TEST(Segment, ANewerFormatIsNamed) {
  std::string header = encode_segment_header(kTestId, 1);
  header[8] = static_cast<char>(kLogVersion + 1);
  store_le(reinterpret_cast<std::uint8_t*>(header.data()) + 36,
           checksum32(as_bytes(header).first(36)));
  const auto parsed = parse_segment_header(as_bytes(header), kTestId);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::version);
  EXPECT_NE(parsed.error().message.find("log format 2"), std::string::npos);
}

// The segment that tests/golden/log_segment.txt spells out.
std::string golden_segment() {
  std::string out = encode_segment_header(kTestId, 7);
  std::uint64_t sequence = 7;
  const auto add = [&](RecordType type, const std::string& payload) {
    append_record(out, type, sequence++, as_bytes(payload));
  };
  std::string series;
  encode_series(series, 300, canonical(Labels::from({{"__name__", "up"}, {"job", "é"}}).value()));
  add(RecordType::series, series);
  std::string metadata;
  encode_metadata(metadata, "up", {MetricType::gauge, "", "Is it up?"});
  add(RecordType::metadata, metadata);
  std::string samples;
  const std::vector<IdSample> batch = {{300, 1'700'000'000'000, 1},
                                       {301, 1'700'000'000'500, -3},
                                       {1, 1'699'999'999'999, 0.1},
                                       {1, 1'700'000'000'000, -0.0}};
  encode_samples(samples, batch, {6});
  add(RecordType::samples, samples);
  std::string mark;
  encode_mark(mark, 9);
  add(RecordType::mark, mark);
  return out;
}

// Hexadecimal digits; what follows a # is for people.
std::string read_hex(const std::string& path) {
  std::ifstream in(path);
  std::string digits;
  for (std::string line; std::getline(in, line);) {
    for (const char c : line.substr(0, line.find('#'))) {
      if (c != ' ') digits += c;
    }
  }
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return out;
}

std::string to_hex(const std::string& bytes) {
  std::string out;
  for (const std::uint8_t byte : as_bytes(bytes)) out += fmt::format("{:02x}", byte);
  return out;
}

TEST(Segment, IsTheGoldenOneByteForByte) {
  const std::string golden = read_hex(test::in_source("tests/golden/log_segment.txt"));
  EXPECT_EQ(to_hex(golden_segment()), to_hex(golden));
}

TEST(Segment, TheGoldenOneIsRead) {
  test::FaultyFiles files;
  make_log_dir(files);
  files.put(segment_path(7), read_hex(test::in_source("tests/golden/log_segment.txt")));
  ReplayOptions options;
  options.mark = 6;
  const auto replayed = replay_all(files, options);
  ASSERT_TRUE(replayed) << replayed.error().message;
  ASSERT_EQ(replayed->records.size(), 4U);
  EXPECT_EQ(find_mark(files, kTestDir, kTestId).value(), 9U);
  std::vector<IdSample> samples;
  EXPECT_EQ(decode_samples(as_bytes(replayed->records[2].payload), samples)->synced_sequence, 6U);
  ASSERT_EQ(samples.size(), 4U);
  EXPECT_EQ(samples[2].t_ms, 1'699'999'999'999);
  EXPECT_EQ(samples[2].v, 0.1);
  EXPECT_EQ(verify_log(files, kTestDir, kTestId)->damage.size(), 0U);
}

}  // namespace
}  // namespace hygge::storage
