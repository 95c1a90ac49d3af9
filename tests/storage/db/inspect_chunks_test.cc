// inspect_chunks() beside what stats and a view say of the same database.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <algorithm>
#include <map>
#include <string>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;  // a midnight

Options manual() { return test::manual_options(kStart); }

// Three series over two days, 15 s apart; the last one is a gauge.
void fill(Db& db) {
  for (const char* name : {"a_total", "b_total", "load"}) {
    Batch batch;
    const SeriesId id = db.series({{"__name__", name}}).value();
    for (TimeMs i = 1; i <= 1'000; ++i) {
      const double v = name[0] == 'l' ? static_cast<double>(i % 7) / 4 : static_cast<double>(i * 3);
      batch.add(id, kStart + i * 150'000, v);
    }
    ASSERT_TRUE(db.write(batch));
  }
  ASSERT_TRUE(db.flush());
}

TEST(InspectChunks, ReportsEveryStoredChunkOnce) {
  const test::TempDir dir;
  Db db = Db::open(dir.path(), manual()).value();
  fill(db);
  std::map<Labels, std::uint64_t> samples;
  std::uint64_t chunks = 0, bytes = 0, smaller = 0;
  Labels last;
  TimeMs last_ms = 0;
  const auto walked = db.inspect_chunks({}, everything(), true,
                                        [&](const Labels& labels, const ChunkReport& chunk) {
                                          EXPECT_LE(last, labels) << "series by labels";
                                          if (labels == last) {
                                            EXPECT_LT(last_ms, chunk.first_ms) << "chunks by time";
                                          }
                                          last = labels;
                                          last_ms = chunk.last_ms;
                                          samples[labels] += chunk.samples;
                                          bytes += chunk.bytes;
                                          ++chunks;
                                          ASSERT_TRUE(chunk.packing) << "a trial, or its own";
                                          smaller += std::min(chunk.bytes, chunk.packing->bytes);
                                        });
  ASSERT_TRUE(walked) << walked.error().message;
  const Stats stats = db.stats().value();
  EXPECT_EQ(chunks, stats.chunks.count);
  EXPECT_EQ(bytes, stats.chunks.payload_bytes);
  EXPECT_LT(smaller, bytes);
  ASSERT_EQ(samples.size(), 3U);
  for (const auto& [labels, count] : samples) EXPECT_EQ(count, 1'000U) << to_string(labels);
}

TEST(InspectChunks, KeepsToSelectorAndRange) {
  const test::TempDir dir;
  Db db = Db::open(dir.path(), manual()).value();
  fill(db);
  const Selector load{{{"__name__", MatchOp::equal, "load"}}};
  const TimeRange range{kStart + 80'000'000, kStart + 90'000'000};
  std::uint64_t samples = 0;
  ASSERT_TRUE(db.inspect_chunks(load, range, false, [&](const Labels&, const ChunkReport& chunk) {
    EXPECT_GT(chunk.last_ms, range.after);
    EXPECT_LE(chunk.first_ms, range.until);
    samples += chunk.samples;
  }));
  EXPECT_GE(samples, 66U);
  EXPECT_LT(samples, 1'000U);
  ASSERT_TRUE(db.inspect_chunks(load, {5, 5}, false,
                                [](const Labels&, const ChunkReport&) { FAIL() << "empty"; }));
  ASSERT_TRUE(db.close());
  EXPECT_EQ(
      db.inspect_chunks(load, range, false, [](const Labels&, const ChunkReport&) {}).error().code,
      ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace hygge
