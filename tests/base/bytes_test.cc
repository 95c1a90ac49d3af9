#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace hygge {
namespace {

TEST(Bytes, VarintsComeBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t x = random() >> (random() % 64);
    std::string text;
    put_varint(text, x);
    ByteReader in(as_bytes(text));
    EXPECT_EQ(in.varint(), x);
    EXPECT_TRUE(in.done());
  }
}

TEST(Bytes, VarintsThatAreCutOrNotShortestAreRefused) {
  const std::string cases[] = {"", "\x80", std::string("\x80\x00", 2), std::string(10, '\xff'),
                               std::string(9, '\xff') + "\x02"};
  for (const std::string& text : cases) {
    ByteReader in(as_bytes(text));
    static_cast<void>(in.varint());
    EXPECT_FALSE(in.ok());
  }
}

TEST(Bytes, ZigzagKeepsEveryInt64) {
  for (const std::int64_t x : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                               std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(unzigzag(zigzag(x)), x);
  }
  EXPECT_EQ(zigzag(-1), 1U);
}

TEST(Bytes, ALengthPastTheEndGivesNothing) {
  std::string text;
  put_varint(text, 1'000'000);
  text += "abc";
  ByteReader in(as_bytes(text));
  EXPECT_EQ(in.text(), "");
  EXPECT_FALSE(in.ok());
}

TEST(Bytes, BigEndianSortsAsNumbersDo) {
  std::string small, large;
  put_be<std::uint32_t>(small, 255);
  put_be<std::uint32_t>(large, 256);
  EXPECT_LT(small, large);
  EXPECT_EQ(load_be<std::uint32_t>(as_bytes(large).data()), 256U);
}

}  // namespace
}  // namespace hygge
