// What the tests of the log share: a small log in files that can fail, and what replay gives of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "storage/log/payloads.h"
#include "storage/log/replay.h"
#include "storage/log/writer.h"
#include "tests/support/faulty_files.h"

namespace hygge::storage {

inline constexpr LogId kTestId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
inline const std::string kTestDir = "db/log";

inline void make_log_dir(test::FaultyFiles& files) {
  ASSERT_TRUE(files.create_directories(kTestDir));
  ASSERT_TRUE(files.sync_directory(""));
  ASSERT_TRUE(files.sync_directory("db"));
}

/// Small enough that a few records fill a segment.
inline LogWriterOptions small_segments() { return {200, 64}; }

inline std::unique_ptr<LogWriter> open_log(test::FaultyFiles& files, std::uint64_t next = 1,
                                           const LogWriterOptions& options = small_segments()) {
  auto log = LogWriter::create(files, kTestDir, kTestId, next, options);
  EXPECT_TRUE(log) << log.error().message;
  return log ? std::move(*log) : nullptr;
}

/// A samples record that nobody can take for another.
inline PendingRecord samples_record(std::uint32_t number, std::uint64_t synced = 0) {
  const std::vector<IdSample> samples = {{number, 1'000 * TimeMs{number}, number + 0.5},
                                         {number + 1, 1'000 * TimeMs{number}, number * 1.0}};
  PendingRecord record{RecordType::samples, {}};
  encode_samples(record.payload, samples, {synced});
  return record;
}
inline PendingRecord series_record(std::uint32_t id, std::string_view value) {
  PendingRecord record{RecordType::series, {}};
  std::string canonical;
  put_text(canonical, "__name__");
  put_text(canonical, value);
  encode_series(record.payload, id, canonical);
  return record;
}
inline PendingRecord mark_record(std::uint64_t mark) {
  PendingRecord record{RecordType::mark, {}};
  encode_mark(record.payload, mark);
  return record;
}

inline Result<std::uint64_t> append_one(LogWriter& log, const PendingRecord& record) {
  return log.append(std::span(&record, 1));
}

struct Delivered {
  RecordType type = RecordType::samples;
  std::uint64_t sequence = 0;
  std::string payload;
  friend bool operator==(const Delivered&, const Delivered&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Delivered& record) {
    return out << fmt::format("#{} type {} of {} bytes", record.sequence,
                              static_cast<int>(record.type), record.payload.size());
  }
};

struct Replayed {
  std::vector<Delivered> records;
  ReplayReport report;
};

inline Result<Replayed> replay_all(test::FaultyFiles& files, const ReplayOptions& options = {}) {
  Replayed out;
  auto report = replay(files, kTestDir, kTestId, options, [&](const LogRecord& record) {
    out.records.push_back({record.type, record.sequence, std::string(as_text(record.payload))});
    return Result<void>{};
  });
  if (!report) return tl::unexpected<Error>(report.error());
  out.report = *report;
  return out;
}

inline std::string segment_path(std::uint64_t first_sequence) {
  return kTestDir + "/" + segment_name(first_sequence);
}

}  // namespace hygge::storage
