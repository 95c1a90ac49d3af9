#include <gtest/gtest.h>
#include <hygge/gorilla.h>

#include <atomic>
#include <bit>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/sanitizer.h"
#include "tests/support/source_dir.h"

namespace hygge::gorilla {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct SampleRun {
  std::vector<std::int64_t> t;
  std::vector<std::uint64_t> bits;

  [[nodiscard]] std::vector<double> v() const {
    std::vector<double> out;
    for (const std::uint64_t b : bits) out.push_back(std::bit_cast<double>(b));
    return out;
  }
};

// From a heap buffer of exactly the payload's size: a read outside it is found by the sanitizer.
Error decode_exact(const Bytes& payload, Samples& out) {
  const auto exact = std::make_unique<std::uint8_t[]>(payload.size());
  std::copy(payload.begin(), payload.end(), exact.get());
  return decode({exact.get(), payload.size()}, out);
}

// Compares as bits: NaNs must keep their payloads.
void expect_round_trip(const SampleRun& run) {
  const Bytes payload = encode(run.t, run.v());
  Samples out;
  ASSERT_EQ(decode_exact(payload, out), Error::none);
  ASSERT_EQ(out.t, run.t);
  ASSERT_EQ(out.v.size(), run.bits.size());
  for (std::size_t i = 0; i < run.bits.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint64_t>(out.v[i]), run.bits[i]) << i;
  }
  EXPECT_EQ(count(payload), run.t.size());
}

Bytes from_hex(const std::string& text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return out;
}

struct Golden {
  std::string name;
  SampleRun run;
  Bytes payload;
};

std::vector<Golden> golden() {
  std::ifstream in(test::in_source("tests/golden/chunks.json"));
  std::vector<Golden> out;
  for (const auto& chunk : nlohmann::json::parse(in)) {
    Golden one{chunk.at("name"), {}, from_hex(chunk.at("gorilla"))};
    for (const std::string t : chunk.at("timestamps")) one.run.t.push_back(std::stoll(t));
    for (const std::string v : chunk.at("values"))
      one.run.bits.push_back(std::stoull(v, nullptr, 16));
    out.push_back(std::move(one));
  }
  return out;
}

TEST(Gorilla, EncodesTheGoldenChunksToTheseBytes) {
  const auto chunks = golden();
  ASSERT_EQ(chunks.size(), 12U);
  for (const Golden& chunk : chunks) {
    SCOPED_TRACE(chunk.name);
    EXPECT_EQ(encode(chunk.run.t, chunk.run.v()), chunk.payload);
    expect_round_trip(chunk.run);
  }
}

