// Every bit of a log flipped and every file cut at every byte: a torn end is forgiven, anything
// else is named with segment and offset, and never is anything delivered that was not written.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/storage/log/log_support.h"

namespace hygge::storage {
namespace {

struct Place {
  std::string path;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Three segments of three records each, every record but the last known to be synced.
struct LogDamageTest : testing::Test {
  LogDamageTest() {
    make_log_dir(files);
    auto log = open_log(files, 1, {4096, 512});
    for (std::uint32_t i = 1; i <= 9; ++i) {
      const PendingRecord record = samples_record(i, i - 1);
      EXPECT_TRUE(append_one(*log, record));
      EXPECT_TRUE(log->sync());
      all.push_back({record.type, i, record.payload});
      if (i % 3 == 0 && i < 9) {
        EXPECT_TRUE(log->rotate());
      }
    }
    newest = segment_path(7);
    for (const std::uint64_t first : {1U, 4U, 7U}) {
      const std::string path = segment_path(first);
      originals[path] = files.content(path);
      std::size_t at = kSegmentHeaderBytes;
      for (int i = 0; i < 3; ++i) {
        std::size_t length = 0;
        EXPECT_TRUE(parse_record(as_bytes(originals[path]).subspan(at), length));
        places.push_back({path, at, at + length});
        at += length;
      }
    }
    // As a killed writer leaves it: reserved space behind the last record.
    originals[newest] += std::string(20, '\0');
    for (const auto& [path, bytes] : originals) files.put(path, bytes);
  }

  // Records up to `count` came, and nothing else.
  void expect_prefix(const Result<Replayed>& replayed, std::size_t count) {
    ASSERT_TRUE(replayed) << replayed.error().message;
    const std::vector<Delivered> expected(all.begin(),
                                          all.begin() + static_cast<std::ptrdiff_t>(count));
    EXPECT_EQ(replayed->records, expected);
  }
  void expect_named(const Result<Replayed>& replayed, const std::string& path, std::size_t offset) {
    ASSERT_FALSE(replayed);
    EXPECT_TRUE(replayed.error().code == ErrorCode::corruption ||
                replayed.error().code == ErrorCode::version);
    const std::string name = path.substr(kTestDir.size() + 1);
    EXPECT_TRUE(replayed.error().message.starts_with(fmt::format("log/{} at {}: ", name, offset)))
        << replayed.error().message;
  }
  // Both ways of opening; the files are as before afterwards.
  template <typename Check>
  void for_both(const std::string& path, const std::string& bytes, const Check& check) {
    for (const bool read_only : {true, false}) {
      files.put(path, bytes);
      check(replay_all(files, {read_only, std::nullopt}));
    }
    files.put(path, originals[path]);
  }

  test::FaultyFiles files;
  std::vector<Delivered> all;
  std::map<std::string, std::string> originals;
  std::vector<Place> places;  ///< of record i + 1
  std::string newest;
};

TEST_F(LogDamageTest, EveryBitFlippedIsForgivenAtTheEndAndNamedElsewhere) {
  for (const auto& original : originals) {
    const std::string& path = original.first;
    const std::string& bytes = original.second;
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      SCOPED_TRACE(fmt::format("{} bit {}", path, bit));
      const std::size_t byte = bit / 8;
      std::string flipped = bytes;
      flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << (bit % 8)));
      std::size_t record = 0;
      while (record < places.size() &&
             !(places[record].path == path && byte < places[record].end)) {
        ++record;
      }
      for_both(path, flipped, [&](const Result<Replayed>& replayed) {
        if (byte < kSegmentHeaderBytes) {
          expect_named(replayed, path, 0);
        } else if (record == places.size()) {
          expect_prefix(replayed, 9);  // in reserved space
        } else if (record == 8) {
          expect_prefix(replayed, 8);
        } else {
          expect_named(replayed, path, places[record].begin);
        }
      });
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST_F(LogDamageTest, EveryCutIsForgivenAtTheEndAndNamedElsewhere) {
  for (const auto& original : originals) {
    const std::string& path = original.first;
    const std::string& bytes = original.second;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      SCOPED_TRACE(fmt::format("{} cut to {}", path, size));
      std::size_t whole = 0;  // records before the cut, in all segments up to this one
      for (const Place& place : places) {
        if (place.path < path || (place.path == path && place.end <= size)) ++whole;
      }
      for_both(path, bytes.substr(0, size), [&](const Result<Replayed>& replayed) {
        if (path == newest) {
          // A segment without its header never got a record, as far as anybody can tell.
          expect_prefix(replayed, whole);
          return;
        }
        ASSERT_FALSE(replayed);
        EXPECT_EQ(replayed.error().code, ErrorCode::corruption);
        const bool at_boundary =
            size == kSegmentHeaderBytes || places[whole == 0 ? 0 : whole - 1].end == size;
        if (size < kSegmentHeaderBytes) {
          expect_named(replayed, path, 0);
        } else if (at_boundary) {
          EXPECT_NE(replayed.error().message.find("are missing"), std::string::npos);
        } else {
          expect_named(replayed, path, places[whole].begin);
        }
      });
      if (testing::Test::HasFailure()) return;
    }
  }
}

// A page that the disk lost: zeros over any stretch of the newest segment's records.
TEST_F(LogDamageTest, AnyZeroedStretchIsForgivenOnlyWithNothingSyncedInIt) {
  const std::string& bytes = originals[newest];
  const std::size_t end = places[8].end;
  for (std::size_t from = kSegmentHeaderBytes; from < end; from += 3) {
    for (std::size_t until = from + 1; until <= end; until += 5) {
      SCOPED_TRACE(fmt::format("zeros from {} to {}", from, until));
      std::string zeroed = bytes;
      zeroed.replace(from, until - from, until - from, '\0');
      if (zeroed == bytes) continue;
      std::size_t first = 6;
      while (zeroed.compare(places[first].begin, places[first].end - places[first].begin, bytes,
                            places[first].begin, places[first].end - places[first].begin) == 0) {
        ++first;
      }
      // The last record tells of all before it, unless it went too.
      const bool tells = zeroed.compare(places[8].begin, end - places[8].begin, bytes,
                                        places[8].begin, end - places[8].begin) == 0;
      const bool second_tells =
          first == 6 && zeroed.compare(places[7].begin, places[7].end - places[7].begin, bytes,
                                       places[7].begin, places[7].end - places[7].begin) == 0;
      for_both(newest, zeroed, [&](const Result<Replayed>& replayed) {
        if (tells || second_tells) {
          expect_named(replayed, newest, places[first].begin);
        } else {
          expect_prefix(replayed, first);
        }
      });
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace hygge::storage
