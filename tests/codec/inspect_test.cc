#include <gtest/gtest.h>
#include <hygge/chunk_report.h>

#include "codec/smallest.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;

ChunkSamples tenths(std::size_t count) {
  ChunkSamples out;
  for (std::size_t i = 0; i < count; ++i) {
    out.t.push_back(kStart + static_cast<TimeMs>(i) * 15'000);
    out.v.push_back(static_cast<double>(i * 7 % 100) / 10);
  }
  return out;
}

TEST(InspectChunk, TakesAPackChunkApart) {
  const ChunkSamples in = tenths(200);
  const std::string value = smallest_encoding(in);
  const auto report = inspect_chunk(as_bytes(value), kStart);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->codec, "pack");
  EXPECT_EQ(report->shape, "other");
  EXPECT_EQ(report->samples, 200U);
  EXPECT_EQ(report->bytes, value.size());
  EXPECT_EQ(report->first_ms, kStart);
  EXPECT_EQ(report->last_ms, in.t.back());
  ASSERT_TRUE(report->packing);
  EXPECT_EQ(report->packing->bytes, value.size());
  EXPECT_EQ(report->packing->values, "scaled");
  EXPECT_EQ(report->packing->divisor, 10);
  EXPECT_EQ(report->packing->exceptions, 0U);
}

TEST(InspectChunk, TriesPackOnGorillaOnlyWhenAsked) {
  const ChunkSamples in = tenths(200);
  const std::string value = encode_chunk(in.t, in.v);
  const auto plain = inspect_chunk(as_bytes(value), kStart);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->codec, "gorilla");
  EXPECT_FALSE(plain->packing);
  const auto tried = inspect_chunk(as_bytes(value), kStart, true);
  ASSERT_TRUE(tried);
  EXPECT_EQ(tried->bytes, value.size());
  ASSERT_TRUE(tried->packing);
  const auto packed = inspect_chunk(as_bytes(smallest_encoding(in)), kStart);
  EXPECT_EQ(*tried->packing, *packed->packing) << "the trial is what sealing would write";
}

TEST(InspectChunk, SaysTheKindsOfValues) {
  struct Case {
    std::vector<double> v;
    const char* values;
    const char* shape;
    std::uint64_t exceptions;
  };
  std::vector<double> stale(40, 2.5);
  for (std::size_t i = 0; i < stale.size(); i += 2) stale[i] = 3.5;
  stale[9] = std::bit_cast<double>(std::uint64_t{0x7ff0'0000'0000'0002});
  std::vector<double> noise;
  for (std::uint64_t x = 1; noise.size() < 40; x *= 0x9e37'79b9'7f4a'7c15U) {
    noise.push_back(1 + static_cast<double>(x >> 12U) * 0x1p-52);
  }
  const Case cases[] = {
      {std::vector<double>(40, 7), "constant", "constant", 0},
      {stale, "scaled", "unknown", 1},
      {noise, "xor", "other", 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.values);
    ChunkSamples in = tenths(c.v.size());
    in.v = c.v;
    const auto report = inspect_chunk(as_bytes(encode_chunk(in.t, in.v)), kStart, true);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->shape, c.shape);
    ASSERT_TRUE(report->packing);
    EXPECT_EQ(report->packing->values, c.values);
    EXPECT_EQ(report->packing->exceptions, c.exceptions);
  }
}

TEST(InspectChunk, ReadsBarePayloads) {
  const ChunkSamples in = tenths(50);
  std::string packed;
  pack::Encoder().append(in.t, in.v, packed);
  const auto pack_report = inspect_chunk(as_bytes(packed));
  ASSERT_TRUE(pack_report);
  EXPECT_EQ(pack_report->codec, "pack");
  EXPECT_EQ(pack_report->first_ms, kStart) << "bare payloads have absolute times";
  const std::vector<std::uint8_t> gorilla = gorilla::encode(in.t, in.v);
  const auto gorilla_report = inspect_chunk(gorilla);
  ASSERT_TRUE(gorilla_report);
  EXPECT_EQ(gorilla_report->codec, "gorilla");
}

TEST(InspectChunk, NamesDamage) {
  std::string value = smallest_encoding(tenths(50));
  for (std::size_t cut = 0; cut < value.size(); ++cut) {
    EXPECT_FALSE(inspect_chunk(as_bytes(value).first(cut), kStart)) << cut;
  }
  value[0] = static_cast<char>(value[0] | 2);
  EXPECT_EQ(inspect_chunk(as_bytes(value), kStart).error().code, ErrorCode::version);
}

}  // namespace
}  // namespace hygge
