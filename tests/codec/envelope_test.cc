#include "codec/envelope.h"

#include <gtest/gtest.h>
#include <hygge/sample.h>

#include <cmath>
#include <limits>
#include <random>

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;

std::string chunk_of(const std::vector<double>& v) {
  std::vector<TimeMs> t;
  for (std::size_t i = 0; i < v.size(); ++i) t.push_back(kStart + static_cast<TimeMs>(i) * 1'000);
  return encode_chunk(t, v);
}

TEST(Envelope, SaysTheShape) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Case {
    std::vector<double> v;
    ChunkShape shape;
    std::optional<double> last;
  };
  const Case cases[] = {
      {{7}, ChunkShape::constant, {}},
      {{nan, nan}, ChunkShape::constant, {}},
      {{1, nan}, ChunkShape::unknown, {}},
      {{1, std::numeric_limits<double>::infinity()}, ChunkShape::unknown, {}},
      {{1, stale_marker()}, ChunkShape::unknown, {}},
      {{1, 1, 2}, ChunkShape::non_decreasing, 2},
      {{1, 1.25}, ChunkShape::non_decreasing, 1.25},
      {{0.1, M_PI}, ChunkShape::non_decreasing, M_PI},
      {{-0.0, 0.0}, ChunkShape::non_decreasing, 0},
      {{2, 1}, ChunkShape::other, {}},
  };
  for (const Case& c : cases) {
    const std::string value = chunk_of(c.v);
    const auto envelope = read_envelope(as_bytes(value));
    ASSERT_TRUE(envelope);
    EXPECT_EQ(envelope->shape, c.shape);
    EXPECT_EQ(envelope->last.has_value(), c.last.has_value());
    if (c.last) {
      EXPECT_TRUE(same_bits(*envelope->last, *c.last));
    }
    EXPECT_EQ(envelope->span_ms, static_cast<DurationMs>(c.v.size() - 1) * 1'000);
    EXPECT_EQ(chunk_count(as_bytes(value)).value(), c.v.size());
  }
}

TEST(Envelope, ChunksComeBackWherever) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2'000; ++i) {
    std::vector<TimeMs> t;
    std::vector<double> v;
    TimeMs now = static_cast<TimeMs>(random() % 4'000'000'000'000) - 2'000'000'000'000;
    const TimeMs start = now;
    for (std::uint64_t n = random() % 100 + 1; n > 0; --n) {
      t.push_back(now);
      v.push_back(static_cast<double>(random() % 1'000) / 8);
      now += static_cast<TimeMs>(random() % 60'000) + 1;
    }
    ChunkSamples out;
    ASSERT_TRUE(decode_chunk(as_bytes(encode_chunk(t, v)), start, out));
    ASSERT_EQ(out.t, t);
    ASSERT_EQ(out.v, v);
  }
}

TEST(Envelope, DamageIsNamed) {
  const std::string value = chunk_of({1, 2, 3});
  ChunkSamples out;
  for (std::size_t cut = 0; cut < value.size(); ++cut) {
    EXPECT_FALSE(decode_chunk(as_bytes(value).first(cut), kStart, out)) << cut;
  }
  for (const int bit : {1, 2, 3, 6, 7}) {
    std::string newer = value;
    newer[0] = static_cast<char>(newer[0] ^ (1 << bit));
    EXPECT_EQ(read_envelope(as_bytes(newer)).error().code, ErrorCode::version) << bit;
  }
  std::string other_codec = value;
  other_codec[0] = static_cast<char>(other_codec[0] ^ 1);
  EXPECT_EQ(decode_chunk(as_bytes(other_codec), kStart, out).error().code, ErrorCode::corruption);
  for (std::size_t bit = 0; bit < 8 * value.size(); ++bit) {
    std::string flipped = value;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    static_cast<void>(decode_chunk(as_bytes(flipped), kStart, out));
  }
}

// Also where a difference of two of them wraps round.
TEST(Envelope, TimesThatDoNotRiseAreDamage) {
  constexpr TimeMs kFar = std::numeric_limits<TimeMs>::max();
  const std::vector<TimeMs> cases[] = {{0, 5, 3, 9},  {0, 5, 5, 9},        {0, -1, 4, 9},
                                       {0, 4, 10, 9}, {0, kFar, -kFar, 9}, {0, -kFar - 1, 4, 9}};
  for (const std::vector<TimeMs>& t : cases) {
    SCOPED_TRACE(t[1]);
    const std::vector<double> v(t.size(), 1.5);
    const std::string value = encode_chunk(t, v);
    ChunkSamples out;
    const auto decoded = decode_chunk(as_bytes(value), 0, out);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::corruption);
    EXPECT_NE(decoded.error().message.find("its times do not rise"), std::string::npos)
        << decoded.error().message;
  }
  const std::vector<TimeMs> far = {0, 1, kDayMs - 2, kDayMs - 1, kDayMs};
  ChunkSamples out;
  EXPECT_TRUE(decode_chunk(as_bytes(encode_chunk(far, std::vector(far.size(), 1.5))), 7, out));
  EXPECT_EQ(out.t[4], far[4] + 7);
}

}  // namespace
}  // namespace hygge
