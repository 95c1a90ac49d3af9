#include "codec/pack/pack.h"

#include <gtest/gtest.h>

#include "tests/codec/pack/runs.h"
#include "tests/codec/pack/slow_encoder.h"

namespace hygge::pack {
namespace {

constexpr TimeMs kMin = std::numeric_limits<TimeMs>::min();
constexpr TimeMs kMax = std::numeric_limits<TimeMs>::max();

// Runs all tests on the kernels that HYGGE_CODEC_KERNEL names, where it does.
class ForcedKernels : public testing::Environment {
 public:
  void SetUp() override {
    const char* name = std::getenv("HYGGE_CODEC_KERNEL");
    if (name != nullptr && !force_kernels(name)) {
      GTEST_SKIP() << "this processor has no kernels named " << name;
    }
  }
};
[[maybe_unused]] const auto* const kForced = testing::AddGlobalTestEnvironment(new ForcedKernels);

TEST(Pack, EncodesTheGoldenChunksToTheseBytes) {
  const auto chunks = golden();
  ASSERT_EQ(chunks.size(), 12U);
  for (const Golden& chunk : chunks) {
    SCOPED_TRACE(chunk.name);
    EXPECT_EQ(encode(chunk.run), chunk.payload);
    EXPECT_EQ(slow::encode(chunk.run.t, chunk.run.v), chunk.payload);
    expect_round_trip(chunk.run);
  }
}

TEST(Pack, KeepsEveryDoubleBitPattern) {
  RunMaker maker(1);
  for (std::uint64_t exponent = 0; exponent < 2'048; exponent += 1) {
    SampleRun run;
    for (int i = 0; i < 20; ++i) {
      run.t.push_back(i * 1'000);
      const std::uint64_t mantissa = i == 7 ? 0 : maker.next() >> 12U;
      run.v.push_back(double_of_bits((maker.next() & 1U) << 63U | exponent << 52U | mantissa));
    }
    ASSERT_NO_FATAL_FAILURE(expect_round_trip(run)) << exponent;
  }
  SampleRun special;
  for (const std::uint64_t bits :
       {0ULL, 1ULL << 63U, 0x7ff0000000000000ULL, 0xfff0000000000000ULL, 0x7ff0000000000001ULL,
        0x7ff0000000000002ULL, 0x7ff8000000000000ULL, 0xffffffffffffffffULL, 1ULL}) {
    special.t.push_back(static_cast<TimeMs>(special.t.size()));
    special.v.push_back(double_of_bits(bits));
    expect_round_trip(special);
    expect_round_trip({{5}, {double_of_bits(bits)}});
  }
}

TEST(Pack, KeepsEveryTime) {
  const std::vector<std::vector<TimeMs>> runs{{0},
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
    SampleRun run{t, std::vector<double>(t.size(), 7)};
    expect_round_trip(run);
  }
  for (const TimeMs edge : {0LL, 32LL, 512LL, 65'536LL, 2'147'483'648LL}) {
    for (TimeMs dod = edge - 2; dod <= edge + 2; ++dod) {
      for (const TimeMs sign : {1, -1}) {
        expect_round_trip({{100, 200, 300 + sign * dod, 400, 500}, {1, 2, 3, 4, 5}});
      }
    }
  }
}

TEST(Pack, KeepsEverySize) {
  RunMaker maker(2);
  for (const std::size_t n : {1U, 2U, 3U, 7U, 8U, 9U, 15U, 16U, 17U, 24U, 25U, 31U, 32U, 33U, 239U,
                              240U, 1'023U, 1'024U, 1'025U}) {
    for (int i = 0; i < 20; ++i) {
      ASSERT_NO_FATAL_FAILURE(expect_round_trip(maker.run(n))) << n;
    }
  }
  expect_round_trip(maker.run(kMaxSamples));
}

TEST(Pack, KeepsEveryWidthDenseAndSparse) {
  RunMaker maker(3);
  for (unsigned w = 0; w <= 64; ++w) {
    for (const std::size_t every : {1U, 3U, 9U, 30U}) {
      SampleRun run;
      for (std::size_t i = 0; i < 75; ++i) {
        const std::uint64_t x = i % every != 0 || w == 0 ? 0 : maker.next() >> (64 - w);
        run.t.push_back(static_cast<TimeMs>(x));
        run.v.push_back(double_of_bits(x));
      }
      ASSERT_NO_FATAL_FAILURE(expect_round_trip(run)) << w;
    }
  }
}

TEST(Pack, KeepsEveryShift) {
  RunMaker maker(4);
  for (unsigned shift = 0; shift < 64; ++shift) {
    SampleRun run;
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t x = maker.below(1'000) << shift;
      run.t.push_back(static_cast<TimeMs>(x + 77));
      run.v.push_back(double_of_bits(x));
    }
    ASSERT_NO_FATAL_FAILURE(expect_round_trip(run)) << shift;
  }
}

TEST(Pack, FindsEveryPredictorAndDivisor) {
  RunMaker maker(5);
  for (std::size_t d = 0; d < kDivisorCount; ++d) {
    SampleRun run;
    for (int i = 0; i < 200; ++i) {
      run.t.push_back(i * 15'000);
      run.v.push_back((1'000 + static_cast<double>(maker.below(400))) / kDivisors[d]);
    }
    expect_round_trip(run);
    Facts facts;
    ASSERT_EQ(describe(as_bytes(encode(run)), facts), Error::none);
    EXPECT_EQ(facts.kind, Facts::Kind::scaled) << d;
    EXPECT_LE(facts.value_bytes, 2 * 200U + 60) << d << ": nine bits a value and little else";
  }
  const auto predictor_of = [](const std::function<TimeMs(TimeMs)>& time) {
    SampleRun run;
    for (TimeMs i = 0; i < 100; ++i) run.t.push_back(time(i));
    run.v.assign(100, 1);
    expect_round_trip(run);
    Facts facts;
    EXPECT_EQ(describe(as_bytes(encode(run)), facts), Error::none);
    return facts.times.predictor;
  };
  std::mt19937_64 random(6);
  EXPECT_EQ(predictor_of([&](TimeMs) { return static_cast<TimeMs>(random() % 16); }),
            Predictor::frame);
  EXPECT_EQ(predictor_of([&](TimeMs i) { return i * 1'000 + static_cast<TimeMs>(random() % 16); }),
            Predictor::grid);
  TimeMs sum = 0;
  EXPECT_EQ(predictor_of([&](TimeMs) { return sum += 500 + static_cast<TimeMs>(random() % 16); }),
            Predictor::delta);
  EXPECT_EQ(predictor_of([&](TimeMs i) { return i * i * 1'000; }), Predictor::delta2);
}

TEST(Pack, KeepsExceptionsWhereverTheyStand) {
  const double stale = double_of_bits(0x7ff0'0000'0000'0002);
  for (const std::vector<std::size_t>& at :
       {std::vector<std::size_t>{0}, {99}, {0, 1, 2}, {97, 98, 99}, {50, 51}, {0, 99}, {15, 16}}) {
    SampleRun run;
    for (int i = 0; i < 100; ++i) {
      run.t.push_back(i * 15'000);
      run.v.push_back(i * 0.25 + 1'000'000);
    }
    for (const std::size_t i : at) run.v[i] = stale;
    expect_round_trip(run);
    Facts facts;
    ASSERT_EQ(describe(as_bytes(encode(run)), facts), Error::none);
    EXPECT_EQ(facts.exceptions, at.size());
  }
}

TEST(Pack, EncodesNothingOfNoSamplesOrTooMany) {
  EXPECT_TRUE(encode({}).empty());
  EXPECT_TRUE(
      encode({std::vector<TimeMs>(kMaxSamples + 1), std::vector<double>(kMaxSamples + 1)}).empty());
  EXPECT_TRUE(encode({{1, 2}, {1}}).empty());
}

TEST(PackModel, FollowsTheRulesSaidSlowly) {
  const int count = rounds("HYGGE_PACK_MODEL_CHUNKS", 1'500);
  RunMaker maker(7);
  Encoder encoder;  // one for all: what it keeps between calls must not show
  for (int i = 0; i < count; ++i) {
    const SampleRun run = maker.run(i % 40 == 0 ? 300 : 1 + maker.below(70));
    std::string payload;
    encoder.append(run.t, run.v, payload);
    ASSERT_EQ(payload, slow::encode(run.t, run.v)) << "seed 7, run " << i;
  }
}

// HYGGE_PACK_CHUNKS=200000 for the full round.
TEST(PackProperty, RandomRunsComeBack) {
  const int count = rounds("HYGGE_PACK_CHUNKS", 2'000);
  RunMaker maker(8);
  for (int i = 0; i < count; ++i) {
    ASSERT_NO_FATAL_FAILURE(expect_round_trip(maker.run())) << "seed 8, run " << i;
  }
}

}  // namespace
}  // namespace hygge::pack
