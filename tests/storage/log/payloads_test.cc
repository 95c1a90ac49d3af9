#include "storage/log/payloads.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "model/canonical.h"

namespace hygge::storage {
namespace {

constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
constexpr auto kMaxId = std::numeric_limits<std::uint32_t>::max();

std::string encoded(const std::vector<IdSample>& samples, std::uint64_t synced = 0) {
  std::string out;
  encode_samples(out, samples, {synced});
  return out;
}

// Bits, not values: NaNs of every kind and the sign of zero have to come back.
void expect_comes_back(const std::vector<IdSample>& samples, std::uint64_t synced) {
  std::vector<IdSample> out = {{9, 9, 9}};
  const auto decoded = decode_samples(as_bytes(encoded(samples, synced)), out);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->synced_sequence, synced);
  EXPECT_EQ(decoded->batch_id, "");
  ASSERT_EQ(out.size(), samples.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_EQ(out[i].series, samples[i].series);
    EXPECT_EQ(out[i].t_ms, samples[i].t_ms);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(out[i].v), std::bit_cast<std::uint64_t>(samples[i].v));
  }
}

TEST(SamplesPayload, ExtremesComeBack) {
  const double values[] = {0.0,
                           -0.0,
                           1,
                           -1,
                           0.5,
                           9007199254740991.0,
                           -9007199254740991.0,
                           9007199254740992.0,
                           -9007199254740992.0,
                           1e300,
                           std::numeric_limits<double>::denorm_min(),
                           std::numeric_limits<double>::max(),
                           std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN(),
                           std::bit_cast<double>(std::uint64_t{0x7ff0000000000002}),  // stale
                           std::bit_cast<double>(std::uint64_t{0xfff0000000000001})};
  const std::int64_t times[] = {0, 1, -1, kMin, kMax, kMin + 1, kMax - 1};
  const std::uint32_t ids[] = {0, 1, 0x7fff'ffff, 0x8000'0000, 0xffff'ffff};
  std::vector<IdSample> all;
  for (const double v : values) {
    for (const std::int64_t t : times) {
      for (const std::uint32_t id : ids) all.push_back({id, t, v});
    }
  }
  expect_comes_back(all, std::numeric_limits<std::uint64_t>::max());
  expect_comes_back({}, 0);
  for (const IdSample& one : all) expect_comes_back({one}, 1);
}

TEST(SamplesPayload, RandomBatchesComeBack) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<IdSample> samples(random() % 50);
    for (IdSample& sample : samples) {
      sample.series = static_cast<std::uint32_t>(random() >> (random() % 64));
      sample.t_ms = static_cast<std::int64_t>(random() >> (random() % 64));
      const std::uint64_t bits = random();
      sample.v = random() % 2 == 0 ? std::bit_cast<double>(bits)
                                   : static_cast<double>(bits >> (random() % 64));
    }
    expect_comes_back(samples, random());
  }
}

// A scrape of counters: consecutive ids, one time, values of two and three bytes.
TEST(SamplesPayload, ACounterTakesFewBytes) {
  std::vector<IdSample> samples;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    samples.push_back({i + 1, 1'700'000'000'000, 1'000.0 + i % 7'000});
  }
  const double bytes = static_cast<double>(encoded(samples).size());
  EXPECT_LE(bytes / 10'000, 4.4);
}

TEST(SamplesPayload, AppendsBehindWhatIsThere) {
  std::string out = "before";
  encode_samples(out, std::vector<IdSample>{{1, 2, 3}}, {4});
  EXPECT_EQ(out, "before" + encoded({{1, 2, 3}}, 4));
}

TEST(SamplesPayload, CutAnywhereIsAnError) {
  const std::string whole = encoded({{1, 5, 0.25}, {0xffff'ffff, kMax, 7}, {3, kMin, NAN}}, 300);
  std::vector<IdSample> out;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    const auto decoded = decode_samples(as_bytes(whole).first(size), out);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::corruption);
  }
  EXPECT_FALSE(decode_samples(as_bytes(whole + '\0'), out));
}

TEST(SamplesPayload, ForgedCountsAndIdsAreErrors) {
  std::vector<IdSample> out;
  std::string huge;
  put_varint(huge, 0);
  put_text(huge, {});
  put_varint(huge, std::numeric_limits<std::uint64_t>::max());
  put_varint(huge, 0);
  EXPECT_FALSE(decode_samples(as_bytes(huge + std::string(100, '\0')), out));
  EXPECT_EQ(out.capacity(), 0U);

  const auto one_with = [](std::int64_t id_step, std::uint64_t code) {
    std::string text;
    put_varint(text, 0);
    put_text(text, {});
    put_varint(text, 1);
    put_varint(text, 0);
    put_varint(text, zigzag(id_step));
    put_varint(text, 0);
    put_varint(text, code);
    return text;
  };
  EXPECT_TRUE(decode_samples(as_bytes(one_with(5, 0)), out));
  EXPECT_FALSE(decode_samples(as_bytes(one_with(-1, 0)), out)) << "an id below 0";
  EXPECT_FALSE(decode_samples(as_bytes(one_with(1LL << 32, 0)), out)) << "an id past 32 bits";
  EXPECT_FALSE(decode_samples(as_bytes(one_with(5, 3)), out)) << "an unknown kind of value";
  EXPECT_FALSE(decode_samples(as_bytes(one_with(5, 1)), out)) << "eight bytes that are not there";
}

TEST(SamplesPayload, ABatchIdComesBackWithItsReport) {
  const std::vector<IdSample> samples{{3, 0, -2}};
  const std::string report("re\0port", 7);
  for (const std::string& id : {std::string("a-batch"), std::string(kMaxBatchIdBytes, 'x')}) {
    std::string text;
    encode_samples(text, samples, {12, id, as_bytes(report)});
    std::vector<IdSample> out;
    const auto head = decode_samples(as_bytes(text), out);
    ASSERT_TRUE(head) << head.error().message;
    EXPECT_EQ(head->synced_sequence, 12U);
    EXPECT_EQ(head->batch_id, id);
    EXPECT_EQ(as_text(head->report), report);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].series, 3U);
    EXPECT_EQ(out[0].v, -2.0);
    for (std::size_t size = 0; size < text.size(); ++size) {
      EXPECT_FALSE(decode_samples(as_bytes(text).first(size), out)) << size;
    }
  }
  std::string text;
  encode_samples(text, samples, {12, std::string(kMaxBatchIdBytes + 1, 'x'), as_bytes(report)});
  std::vector<IdSample> out;
  EXPECT_FALSE(decode_samples(as_bytes(text), out)) << "a longer id was never written";
}