TEST(Gorilla, KeepsEveryDoubleBitPattern) {
  std::mt19937_64 random(1);
  for (std::uint64_t exponent = 0; exponent < 2'048; ++exponent) {
    SampleRun run;
    for (int i = 0; i < 8; ++i) {
      run.t.push_back(i * 1'000);
      run.bits.push_back(((random() & 1U) << 63U) | (exponent << 52U) | (random() >> 12U));
    }
    run.t.push_back(8'000);
    run.bits.push_back((exponent << 52U));
    ASSERT_NO_FATAL_FAILURE(expect_round_trip(run)) << exponent;
  }
  SampleRun special;
  for (const std::uint64_t bits :
       {0ULL, 1ULL << 63U, 0x7ff0000000000000ULL, 0xfff0000000000000ULL, 0x7ff0000000000001ULL,
        0x7ff0000000000002ULL, 0x7ff8000000000000ULL, 0xffffffffffffffffULL, 1ULL}) {
    special.t.push_back(static_cast<std::int64_t>(special.t.size()));
    special.bits.push_back(bits);
  }
  expect_round_trip(special);
}

TEST(Gorilla, KeepsEveryTime) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::vector<std::int64_t>> runs{{0},
                                                    {kMin},
                                                    {kMax},
                                                    {kMin, kMax},
                                                    {kMax, kMin},
                                                    {kMin, kMax, kMin},
                                                    {kMax, kMin, kMax, 0, kMin},
                                                    {5, 5, 5, 5},
                                                    {30, 20, 10, 0, -10},
                                                    {0, 1, kMax, kMin, -1}};
  for (const auto& t : runs) {
    SampleRun run{t, std::vector<std::uint64_t>(t.size(), 7)};
    expect_round_trip(run);
  }
  // Both edges of each class of delta of delta, and one beyond.
  for (const std::int64_t edge : {0LL, 32LL, 512LL, 65'536LL, 2'147'483'648LL}) {
    for (std::int64_t dod = edge - 2; dod <= edge + 2; ++dod) {
      for (const std::int64_t sign : {1, -1}) {
        SampleRun run{{100, 200, 300 + sign * dod, 400, 500}, {1, 2, 3, 4, 5}};
        expect_round_trip(run);
      }
    }
  }
}

SampleRun random_run(std::mt19937_64& random, std::size_t n) {
  SampleRun run;
  std::uint64_t t = random();
  std::uint64_t bits = random();
  const std::uint64_t time_kind = random() % 4;
  const std::uint64_t value_kind = random() % 5;
  for (std::size_t i = 0; i < n; ++i) {
    t += time_kind == 0   ? 15'000
         : time_kind == 1 ? 15'000 + random() % 9
                          : random() >> (random() % 64);
    switch (value_kind) {
      case 0:
        break;
      case 1:
        bits = std::bit_cast<std::uint64_t>(static_cast<double>(i * 3 + random() % 5));
        break;
      case 2:
        bits = std::bit_cast<std::uint64_t>(static_cast<double>(random() % 10'000) / 100);
        break;
      case 3:
        bits ^= (random() >> (random() % 64)) << (random() % 64);
        break;
      default:
        bits = random();
    }
    run.t.push_back(static_cast<std::int64_t>(t));
    run.bits.push_back(bits);
  }
  return run;
}

TEST(GorillaProperty, RandomRunsComeBack) {
  constexpr std::size_t kSizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 120, 239, 240, 1'024};
#ifdef HYGGE_UNDER_SANITIZER
  constexpr int kRuns = 20'000;
#else
  constexpr int kRuns = 200'000;
#endif
  std::mt19937_64 random(2);
  for (int i = 0; i < kRuns; ++i) {
    const std::size_t n = i % 50 == 0 ? kSizes[random() % std::size(kSizes)] : random() % 40 + 1;
    ASSERT_NO_FATAL_FAILURE(expect_round_trip(random_run(random, n))) << "seed 2, run " << i;
  }
  expect_round_trip(random_run(random, kMaxSamples));
}

TEST(Gorilla, EncodesNothingOfNoSamplesOrTooMany) {
  EXPECT_TRUE(encode({}, {}).empty());
  const std::vector<std::int64_t> t(kMaxSamples + 1);
  const std::vector<double> v(kMaxSamples + 1);
  EXPECT_TRUE(encode(t, v).empty());
  EXPECT_TRUE(encode(std::span(t).first(2), std::span(v).first(1)).empty());
}

TEST(GorillaDamage, CutAtEveryByteIsAnErrorAndSoIsOneByteMore) {
  std::mt19937_64 random(3);
  std::vector<Bytes> payloads;
  for (const Golden& chunk : golden()) payloads.push_back(chunk.payload);
  for (int i = 0; i < 200; ++i) {
    const SampleRun run = random_run(random, random() % 60 + 1);
    payloads.push_back(encode(run.t, run.v()));
  }
  Samples out;
  for (const Bytes& payload : payloads) {
    for (std::size_t cut = 0; cut < payload.size(); ++cut) {
      ASSERT_NE(
          decode_exact(Bytes(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(cut)),
                       out),
          Error::none)
          << cut;
    }
    for (const std::uint8_t extra : {std::uint8_t{0}, std::uint8_t{0xff}}) {
      Bytes longer = payload;
      longer.push_back(extra);
      ASSERT_NE(decode_exact(longer, out), Error::none);
    }
  }
}

TEST(GorillaDamage, FlippedBitsAndNoiseReturn) {
  Samples out;
  for (const Golden& chunk : golden()) {
    for (std::size_t bit = 0; bit < 8 * chunk.payload.size(); ++bit) {
      Bytes flipped = chunk.payload;
      flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
      if (decode_exact(flipped, out) == Error::none) {
        EXPECT_EQ(out.t.size(), out.v.size());
        EXPECT_LE(out.t.size(), kMaxSamples);
      }
    }
  }
  std::mt19937_64 random(4);
  for (int i = 0; i < 20'000; ++i) {
    Bytes noise(random() % 200);
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
    static_cast<void>(decode_exact(noise, out));
  }
}

TEST(GorillaDamage, NamesWhatIsWrong) {
  Samples out;
  EXPECT_EQ(decode(from_hex("00"), out), Error::truncated);
  EXPECT_EQ(decode(from_hex("0000"), out), Error::bad_count);
  EXPECT_EQ(decode(from_hex("8000"), out), Error::bad_header) << "two bytes for a zero";
  EXPECT_EQ(decode(from_hex("010040450000000000"), out), Error::truncated);
  EXPECT_EQ(decode(from_hex("01004045000000000000ff"), out), Error::trailing);
  // Two samples; the second uses a window that was never given: 10…
  EXPECT_EQ(decode(from_hex("020000404500000000000080"), out), Error::bad_code);
}

TEST(Builder, HoldsTheEncodingOfEachPrefix) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const SampleRun run = random_run(random, 240);
    const std::vector<double> v = run.v();
    const auto payload = [](const Builder& builder) {
      Bytes out;
      builder.append_payload(out);
      return out;
    };
    Builder builder;
    EXPECT_TRUE(payload(builder).empty());
    Builder half;
    for (std::size_t n = 0; n < 240; ++n) {
      ASSERT_TRUE(builder.append(run.t[n], v[n]));
      if (n == 99) half = builder;
      if (n > 5 && n % 37 != 0) continue;
      ASSERT_EQ(payload(builder), encode(std::span(run.t).first(n + 1), std::span(v).first(n + 1)))
          << n;
    }
    EXPECT_EQ(builder.count(), 240U);
    EXPECT_EQ(payload(builder), encode(run.t, v));
    for (std::size_t n = 100; n < 240; ++n) half.append(run.t[n], v[n]);
    EXPECT_EQ(payload(half), encode(run.t, v)) << "a copy goes on by itself";
  }
}

TEST(Builder, ClearedItHoldsWhatComesAfter) {
  std::mt19937_64 random(9);
  Builder again;
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE(round);
    Builder once;
    again.clear();
    EXPECT_EQ(again.count(), 0U);
    std::int64_t t = static_cast<std::int64_t>(random() % 1'000'000);
    for (std::uint64_t i = random() % 300; i > 0; --i) {
      t += static_cast<std::int64_t>(random() % 20'000);
      const double v = static_cast<double>(random() % 1'000) / 8;
      ASSERT_TRUE(once.append(t, v));
      ASSERT_TRUE(again.append(t, v));
    }
    std::string expected;
    std::string got;
    once.append_payload(expected);
    again.append_payload(got);
    EXPECT_EQ(got, expected);
  }
}

TEST(Builder, TakesAsManySamplesAsAPayloadHolds) {
  Builder builder;
  for (std::size_t n = 0; n < kMaxSamples; ++n) {
    ASSERT_TRUE(builder.append(static_cast<std::int64_t>(n), 1));
  }
  EXPECT_FALSE(builder.append(0, 1));
  EXPECT_EQ(builder.count(), kMaxSamples);
}

TEST(OpenChunk, SnapshotsAreEncodingsOfPrefixes) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const SampleRun run = random_run(random, 240);
    const std::vector<double> v = run.v();
    OpenChunk chunk(240);
    EXPECT_TRUE(chunk.snapshot().empty());
    for (std::size_t n = 0; n < 240; ++n) {
      ASSERT_TRUE(chunk.append(run.t[n], v[n]));
      if (n > 5 && n % 37 != 0) continue;
      ASSERT_EQ(chunk.snapshot(), encode(std::span(run.t).first(n + 1), std::span(v).first(n + 1)))
          << n;
    }
    EXPECT_FALSE(chunk.append(0, 0)) << "full";
    EXPECT_EQ(chunk.count(), 240U);
    EXPECT_EQ(chunk.snapshot(), encode(run.t, v));
  }
}

