// Run under ThreadSanitizer: a writer, a deleter, readers and the maintenance thread at once.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using namespace std::chrono_literals;

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr int kSeries = 8;
constexpr int kBatches = 1'500;

// Every batch writes all series at one time, every delete takes a range of all: a reader must find
// the same times in each of them, whether they lie in the head, wait, or are stored and masked.
TEST(EraseThreads, AReaderSeesDeletesWhole) {
  const test::TempDir dir;
  Options options;
  options.create_if_missing = true;
  options.sync = Sync::none();
  options.tuning.log_segment_bytes = 64 * 1024;
  options.tuning.chunk_memtable_bytes = 64 * 1024;
  options.tuning.put_bytes = 4 * 1024;
  options.tuning.mark_bytes = 32 * 1024;
  Db db = Db::open(dir / "db", options).value();
  const Selector all = selector("m").value();
  std::atomic<bool> done{false};
  std::atomic<int> written{0};
  std::atomic<int> views{0};
  std::atomic<int> deletes{0};
  std::thread reader([&] {
    while (!done.load()) {
      const auto view = db.view({all}, everything());
      ASSERT_TRUE(view) << view.error().message;
      std::optional<std::vector<TimeMs>> times;
      for (const Series& series : view->series(0)) {
        const auto samples = series.samples();
        ASSERT_TRUE(samples) << samples.error().message;
        if (!times) times = samples->t;
        ASSERT_EQ(samples->t, *times) << "half a batch, or half a delete";
      }
      views.fetch_add(1);
    }
  });
  std::uint64_t gone = 0;
  std::thread deleter([&] {
    for (int n = 0; !done.load(); ++n) {
      // Behind the writer: nothing late comes, so what is gone stays so.
      const TimeMs until = kStart + written.load() * 1'000;
      const auto report = db.erase(all, {until - 40'000, until - 20'000}, {.now = n % 16 == 15});
      if (!report) {
        ASSERT_EQ(report.error().code, ErrorCode::busy) << report.error().message;
        continue;
      }
      gone += report->samples;
      if (report->samples > 0) deletes.fetch_add(1);
    }
  });
  for (int n = 1; n <= kBatches; ++n) {
    Batch batch;
    for (int k = 0; k < kSeries; ++k) {
      batch.add({{"__name__", "m"}, {"k", std::to_string(k)}}, kStart + n * 1'000, n);
    }
    ASSERT_TRUE(db.write(batch));
    written.store(n);
    // The lock is not fair: without this the writer may be done before the others began.
    const auto patience = std::chrono::steady_clock::now() + 20s;
    while (n % 100 == 0 && (deletes.load() < n / 100 || views.load() < n / 100) &&
           std::chrono::steady_clock::now() < patience) {
      std::this_thread::sleep_for(1ms);
    }
  }
  done = true;
  reader.join();
  deleter.join();
  EXPECT_GE(views.load(), kBatches / 100);
  EXPECT_GE(deletes.load(), kBatches / 100);
  const std::uint64_t left = test::count_samples(db.view({all}, everything()).value());
  EXPECT_EQ(left + gone, std::uint64_t{kSeries} * kBatches);
}

}  // namespace
}  // namespace hygge
