// Bytes that are no payload: each gives an error or samples, and no byte outside is read (exact
// heap buffers; the sanitizers look on).
#include <gtest/gtest.h>

#include "tests/codec/pack/runs.h"

namespace hygge::pack {
namespace {

std::vector<std::string> some_payloads(std::uint64_t seed, int count) {
  std::vector<std::string> out;
  for (const Golden& chunk : golden()) out.push_back(chunk.payload);
  RunMaker maker(seed);
  for (int i = 0; i < count; ++i) out.push_back(encode(maker.run(1 + maker.below(60))));
  return out;
}

TEST(PackDamage, CutAtEveryByteIsAnErrorAndSoIsOneByteMore) {
  SampleRun out;
  for (const std::string& payload : some_payloads(1, rounds("HYGGE_PACK_DAMAGED", 100))) {
    for (const Kernels* set : kernel_sets()) {
      for (std::size_t cut = 0; cut < payload.size(); ++cut) {
        ASSERT_NE(decode_exact(std::string_view(payload).substr(0, cut), out, *set), Error::none)
            << set->name << " " << cut;
      }
      for (const char extra : {'\0', '\xff'}) {
        ASSERT_EQ(decode_exact(payload + extra, out, *set), Error::trailing);
      }
    }
  }
}

TEST(PackDamage, FlippedBitsAndNoiseReturnTheSameInAllKernels) {
  RunMaker maker(2);
  std::vector<std::string> damaged;
  for (const Golden& chunk : golden()) {
    for (std::size_t bit = 0; bit < 8 * chunk.payload.size(); ++bit) {
      damaged.push_back(chunk.payload);
      char& byte = damaged.back()[bit / 8];
      byte = static_cast<char>(byte ^ (1 << bit % 8));
    }
  }
  const std::vector<std::string> whole = some_payloads(3, 200);
  for (int i = rounds("HYGGE_PACK_DAMAGED", 3'000); i > 0; --i) {
    damaged.push_back(whole[maker.below(whole.size())]);
    for (std::uint64_t flips = 1 + maker.below(3); flips > 0; --flips) {
      char& byte = damaged.back()[maker.below(damaged.back().size())];
      byte = static_cast<char>(byte ^ (1 << maker.below(8)));
    }
    std::string noise(maker.below(200), '\0');
    for (char& byte : noise) byte = static_cast<char>(maker.next());
    damaged.push_back(std::move(noise));
  }
  for (const std::string& bytes : damaged) {
    SampleRun first;
    const Error error = decode_exact(bytes, first, kPortableKernels);
    ASSERT_LE(first.t.size(), kMaxSamples);
    const auto peeked = first_value(as_bytes(bytes));
    if (error == Error::none) {
      ASSERT_TRUE(peeked);
      ASSERT_EQ(bits_of_double(*peeked), bits_of_double(first.v[0]));
    }
    for (const Kernels* set : kernel_sets()) {
      SampleRun out;
      ASSERT_EQ(decode_exact(bytes, out, *set), error) << set->name;
      if (error == Error::none) {
        ASSERT_TRUE(same(out, first)) << set->name;
      }
    }
  }
}

TEST(PackDamage, NamesWhatIsWrong) {
  struct Case {
    const char* hex;
    Error error;
    const char* why;
  };
  // A good one: 1 sample, FOR all zero, first 0, base 0, constant 0.
  const std::string good =
      "01"
      "80"
      "00"
      "00"
      "40"
      "0000000000000000";
  const Case cases[] = {
      {"", Error::truncated, "nothing"},
      {"00", Error::bad_count, "no samples"},
      {"8000", Error::bad_header, "two bytes for a zero"},
      {"808004", Error::bad_count, "65,536 samples"},
      {"ffffffffffffffffff02", Error::bad_header, "more than 64 bits"},
      {"01840000400000000000000000", Error::bad_header, "bit 2 of the integer header"},
      {"01880000004000000000000000", Error::bad_header, "a shift of 0"},
      {"01884000004000000000000000", Error::bad_header, "a shift of 64"},
      {"01000000", Error::truncated, "no width byte"},
      {"01000000"
       "3a",
       Error::bad_code, "width 58"},
      {"01000000"
       "80",
       Error::bad_code, "sparse of width 0"},
      {"01000000"
       "8102",
       Error::bad_code, "a mask bit behind the last sample"},
      {"01000000"
       "81",
       Error::truncated, "no mask"},
      {"01000000"
       "8101",
       Error::truncated, "no residual"},
      {"01000000"
       "40ff",
       Error::truncated, "one of eight bytes"},
      {"01800000"
       "42",
       Error::bad_header, "kind 0x42"},
      {"01800000"
       "c0",
       Error::bad_header, "kind 0xc0"},
      {"01800000"
       "41400000000000000000"
       "00",
       Error::bad_header, "an XOR shift of 64"},
      {"01800000"
       "2000",
       Error::bad_count, "no exceptions"},
      {"01800000"
       "2002",
       Error::bad_count, "two exceptions among one sample"},
      {"01800000"
       "20010100000000000000008000"
       "00",
       Error::bad_code, "an exception at sample 1"},
      {"02800000"
       "20020100000000000000000000000000000000008000"
       "00",
       Error::bad_code, "the second of two exceptions at sample 2"},
      {"01800000"
       "400000000000000000"
       "00",
       Error::trailing, "a byte more"},
  };
  SampleRun out;
  for (const Kernels* set : kernel_sets()) {
    EXPECT_EQ(decode_exact(from_hex(good), out, *set), Error::none);
    for (const Case& c : cases) {
      EXPECT_EQ(to_string(decode_exact(from_hex(c.hex), out, *set)),
                std::string(to_string(c.error)))
          << c.why << " " << set->name;
    }
  }
}

TEST(PackDamage, CountsAreBounded) {
  EXPECT_EQ(count({}), 0U);
  EXPECT_EQ(count(as_bytes(from_hex("00"))), 0U);
  EXPECT_EQ(count(as_bytes(from_hex("808004"))), 0U);
  EXPECT_EQ(count(as_bytes(from_hex("05"))), 5U);
}

}  // namespace
}  // namespace hygge::pack