TEST(OpenChunk, IsSmallWhenYoung) {
  OpenChunk chunk(240);
  chunk.append(0, 1);
  EXPECT_LE(chunk.memory_bytes(), 300U);
}

// One writer, two readers: every snapshot is the encoding of a prefix, and prefixes never shrink.
TEST(OpenChunkThreads, ReadersSeePrefixesThatGrow) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE(round);
    const SampleRun run = random_run(random, 240);
    const std::vector<double> v = run.v();
    OpenChunk chunk(240);
    std::atomic<bool> go{false};
    const auto reader = [&] {
      while (!go.load()) {
      }
      std::size_t before = 0;
      Samples out;
      while (before < 240) {
        const Bytes snapshot = chunk.snapshot();
        if (snapshot.empty()) continue;
        ASSERT_EQ(decode(snapshot, out), Error::none);
        ASSERT_GE(out.t.size(), before);
        before = out.t.size();
        ASSERT_EQ(snapshot, encode(std::span(run.t).first(before), std::span(v).first(before)));
      }
    };
    std::thread one(reader);
    std::thread two(reader);
    go = true;
    for (std::size_t i = 0; i < 240; ++i) chunk.append(run.t[i], v[i]);
    one.join();
    two.join();
  }
}

}  // namespace
}  // namespace hygge::gorilla
