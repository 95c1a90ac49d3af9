// Deletes against a std::map: mixed with writes in order, late and repeated, put passes, flushes,
// clean reopens, read-only opens and kills.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;
using Model = test::SamplesByK;

// The directory as a kill would leave it: no put pass is at work between two calls.
void copy_of(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  test::copy_directory(from, to);
}

template <typename T>
void succeed(const Result<T>& result) {
  ASSERT_TRUE(result) << result.error().message;
}

struct World {
  explicit World(std::uint64_t seed) : random(seed) {
    options = test::manual_options(kStart);
    options.tuning.log_segment_bytes = 4 * 1024;
    options.tuning.mark_bytes = 8 * 1024;
    open();
  }

  void open() { db.emplace(Db::open(dir / "db", options).value()); }

  std::string name() { return std::to_string(random() % 4); }

  void write() {
    Batch batch;
    for (std::uint64_t n = random() % 60; n > 0; --n) {
      const std::string k = name();
      TimeMs t = now;
      if (random() % 4 == 0) t -= static_cast<TimeMs>(random() % 60) * 5'000;
      if (random() % 60 == 0) t -= kDayMs;
      const auto v = static_cast<double>(random() % 3);  // few: many duplicates bit for bit
      batch.add({{"__name__", "m"}, {"k", k}}, t, v);
      model[k][t] = v;
      now += random() % 3 == 0 ? 5'000 : 0;
    }
    if (random() % 25 == 0) now += kDayMs;
    ASSERT_TRUE(db->write(batch));
  }

  TimeRange some_range() {
    if (random() % 5 == 0) return everything();
    const TimeMs width = random() % 4 == 0 ? 2 * kDayMs : 400'000;
    const TimeMs a = now - static_cast<TimeMs>(random() % 800'000);
    return {a, a + static_cast<TimeMs>(random() % static_cast<std::uint64_t>(width))};
  }

  void erase() {
    const TimeRange range = some_range();
    const bool all = random() % 4 == 0;
    const std::string k = name();
    std::uint64_t expected = 0;
    for (auto& [series, samples] : model) {
      if (!all && series != k) continue;
      expected += std::erase_if(samples, [&](const auto& at) { return range.contains(at.first); });
    }
    std::erase_if(model, [](const auto& series) { return series.second.empty(); });
    const auto report = db->erase(selector(all ? "m" : "m{k=\"" + k + "\"}").value(), range,
                                  {.now = random() % 6 == 0});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->samples, expected);
  }

  // Maintenance leaves neither bounds nor series of what is gone.
  void expect_forgotten() {
    std::vector<std::string> names;
    std::optional<std::pair<TimeMs, TimeMs>> expected;
    for (const auto& [k, samples] : model) {
      names.push_back(k);
      const std::pair of{samples.begin()->first, samples.rbegin()->first};
      expected = expected ? std::pair(std::min(expected->first, of.first),
                                      std::max(expected->second, of.second))
                          : of;
    }
    EXPECT_EQ(db->label_values("k").value(), names);
    const auto bounds = db->time_bounds();
    ASSERT_EQ(bounds.has_value(), expected.has_value());
    if (bounds) {
      EXPECT_EQ(std::pair(bounds->first_ms, bounds->last_ms), *expected);
    }
  }

  void step() {
    const std::uint64_t what = random() % 100;
    if (what < 55) return write();
    if (what < 72) return erase();
    if (what < 84) {
      succeed(db->maintain());
      return expect_forgotten();
    }
    if (what < 90) return succeed(db->flush());
    if (what < 92) return succeed(db->compact());
    if (what < 95) {
      ASSERT_TRUE(db->close());
      return open();
    }
    if (what < 97) {
      const Db reader = Db::open_read_only(dir / "db", options).value();
      ASSERT_EQ(test::read_by_k(reader), model) << "read-only";
      return;
    }
    // Killed: what lies there is opened, and goes on.
    copy_of(dir / "db", dir / "copy");
    ASSERT_TRUE(db->close());
    copy_of(dir / "copy", dir / "db");
    open();
  }

  const test::TempDir dir;
  std::mt19937_64 random;
  Options options;
  std::optional<Db> db;
  Model model;
  TimeMs now = kStart;
};

TEST(EraseModel, ReadsWhatTheMapHolds) {
  // HYGGE_MODEL_SEEDS=2000 for a night.
  const char* const more = std::getenv("HYGGE_MODEL_SEEDS");
  const std::uint64_t seeds = more == nullptr ? 4 : std::strtoull(more, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int step = 0; step < 120; ++step) {
      SCOPED_TRACE(step);
      world.step();
      if (testing::Test::HasFatalFailure()) return;
      ASSERT_EQ(test::read_by_k(*world.db), world.model);
    }
    const auto verified = world.db->verify().value();
    ASSERT_TRUE(verified.ok()) << verified.damage[0].what;
  }
}

}  // namespace
}  // namespace hygge
