// The engine's own counters: OpenMetrics text that says what stats() says.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <map>
#include <sstream>
#include <string>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 20'000 * kDayMs;

// Sample lines by name and labels. Fails where a line is none, or has no family before it.
std::map<std::string, std::string> parsed(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream in(text);
  std::string family;
  std::string type;
  std::string last;
  for (std::string line; std::getline(in, line);) {
    last = line;
    if (line.starts_with("# TYPE ")) {
      const std::size_t blank = line.find(' ', 7);
      family = line.substr(7, blank - 7);
      type = line.substr(blank + 1);
    }
    if (line.starts_with('#')) continue;
    const std::size_t end = line.rfind(' ');
    const std::string name = line.substr(0, line.find_first_of("{ "));
    EXPECT_EQ(name, family + (type == "counter" ? "_total" : "")) << line;
    EXPECT_TRUE(out.emplace(line.substr(0, end), line.substr(end + 1)).second) << line;
  }
  EXPECT_EQ(last, "# EOF");
  return out;
}

TEST(Metrics, SayWhatStatsSay) {
  const test::TempDir dir;
  const Options options = test::manual_options(kStart + 2 * kDayMs, Sync());
  Db db = Db::open(dir / "db", options).value();
  EXPECT_EQ(parsed(db.metrics().value()).at("hygge_series"), "0");
  for (int day = 0; day < 2; ++day) {
    Batch batch;
    for (int i = 1; i <= 500; ++i) {
      batch.add({{"__name__", "m"}}, kStart + day * kDayMs + i * kMinuteMs, i);
    }
    ASSERT_TRUE(db.write(batch));
  }
  test::copy_directory(dir / "db", dir / "killed");
  const Stats replayed = Db::open(dir / "killed", options)->stats().value();
  EXPECT_EQ(replayed.replay_samples, 1'000U);
  EXPECT_EQ(replayed.batches, 0U) << "since the open";
  EXPECT_EQ(replayed.samples_taken, 0U);
  EXPECT_EQ(replayed.write_amplification(), 0);
  ASSERT_TRUE(db.flush());
  ASSERT_TRUE(db.compact());
  const Stats stats = db.stats().value();
  const auto metrics = parsed(db.metrics().value());
  const auto expect = [&](const std::string& name, std::uint64_t value) {
    ASSERT_TRUE(metrics.contains(name)) << name;
    EXPECT_EQ(metrics.at(name), std::to_string(value)) << name;
  };
  EXPECT_EQ(stats.batches, 2U);
  EXPECT_EQ(stats.samples_taken, 1'000U);
  EXPECT_GT(stats.log_written_bytes, 1'000U);
  EXPECT_GT(stats.store_flush_bytes, 0U);
  EXPECT_GT(stats.store_compactions, 0U);
  EXPECT_GT(stats.store_compaction_bytes, 0U);
  EXPECT_GT(stats.write_amplification(), 1);
  EXPECT_GT(stats.cell_bytes, 0U);
  ASSERT_EQ(stats.days.size(), 2U);
  EXPECT_GT(stats.days[0].cell_file_bytes, 0U);
  expect("hygge_cell_file_bytes", stats.cell_bytes);
  expect("hygge_batches_total", stats.batches);
  expect("hygge_samples_taken_total", stats.samples_taken);
  expect("hygge_log_written_bytes_total", stats.log_written_bytes);
  expect("hygge_store_flushes_total", stats.store_flushes);
  expect("hygge_store_flush_bytes_total", stats.store_flush_bytes);
  expect("hygge_store_compaction_bytes_total", stats.store_compaction_bytes);
  expect("hygge_partitions_sealed_total", 2);
  expect("hygge_disk_bytes", stats.disk_bytes);
  expect("hygge_log_budget_bytes", stats.log_budget_bytes);
  expect(R"(hygge_partition_series{day="2024-10-04",state="sealed"})", 1);
  EXPECT_EQ(metrics.at("hygge_newest_sample_timestamp_seconds"),
            std::to_string((kStart + kDayMs + 500 * kMinuteMs) / 1000));
  EXPECT_FALSE(metrics.contains(R"(hygge_chunks{codec="pack"})")) << "it would have to look";
  const auto all = parsed(to_openmetrics(stats));
  EXPECT_EQ(std::stoull(all.at(R"(hygge_chunks{codec="pack"})")) +
                std::stoull(all.at(R"(hygge_chunks{codec="gorilla"})")),
            stats.chunks.count);
}

}  // namespace
}  // namespace hygge
