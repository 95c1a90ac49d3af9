#include "codec/smallest.h"

#include <gtest/gtest.h>
#include <hygge/sample.h>

#include <cmath>
#include <random>

#include "codec/summary.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;

// Runs with strictly rising times, of every shape.
ChunkSamples random_samples(std::mt19937_64& random) {
  ChunkSamples out;
  TimeMs now = static_cast<TimeMs>(random() % 4'000'000'000'000) - 2'000'000'000'000;
  double value = static_cast<double>(random() % 1'000);
  const std::uint64_t kind = random() % 7;
  for (std::uint64_t n = random() % 300 + 1; n > 0; --n) {
    out.t.push_back(now);
    now += kind % 2 == 0 ? 15'000 : 14'990 + static_cast<TimeMs>(random() % 20);
    if (kind == 1 || kind == 2) value += static_cast<double>(random() % 50);
    if (kind == 3) value = static_cast<double>(random() % 1'000) / 8;
    if (kind == 4) value = std::bit_cast<double>(random());
    if (kind == 5) value = random() % 9 == 0 ? stale_marker() : static_cast<double>(random() % 99);
    if (kind == 6) value = std::nextafter(static_cast<double>(random() % 5'000) / 60, 1e9);
    out.v.push_back(value);
  }
  return out;
}

bool same(const ChunkSamples& a, const ChunkSamples& b) {
  return a.t == b.t && std::equal(a.v.begin(), a.v.end(), b.v.begin(), b.v.end(),
                                  [](double x, double y) { return same_bits(x, y); });
}

TEST(SmallestEncoding, IsTheSmallerOfBothAndComesBack) {
  std::mt19937_64 random(1);
  SmallestEncoder encoder;
  std::size_t packed = 0;
  std::size_t gorillas = 0;
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const ChunkSamples in = random_samples(random);
    const std::string value = encoder.encode(in.t, in.v);
    ASSERT_EQ(value, smallest_encoding(in)) << "what the encoder keeps between calls shows";
    EXPECT_LE(value.size(), encode_chunk(in.t, in.v).size());
    const auto envelope = read_envelope(as_bytes(value));
    ASSERT_TRUE(envelope);
    (envelope->codec == ChunkCodec::pack ? packed : gorillas) += 1;
    EXPECT_EQ(chunk_count(as_bytes(value)).value(), in.t.size());
    ChunkSamples out;
    ASSERT_TRUE(decode_chunk(as_bytes(value), in.t.front(), out));
    ASSERT_TRUE(same(out, in));
  }
  EXPECT_GT(packed, 50U);
  EXPECT_GT(gorillas, 3U);
}

TEST(SmallestEncoding, RefusesDamage) {
  ChunkSamples in;
  for (int i = 0; i < 100; ++i) {
    in.t.push_back(kStart + i * 15'000);
    in.v.push_back(i * 3);
  }
  const std::string value = smallest_encoding(in);
  ASSERT_EQ(read_envelope(as_bytes(value))->codec, ChunkCodec::pack);
  ChunkSamples out;
  for (std::size_t cut = 0; cut < value.size(); ++cut) {
    const auto decoded = decode_chunk(as_bytes(value).first(cut), kStart, out);
    ASSERT_FALSE(decoded) << cut;
    EXPECT_EQ(decoded.error().code, ErrorCode::corruption);
  }
  const auto longer = decode_chunk(as_bytes(value + '\0'), kStart, out);
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message.find("pack payload trailing"), std::string::npos)
      << longer.error().message;
  for (std::size_t bit = 0; bit < 8 * value.size(); ++bit) {
    std::string flipped = value;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    static_cast<void>(decode_chunk(as_bytes(flipped), kStart, out));
    static_cast<void>(summary(as_bytes(flipped)));
  }
}

TEST(Summary, SaysWhatDecodingWouldSay) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const ChunkSamples in = random_samples(random);
    for (const std::string& value : {encode_chunk(in.t, in.v), smallest_encoding(in)}) {
      const auto facts = summary(as_bytes(value));
      ASSERT_TRUE(facts) << facts.error().message;
      ShapeTracker shape;
      for (const double v : in.v) shape.add(v);
      EXPECT_EQ(facts->codec, read_envelope(as_bytes(value))->codec);
      EXPECT_EQ(facts->shape, shape.shape());
      EXPECT_EQ(facts->count, in.t.size());
      EXPECT_EQ(facts->span_ms, in.t.back() - in.t.front());
      EXPECT_TRUE(same_bits(facts->first, in.v.front()));
      const bool known =
          facts->shape == ChunkShape::constant || facts->shape == ChunkShape::non_decreasing;
      ASSERT_EQ(facts->last.has_value(), known);
      if (known) {
        EXPECT_TRUE(same_bits(*facts->last, in.v.back()));
      }
      if (known && std::isfinite(in.v.front())) {
        EXPECT_EQ(facts->increase(), in.v.back() - in.v.front());
      } else {
        EXPECT_FALSE(facts->increase());
      }
    }
  }
}

TEST(Summary, NamesDamage) {
  const std::string value =
      smallest_encoding(std::vector<TimeMs>{1, 2, 3}, std::vector<double>{1, 2, 4});
  for (std::size_t cut = 0; cut < value.size(); ++cut) {
    EXPECT_FALSE(summary(as_bytes(value).first(cut))) << cut;
  }
  std::string newer = value;
  newer[0] = static_cast<char>(newer[0] | 2);
  EXPECT_EQ(summary(as_bytes(newer)).error().code, ErrorCode::version);
}

}  // namespace
}  // namespace hygge
