// Run under ThreadSanitizer: a writer, readers and the maintenance thread at once.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <atomic>
#include <thread>

#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr int kSeries = 16;

// So small that a short test passes through the head, what waits and the store.
Options small() {
  Options options;
  options.create_if_missing = true;
  options.sync = Sync::every(std::chrono::milliseconds(5));
  options.tuning.chunk_memtable_bytes = 64 * 1024;
  options.tuning.put_bytes = 4 * 1024;
  options.tuning.mark_bytes = 32 * 1024;
  return options;
}

std::vector<SeriesId> make_series(Db& db) {
  std::vector<SeriesId> ids;
  for (int k = 0; k < kSeries; ++k) {
    ids.push_back(db.series({{"__name__", "m"}, {"k", std::to_string(k)}}).value());
  }
  return ids;
}

// Each batch writes the same value to every series at one time, batch n at kStart + n · step: a
// reader must find all of a batch or nothing of it, whether it lies in the head, waits, or is
// stored.
void expect_whole_batches(const Db& db, DurationMs step_ms) {
  const auto view = db.view({selector("m").value()}, everything());
  ASSERT_TRUE(view) << view.error().message;
  std::optional<std::size_t> length;
  for (const Series& series : view->series(0)) {
    const auto samples = series.samples();
    ASSERT_TRUE(samples) << samples.error().message;
    if (!length) length = samples->t.size();
    ASSERT_EQ(samples->t.size(), *length) << "half a batch";
    for (std::size_t i = 0; i < samples->t.size(); ++i) {
      ASSERT_EQ(samples->v[i], static_cast<double>((samples->t[i] - kStart) / step_ms));
    }
  }
}

TEST(DbThreads, AReaderSeesWholeBatches) {
  const test::TempDir dir;
  Options options = small();
  options.tuning.log_segment_bytes = 64 * 1024;
  Db db = Db::open(dir / "db", options).value();
  const std::vector<SeriesId> ids = make_series(db);
  std::atomic<bool> done{false};
  std::atomic<int> views{0};
  const auto reader = [&] {
    while (!done.load()) {
      ASSERT_NO_FATAL_FAILURE(expect_whole_batches(db, 1'000));
      views.fetch_add(1);
    }
  };
  std::thread one(reader);
  std::thread two(reader);
  for (int n = 0; n < 3'000; ++n) {
    Batch batch;
    for (const SeriesId id : ids) batch.add(id, kStart + n * 1'000, n);
    ASSERT_TRUE(db.write(batch));
    if (n % 500 == 0) {
      ASSERT_TRUE(db.flush());
    }
  }
  done = true;
  one.join();
  two.join();
  EXPECT_GT(views.load(), 0);
  EXPECT_GT(db.stats()->put_passes, 0U);
  EXPECT_TRUE(db.close());
}

// The same beside seals: of days as they end, of today on demand, and again for late data.
TEST(DbThreads, AReaderSeesWholeBatchesBesideSeals) {
  const test::TempDir dir;
  constexpr TimeMs kStep = 10 * kMinuteMs;
  constexpr int kBatches = 1'200;
  std::atomic<TimeMs> now{kStart};
  Options options = small();
  options.clock = [&now] { return now.load(); };
  Db db = Db::open(dir / "db", options).value();
  const std::vector<SeriesId> ids = make_series(db);
  std::atomic<bool> done{false};
  const auto reader = [&] {
    while (!done.load()) ASSERT_NO_FATAL_FAILURE(expect_whole_batches(db, kStep));
  };
  const auto sealer = [&] {
    Maintain how;
    how.settled = true;
    for (int n = 0; !done.load(); ++n) {
      if (n % 3 == 0) {
        ASSERT_TRUE(db.compact());
      } else {
        ASSERT_TRUE(db.maintain(how));
      }
    }
  };
  std::thread one(reader);
  std::thread two(sealer);
  // Every seventh batch comes a hundred batches late, into a day that may be sealed.
  for (int n = 1; n < kBatches + 100; ++n) {
    Batch batch;
    for (const int at : {n, n - 100}) {
      if (at < 1 || at >= kBatches || (at % 7 == 0) != (at != n)) continue;
      for (const SeriesId id : ids) batch.add(id, kStart + at * kStep, at);
      now = std::max(now.load(), kStart + at * kStep);
    }
    if (!batch.empty()) {
      ASSERT_TRUE(db.write(batch));
    }
  }
  done = true;
  one.join();
  two.join();
  ASSERT_TRUE(db.compact());
  const auto verified = db.verify().value();
  EXPECT_TRUE(verified.ok()) << verified.damage[0].what;
  const auto view = db.view({selector("m").value()}, everything());
  EXPECT_EQ(view->series(0)[0].samples()->t.size(), static_cast<std::size_t>(kBatches - 1));
  EXPECT_GT(db.stats()->partitions_sealed, 0U);
}

}  // namespace
}  // namespace hygge
