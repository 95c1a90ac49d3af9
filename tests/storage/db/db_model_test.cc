#include <gtest/gtest.h>
#include <hygge/db.h>

#include <cstdlib>
#include <map>
#include <random>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;
using Model = test::SamplesByK;

Model in_range(const Model& model, TimeRange range) {
  Model out;
  for (const auto& [series, samples] : model) {
    for (const auto& [t, v] : samples) {
      if (range.contains(t)) out[series][t] = v;
    }
  }
  return out;
}

// Oracle: a std::map; the last write of a time wins. Random writes in order, late, twice and days
// apart, between maintenance, seals, late data for sealed days, flushes, compactions, clean closes
// and read-only opens.
TEST(DbModel, ReadsWhatTheMapHolds) {
  // HYGGE_MODEL_SEEDS=200 for a night, from HYGGE_MODEL_FIRST_SEED on.
  const auto number = [](const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  };
  const std::uint64_t first = number("HYGGE_MODEL_FIRST_SEED", 1);
  const std::uint64_t past = first + number("HYGGE_MODEL_SEEDS", 3);
  std::uint64_t sealed = 0;
  std::uint64_t resealed = 0;
  for (std::uint64_t seed = first; seed < past; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const test::TempDir dir;
    Options options = test::manual_options(kStart);
    options.tuning.log_segment_bytes = 8 * 1024;
    options.tuning.mark_bytes = 16 * 1024;
    if (seed % 2 == 1) options.tuning.late_chunks = 2 + seed % 5;
    TimeMs now = kStart;
    options.clock = [&now] { return now; };
    std::optional<Db> db(Db::open(dir / "db", options).value());
    Model model;
    for (int step = 0; step < 250; ++step) {
      const std::uint64_t what = random() % 100;
      if (what < 70) {
        Batch batch;
        for (std::uint64_t n = random() % 60; n > 0; --n) {
          const std::string k = std::to_string(random() % 6);
          TimeMs t = now;
          if (random() % 5 == 0) t -= static_cast<TimeMs>(random() % 40) * 5'000;
          if (random() % 90 == 0) t -= 2 * kDayMs;
          const double v = random() % 20 == 0 ? stale_marker() : static_cast<double>(random() % 3);
          batch.add({{"__name__", "m"}, {"k", k}}, t, v);
          model[k][t] = v;
          now += random() % 3 == 0 ? 5'000 : 0;
        }
        if (random() % 40 == 0) now += kDayMs;
        ASSERT_TRUE(db->write(batch));
      } else if (what < 80) {
        Maintain how;
        how.settled = random() % 2 == 0;
        if (random() % 8 == 0) how.deadline_ms = now;  // cut short before it begins
        const auto maintained = db->maintain(how);
        ASSERT_TRUE(maintained) << maintained.error().message;
        sealed += maintained->partitions_sealed;
        resealed += maintained->series_resealed;
      } else if (what < 88) {
        ASSERT_TRUE(db->flush());
      } else if (what < 90) {
        ASSERT_TRUE(db->compact());
      } else if (what < 95) {
        ASSERT_TRUE(db->close());
        db.emplace(Db::open(dir / "db", options).value());
        EXPECT_EQ(db->open_report().replayed_samples, 0U);
      } else {
        const Db reader = Db::open_read_only(dir / "db", options).value();
        // NaN markers compare by bits below; here the times alone.
        const Model got = test::read_by_k(reader);
        for (const auto& [series, samples] : model) {
          ASSERT_EQ(got.count(series), samples.empty() ? 0U : 1U);
          EXPECT_EQ(got.at(series).size(), samples.size());
        }
      }
      if (step % 5 != 0) continue;
      const TimeMs a = now - static_cast<TimeMs>(random() % (4 * kDayMs));
      const TimeRange range = random() % 3 == 0
                                  ? everything()
                                  : TimeRange{a, a + static_cast<TimeMs>(random() % kDayMs)};
      const Model got = test::read_by_k(*db, range);
      const Model expected = in_range(model, range);
      ASSERT_EQ(got.size(), expected.size());
      for (const auto& [series, samples] : expected) {
        const auto& found = got.at(series);
        ASSERT_EQ(found.size(), samples.size()) << series;
        for (const auto& [t, v] : samples) {
          ASSERT_TRUE(found.contains(t));
          ASSERT_TRUE(same_bits(found.at(t), v)) << series << " at " << t;
        }
      }
    }
    const auto verified = db->verify().value();
    EXPECT_TRUE(verified.ok()) << verified.damage[0].what;
  }
  EXPECT_GT(sealed, 0U);
  EXPECT_GT(resealed, 0U);
}

}  // namespace
}  // namespace hygge
