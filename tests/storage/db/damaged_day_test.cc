// One old day has a damaged block: deletes, retention, the cap, seals and writes go on around it.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/damage.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

namespace fs = std::filesystem;

constexpr TimeMs kStart = 20'000 * kDayMs;
constexpr int kDays = 4;
constexpr int kDamagedDay = 1;
constexpr int kSeries = 30;
constexpr int kSamples = 600;  // of a series and day: several blocks hold a day

using test::Samples;
using Model = test::SamplesByK;

Options manual() { return test::manual_options(kStart + kDays * kDayMs); }

Labels labels_of(int k) {
  return Labels::from({{"__name__", "m"}, {"k", std::to_string(k)}}).value();
}

Selector select(std::string_view text) { return selector(text).value(); }

void succeed(const auto& result) { ASSERT_TRUE(result) << result.error().message; }

bool in_damaged_day(TimeRange range) {
  return range.after >= kStart + kDamagedDay * kDayMs &&
         range.until <= kStart + (kDamagedDay + 1) * kDayMs;
}

// Sealed days, with one bit flipped in the files of one of them.
class DamagedDay : public testing::Test {
 protected:
  void SetUp() override {
    std::mt19937_64 random(3);
    {
      Db db = Db::open(dir_ / "whole", manual()).value();
      for (int day = 0; day < kDays; ++day) {
        Batch batch;
        for (int k = 0; k < kSeries; ++k) {
          for (int i = 1; i <= kSamples; ++i) {
            const TimeMs t_ms = kStart + day * kDayMs + i * kMinuteMs;
            const double v = static_cast<double>(random() % 1'000'000) / 7;
            batch.add(labels_of(k), t_ms, v);
            model_[std::to_string(k)][t_ms] = v;
          }
        }
        succeed(db.write(batch));
      }
      succeed(db.compact());
      succeed(db.close());
    }
    for (const auto& entry : fs::directory_iterator(dir_ / "whole/store")) {
      if (entry.path().extension() != ".sst" || entry.file_size() < 20'000) continue;
      if (damaged_day(entry.path().filename())) break;
    }
    ASSERT_TRUE(db_.has_value()) << "no file holds the day";
  }

  // A copy with a bit of that file flipped; kept if it is of the day.
  bool damaged_day(const fs::path& name) {
    fs::remove_all(dir_ / "db");
    fs::copy(dir_ / "whole", dir_ / "db", fs::copy_options::recursive);
    const fs::path path = fs::path(dir_ / "db/store") / name;
    test::flip(path, fs::file_size(path) / 2, 3);
    const auto verified = hygge::verify(dir_ / "db").value();
    const auto is_meant = [](const Damage& damage) {
      return damage.where.starts_with("store/chunks") && in_damaged_day(damage.range);
    };
    if (std::none_of(verified.damage.begin(), verified.damage.end(), is_meant)) return false;
    file_ = path;
    db_.emplace(Db::open(dir_ / "db", manual()).value());
    return true;
  }

  void forget(TimeRange range, const std::string& k = {}) {
    for (auto& [name, samples] : model_) {
      if (!k.empty() && name != k) continue;
      std::erase_if(samples, [&](const auto& one) { return range.contains(one.first); });
    }
  }

  // Each series and day reads as the model says; of the damaged day some may fail instead.
  void expect_model(bool may_fail) {
    int failed = 0;
    for (int day = 0; day < kDays; ++day) {
      const TimeRange range{kStart + day * kDayMs, kStart + (day + 1) * kDayMs};
      const View view = db_->view({select("m")}, range).value();
      Model got;
      for (const Series& series : view.series(0)) {
        const std::string k(series.labels().get("k"));
        const auto samples = series.samples();
        if (!samples) {
          EXPECT_EQ(samples.error().code, ErrorCode::corruption);
          EXPECT_EQ(day, kDamagedDay);
          ++failed;
          got[k] = {{-1, 0}};
          continue;
        }
        for (std::size_t i = 0; i < samples->t.size(); ++i) got[k][samples->t[i]] = samples->v[i];
      }
      for (const auto& [k, samples] : model_) {
        if (got[k].contains(-1)) continue;
        Samples expected;
        for (const auto& [t, v] : samples) {
          if (range.contains(t)) expected[t] = v;
        }
        EXPECT_EQ(got[k], expected) << k << " on day " << day;
      }
    }
    EXPECT_EQ(failed > 0, may_fail) << failed;
    EXPECT_LT(failed, kSeries / 2);
  }

  [[nodiscard]] std::uint64_t figure(const std::string& name) const {
    const std::string text = db_->metrics().value();
    const auto at = text.find("\nhygge_" + name + " ");
    EXPECT_NE(at, std::string::npos) << name;
    return std::stoull(text.substr(at + 8 + name.size()));
  }

  // Nothing waits for the damage: no mask is left, and no record has to be replayed.
  void expect_nothing_waits() {
    EXPECT_EQ(figure("deletes_pending"), 0U);
    succeed(db_->flush());
    EXPECT_EQ(Db::open_read_only(dir_ / "db", manual())->open_report().replayed_samples, 0U);
  }

  const test::TempDir dir_;
  Model model_;
  fs::path file_;
  std::optional<Db> db_;
};

TEST_F(DamagedDay, ReadsAllElse) { expect_model(/*may_fail=*/true); }

TEST_F(DamagedDay, StatsCountAllElse) {
  const Stats stats = db_->stats().value();
  EXPECT_GT(stats.chunks.series_damaged, 0U);
  EXPECT_LT(stats.chunks.series_damaged, kSeries / 2U);
  ASSERT_EQ(stats.days.size(), std::size_t{kDays});
  for (int day = 0; day < kDays; ++day) {
    const std::uint64_t samples = stats.days[static_cast<std::size_t>(day)].samples;
    if (day == kDamagedDay) {
      EXPECT_LT(samples, std::uint64_t{kSeries * kSamples});
      EXPECT_GT(samples, std::uint64_t{kSeries * kSamples / 2});
    } else {
      EXPECT_EQ(samples, std::uint64_t{kSeries * kSamples}) << day;
    }
  }
}

TEST_F(DamagedDay, DeletesGoOnAroundIt) {
  for (int k = 0; k < kSeries; k += 3) {
    const TimeRange range{kStart + kHourMs, kStart + 3 * kDayMs + 5 * kHourMs};
    succeed(db_->erase(select("m{k=\"" + std::to_string(k) + "\"}"), range));
    forget(range, std::to_string(k));
  }
  const auto maintained = db_->maintain();
  succeed(maintained);
  EXPECT_GT(maintained->series_damaged, 0U);
  EXPECT_GE(figure("series_damaged_total"), maintained->series_damaged);
  expect_model(true);
  expect_nothing_waits();
  const TimeRange hour{kStart, kStart + kDays * kDayMs};
  succeed(db_->erase(select("m{k=\"1\"}"), hour));
  forget(hour, "1");
  succeed(db_->maintain());
  expect_model(true);
  db_.emplace(Db::open(dir_ / "other", manual()).value());
  db_.emplace(Db::open(dir_ / "db", manual()).value());
  expect_model(true);
}

TEST_F(DamagedDay, RetentionTakesItWhole) {
  succeed(db_->set_retention(parse_retention("m 1d").value()));
  succeed(db_->apply_retention());
  forget({kStart, kStart + 2 * kDayMs});
  expect_model(false);
  expect_nothing_waits();
  EXPECT_TRUE(db_->verify()->ok());
  EXPECT_FALSE(fs::exists(file_));
}

// While a view lives its files stay; what a damaged block hides is not asked for any more.
TEST_F(DamagedDay, RetentionBesideAView) {
  {
    const View view = db_->view({select("m")}, everything()).value();
    succeed(db_->set_retention(parse_retention("m 1d").value()));
    succeed(db_->apply_retention());
    forget({kStart, kStart + 2 * kDayMs});
    expect_model(false);
    expect_nothing_waits();
  }
  succeed(db_->maintain());
  expect_model(false);
}

// Late data and a delete for the damaged day, then many flushes: no compaction that meets the
// damage may stop the store from taking what is new.
TEST_F(DamagedDay, WritesAndFlushesGoOnForLong) {
  const TimeRange noon{kStart + kDamagedDay * kDayMs + kHourMs,
                       kStart + kDamagedDay * kDayMs + 2 * kHourMs};
  for (int round = 0; round < 45; ++round) {
    Batch batch;
    for (int k = 0; k < kSeries; ++k) {
      const TimeMs t_ms = kStart + (kDays - 1) * kDayMs + kDayMs / 2 + round * kSecondMs;
      batch.add(labels_of(k), t_ms, round);
      model_[std::to_string(k)][t_ms] = round;
      const TimeMs late_ms = noon.until + kHourMs + round;
      batch.add(labels_of(k), late_ms, round);
      model_[std::to_string(k)][late_ms] = round;
    }
    const auto written = db_->write(batch);
    ASSERT_TRUE(written) << round << ": " << written.error().message;
    if (round == 5) {
      succeed(db_->erase(select("m"), noon));
      forget(noon);
    }
    succeed(db_->flush());
    if (round % 10 == 0) succeed(db_->maintain());
  }
  expect_model(true);
  expect_nothing_waits();
}

}  // namespace
}  // namespace hygge