TEST(SeriesPayload, ComesBackAndRefusesWhatIsNoSeries) {
  const std::string labels =
      canonical(Labels::from({{"__name__", "up"}, {"job", "a \"b\" \xc3\xa9"}}).value());
  for (const std::uint32_t id : {1U, 300U, 0xffff'ffffU}) {
    std::string payload;
    encode_series(payload, id, labels);
    const auto decoded = decode_series(as_bytes(payload));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->id, id);
    EXPECT_EQ(decoded->canonical, labels);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      const auto cut = decode_series(as_bytes(payload).first(size));
      // A cut between the two labels leaves a shorter label set: the record's checksum tells.
      if (cut) {
        EXPECT_TRUE(labels_from_canonical(as_bytes(cut->canonical)));
      }
    }
  }
  std::string zero;
  encode_series(zero, 0, labels);
  EXPECT_FALSE(decode_series(as_bytes(zero))) << "ids begin with 1";
  std::string large;
  put_varint(large, 1ULL << 32U);
  EXPECT_FALSE(decode_series(as_bytes(large + labels)));
  std::string unsorted;
  put_varint(unsorted, 1);
  for (const char* text : {"b", "1", "a", "2"}) put_text(unsorted, text);
  EXPECT_FALSE(decode_series(as_bytes(unsorted)));
}

TEST(MetadataPayload, ComesBackAndRefusesTheRest) {
  const Metadata metadata{MetricType::gauge_histogram, "seconds", "How long.\nTwo \\ lines."};
  std::string payload;
  encode_metadata(payload, "request_seconds", metadata);
  const auto decoded = decode_metadata(as_bytes(payload));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->family, "request_seconds");
  EXPECT_EQ(decoded->metadata, metadata);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(decode_metadata(as_bytes(payload).first(size))) << size;
  }
  EXPECT_FALSE(decode_metadata(as_bytes(payload + "x")));
  std::string unknown;
  put_text(unknown, "f");
  unknown.push_back(static_cast<char>(200));
  put_text(unknown, {});
  put_text(unknown, {});
  EXPECT_FALSE(decode_metadata(as_bytes(unknown)));
}

TEST(MarkPayload, ComesBackAndRefusesTheRest) {
  for (const std::uint64_t mark : {0ULL, 1ULL, 127ULL, 128ULL, ~0ULL}) {
    std::string payload;
    encode_mark(payload, mark);
    EXPECT_EQ(decode_mark(as_bytes(payload)).value(), mark);
    EXPECT_FALSE(decode_mark(as_bytes(payload + '\0')));
    EXPECT_FALSE(decode_mark(as_bytes(payload).first(payload.size() - 1)));
  }
}

TEST(ErasePayload, ComesBackAndCutAnywhereIsAnError) {
  const std::vector<std::uint32_t> ids = {1, 2, 300, 0x8000'0000U, 0xffff'ffffU};
  std::string whole;
  encode_erase(whole, {kMin, kMax}, ids);
  const auto decoded = decode_erase(as_bytes(whole));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->ids, ids);
  EXPECT_EQ(decoded->range, (TimeRange{kMin, kMax}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    const auto cut = decode_erase(as_bytes(whole).first(size));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, ErrorCode::corruption);
  }
  EXPECT_FALSE(decode_erase(as_bytes(whole + '\0')));
  EXPECT_FALSE(decoded->samples_only);
  std::string samples_only;
  encode_erase(samples_only, {kMin, kMax}, ids, /*samples_only=*/true);
  EXPECT_EQ(samples_only, whole + '\1');
  EXPECT_TRUE(decode_erase(as_bytes(samples_only))->samples_only);
  EXPECT_FALSE(decode_erase(as_bytes(samples_only + '\1')));
}

TEST(ErasePayload, ForgedOnesAreErrors) {
  const auto forged = [](std::int64_t after, std::int64_t until, std::uint64_t count,
                         std::initializer_list<std::uint64_t> steps) {
    std::string out;
    put_varint(out, zigzag(after));
    put_varint(out, zigzag(until));
    put_varint(out, count);
    for (const std::uint64_t step : steps) put_varint(out, step);
    return decode_erase(as_bytes(out)).has_value();
  };
  EXPECT_TRUE(forged(1, 2, 1, {7}));
  EXPECT_FALSE(forged(2, 2, 1, {7})) << "an empty range";
  EXPECT_FALSE(forged(1, 2, 1, {0})) << "ids rise";
  EXPECT_FALSE(forged(1, 2, 2, {0xffff'ffff, 1})) << "an id past 32 bits";
  EXPECT_FALSE(forged(1, 2, 1, {kMaxId + 1ULL}));
  EXPECT_FALSE(forged(1, 2, std::numeric_limits<std::uint64_t>::max(), {7})) << "a forged count";
}

}  // namespace
}  // namespace hygge::storage
