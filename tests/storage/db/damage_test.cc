// Bits flipped, bytes cut, files gone, in every kind of file: found, named, contained, mended as
// far as it can be, and never a wrong sample. Each round damages one file of a copy.
//
//   HYGGE_DAMAGE_ROUNDS   turns over all kinds of file and damage, 1 by default
//   HYGGE_DAMAGE_SEED     1 by default
#include "tests/support/damage.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

namespace fs = std::filesystem;

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr int kSeries = 40;

using Samples = test::AllSamples;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

Options manual() { return test::manual_options(kStart); }

// A database as a crash leaves it: two days in the store, some of it compacted, and a log whose
// records are not all in it.
class Template {
 public:
  Template() {
    std::mt19937_64 random(5);
    Db db = Db::open(dir_ / "db", manual()).value();
    for (int day = 0; day < 2; ++day) {
      for (int part = 0; part < 2; ++part) {
        for (int k = 0; k < kSeries; ++k) write(db, random, day, part * 240, k);
        EXPECT_TRUE(day == 0 ? db.compact().has_value() : db.flush().has_value());
      }
    }
    for (int part = 2; part < 4; ++part) {
      for (int k = 0; k < kSeries; ++k) write(db, random, 1, part * 240, k);
    }
    fs::copy(dir_ / "db", path(), fs::copy_options::recursive);
  }
  [[nodiscard]] std::string path() const { return dir_ / "image"; }
  [[nodiscard]] const Samples& samples() const { return samples_; }

 private:
  void write(Db& db, std::mt19937_64& random, int day, int from, int k) {
    Batch batch;
    const Labels labels = Labels::from({{"__name__", "m"}, {"k", std::to_string(k)}}).value();
    for (int i = from; i < from + 240; ++i) {
      const TimeMs t_ms = kStart + day * kDayMs + (i + 1) * 15'000;
      const double v = static_cast<double>(random() % 1'000'000) / 7;
      batch.add(labels, t_ms, v);
      samples_[{to_string(labels), t_ms}] = v;
    }
    ASSERT_TRUE(db.write(batch));
  }

  test::TempDir dir_;
  Samples samples_;
};

std::string kind_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (path.extension() == ".sst") return "table";
  if (path.extension() == ".seg") return "segment";
  return name.substr(0, name.find('-'));
}

struct Files {
  std::map<std::string, std::vector<fs::path>> by_kind;
  explicit Files(const std::string& dir) {
    for (const auto& entry : fs::recursive_directory_iterator(dir)) {
      if (!entry.is_regular_file()) continue;
      by_kind[kind_of(entry.path())].push_back(fs::relative(entry.path(), dir));
    }
    for (auto& [kind, files] : by_kind) std::sort(files.begin(), files.end());
  }
};

// Damages a file; says how.
std::string damage(const fs::path& path, int how, std::mt19937_64& random) {
  const std::uint64_t bytes = fs::file_size(path);
  if (how == 0 || bytes == 0) {
    fs::remove(path);
    return "removed";
  }
  if (how == 1) {
    fs::resize_file(path, 0);
    return "emptied";
  }
  if (how == 2) {
    fs::resize_file(path, bytes - 1 - random() % std::min<std::uint64_t>(bytes, 40));
    return "shortened";
  }
  if (how == 3) {
    fs::resize_file(path, bytes / 2);
    return "cut in half";
  }
  // The first bytes, the last ones, and some between.
  std::uint64_t offset = random() % bytes;
  if (how == 4) offset = random() % std::min<std::uint64_t>(bytes, 48);
  if (how == 5) offset = bytes - 1 - random() % std::min<std::uint64_t>(bytes, 64);
  test::flip(path, offset, static_cast<unsigned>(random() % 8));
  return fmt::format("byte {} of {} flipped", offset, bytes);
}
constexpr int kWays = 8;
constexpr int kWaysATurn = 1;  ///< a round is a second of a debug build

struct Read {
  Samples samples;
  std::size_t recovered = 0;  ///< of series that have lost their labels
  int failed = 0;             ///< series that end in an error
  std::string wrong;
};

Read read(const Db& db, const Samples& written) {
  Read out;
  const auto view = db.view({Selector{}}, everything());
  if (!view) {
    out.wrong = view.error().message;
    return out;
  }
  for (const Series& series : view->series(0)) {
    const bool nameless = series.labels().metric() == "hygge_recovered_series";
    BlockCursor blocks = series.blocks();
    while (const Block* block = blocks.next()) {
      for (std::size_t i = 0; i < block->t.size(); ++i) {
        if (nameless) {
          ++out.recovered;
          continue;
        }
        const auto key = std::pair(to_string(series.labels()), block->t[i]);
        const auto at = written.find(key);
        if (at == written.end() || at->second != block->v[i]) out.wrong = key.first;
        out.samples[key] = block->v[i];
      }
    }
    if (const Error* error = blocks.error()) {
      ++out.failed;
      if (error->message.find("m{k=") == std::string::npos && !nameless) {
        out.wrong = "an error that names no series: " + error->message;
      }
    }
  }
  return out;
}

bool names(const VerifyReport& report, const std::string& file) {
  return std::any_of(report.damage.begin(), report.damage.end(), [&](const Damage& one) {
    return (one.where + one.what).find(file) != std::string::npos;
  });
}

TEST(Damage, IsFoundNamedContainedAndMendedInEveryKindOfFile) {
  const Template original;
  const Files files(original.path());
  ASSERT_GE(files.by_kind.at("table").size(), 3U);
  ASSERT_GE(files.by_kind.at("segment").size(), 1U);
  for (const char* kind : {"HYGGE", "LOCK", "MANIFEST", "CURRENT"}) {
    ASSERT_TRUE(files.by_kind.contains(kind)) << kind;
  }
  const std::uint64_t seed = from_environment("HYGGE_DAMAGE_SEED", 1);
  std::mt19937_64 random(seed);
  const std::size_t all = original.samples().size();
  std::map<std::string, std::size_t> worst;
  int found = 0;
  std::uint64_t next_way = seed;
  for (std::uint64_t turn = 0; turn < from_environment("HYGGE_DAMAGE_ROUNDS", 1); ++turn) {
    for (const auto& [kind, paths] : files.by_kind) {
      for (int way = 0; way < kWaysATurn; ++way) {
        const int how = static_cast<int>(next_way++ % kWays);
        const test::TempDir dir;
        const std::string db = dir / "db";
        fs::copy(original.path(), db, fs::copy_options::recursive);
        const fs::path file = paths[random() % paths.size()];
        const std::string what = fmt::format("seed {}: {} {}", seed, file.string(),
                                             damage(fs::path(db) / file, how, random));
        SCOPED_TRACE(what);

        const auto verified = hygge::verify(db);
        const bool complains = !verified || !verified->ok();
        found += complains ? 1 : 0;
        std::size_t before = 0;
        if (const auto reader = Db::open_read_only(db)) {
          const Read got = read(*reader, original.samples());
          EXPECT_EQ(got.wrong, "");
          before = got.samples.size();
          EXPECT_TRUE(complains || got.failed == 0) << "a reader met what verify did not";
        } else {
          EXPECT_TRUE(complains);
          EXPECT_NE(reader.error().code, ErrorCode::internal);
        }
        // A torn tail of the log is what a crash leaves: nothing was promised of it.
        const bool tail = kind == "segment";
        EXPECT_TRUE(complains || tail || before == all) << "lost, and not found";
        if (verified && complains && kind == "table") {
          EXPECT_TRUE(names(*verified, file.filename().string()));
        }

        RepairOptions dry;
        dry.dry_run = true;
        const auto planned = hygge::repair(db, dry);
        EXPECT_TRUE(!planned || planned->whole == !complains);
        const auto repaired = hygge::repair(db);
        ASSERT_TRUE(repaired) << repaired.error().message;
        EXPECT_TRUE(repaired->whole)
            << (repaired->damage.empty() ? "" : repaired->damage.back().what);
        EXPECT_TRUE(!complains || !repaired->damage.empty());
        EXPECT_TRUE(hygge::repair(db)->whole) << "repaired once more";

        Db writer = Db::open(db, manual()).value();
        const Read got = read(writer, original.samples());
        EXPECT_EQ(got.wrong, "");
        EXPECT_EQ(got.failed, 0);
        const std::size_t there = got.samples.size() + got.recovered;
        worst[kind] = std::max(worst[kind], all - there);
        EXPECT_GE(there, before) << "the repair lost what could be read";
        EXPECT_TRUE(kind == "table" || kind == "segment" || there == all) << all - there;
        Batch batch;
        batch.add({{"__name__", "after"}}, kStart + 3 * kDayMs, 1);
        EXPECT_TRUE(writer.write(batch));
        EXPECT_TRUE(writer.compact());
        EXPECT_TRUE(writer.verify()->ok());
      }
    }
  }
  std::printf("%d damages found; samples lost at worst of %zu:", found, all);
  for (const auto& [kind, lost] : worst) std::printf(" %s %zu", kind.c_str(), lost);
  std::printf("\n");
}

// One flipped bit in a table's data costs the chunks of one block.
TEST(Damage, AFlippedBitCostsTheChunksOfItsBlock) {
  const Template original;
  const test::TempDir dir;
  const std::string db = dir / "db";
  fs::copy(original.path(), db, fs::copy_options::recursive);
  ASSERT_TRUE(Db::open(db, manual())->close());
  const fs::path largest = test::largest_table(db + "/store");
  test::flip(largest, fs::file_size(largest) / 2, 3);
  const auto report = hygge::verify(db).value();
  int named = 0;
  for (const Damage& damage : report.damage) {
    if (!damage.series) continue;
    ++named;
    EXPECT_FALSE(damage.range.empty());
    EXPECT_LE(damage.range.until - damage.range.after, kDayMs);
  }
  EXPECT_GT(named, 0);
  EXPECT_LT(named, kSeries / 2) << "more than a block";
  const auto repaired = hygge::repair(db).value();
  EXPECT_TRUE(repaired.whole);
  EXPECT_FALSE(repaired.actions.empty());
  EXPECT_TRUE(fs::exists(fs::path(repaired.quarantine) / "store" / largest.filename()));
  const Read got = read(Db::open_read_only(db).value(), original.samples());
  EXPECT_EQ(got.failed, 0);
  EXPECT_LT(original.samples().size() - got.samples.size(), original.samples().size() / 8);
  EXPECT_LT(got.samples.size(), original.samples().size());
}

// The store is damaged where the log has something to replay: it opens, says so, and what was only
// in the log is there once the damage is set aside.
TEST(Damage, ABlockOfTheStoreDoesNotStopAReplay) {
  const Template original;
  std::size_t named = 0;
  for (int place = 1; place <= 4; ++place) {
    SCOPED_TRACE(place);
    const test::TempDir dir;
    const std::string path = dir / "db";
    fs::copy(original.path(), path, fs::copy_options::recursive);
    // The second day's tables: what the log holds is of that day.
    std::vector<fs::path> tables;
    for (const auto& entry : fs::directory_iterator(fs::path(path) / "store")) {
      if (entry.path().extension() == ".sst" && entry.file_size() > 60'000) {
        tables.push_back(entry.path());
      }
    }
    ASSERT_FALSE(tables.empty());
    for (const fs::path& table : tables) {
      test::flip(table, fs::file_size(table) * static_cast<std::uintmax_t>(place) / 6, 3);
    }
    auto db = Db::open(path, manual());
    ASSERT_TRUE(db) << db.error().message;
    for (const std::string& note : db->open_report().notes) {
      named += note.starts_with("the store is damaged") ? 1U : 0U;
    }
    // New writes for the same series are taken too.
    Batch batch;
    for (int k = 0; k < kSeries; ++k) {
      const Labels labels = Labels::from({{"__name__", "m"}, {"k", std::to_string(k)}}).value();
      batch.add(labels, kStart + kDayMs + 20 * kHourMs, 1);
    }
    const auto written = db->write(batch);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_FALSE(db->verify()->ok());
    const auto closed = db->close();
    EXPECT_TRUE(closed) << closed.error().message;
    EXPECT_EQ(Db::open_read_only(path)->open_report().replayed_samples, 0U);
    const auto repaired = hygge::repair(path).value();
    EXPECT_TRUE(repaired.whole);
    const Db after = Db::open_read_only(path).value();
    Samples expected;
    for (const auto& [at, v] : original.samples()) {
      if (at.second > kStart + kDayMs + 480 * 15'000) expected[at] = v;
    }
    ASSERT_EQ(expected.size(), static_cast<std::size_t>(kSeries) * 480);
    const Read got = read(after, original.samples());
    EXPECT_EQ(got.failed, 0);
    for (const auto& [at, v] : expected) {
      const auto found = got.samples.find(at);
      ASSERT_TRUE(found != got.samples.end()) << at.first << " at " << at.second;
      EXPECT_EQ(found->second, v);
    }
    const auto view = after.view({selector("m").value()},
                                 {kStart + kDayMs + 20 * kHourMs - 1, kStart + 2 * kDayMs});
    EXPECT_EQ(view->series(0).size(), static_cast<std::size_t>(kSeries));
  }
  EXPECT_GT(named, 0U);
}

TEST(Damage, AWholeDatabaseIsLeftAsItIs) {
  const Template original;
  const test::TempDir dir;
  fs::copy(original.path(), dir / "db", fs::copy_options::recursive);
  VerifyOptions deep;
  deep.deep = true;
  EXPECT_TRUE(hygge::verify(dir / "db", deep)->ok());
  const auto repaired = hygge::repair(dir / "db").value();
  EXPECT_TRUE(repaired.whole);
  EXPECT_TRUE(repaired.actions.empty());
  EXPECT_FALSE(fs::exists(dir / "db/quarantine"));
  EXPECT_EQ(read(Db::open_read_only(dir / "db").value(), original.samples()).samples,
            original.samples());
}

TEST(Damage, ARepairCutShortBetweenItsRenamesGoesOn) {
  const Template original;
  const test::TempDir dir;
  const std::string db = dir / "db";
  fs::copy(original.path(), db, fs::copy_options::recursive);
  fs::rename(dir / "db/store", dir / "db/store.new");
  const auto repaired = hygge::repair(db);
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_TRUE(repaired->whole);
  EXPECT_EQ(read(Db::open_read_only(db).value(), original.samples()).samples, original.samples());
}

TEST(Damage, ARepairKeepsPolicyRulesBatchIdsAndDeletesAndSaysThatSealsAreGone) {
  const test::TempDir dir;
  const Labels m = Labels::from({{"__name__", "m"}}).value();
  Batch once;
  once.set_id("once");
  for (int i = 0; i < 400; ++i) once.add(m, kStart + (i + 1) * 1'000, i);
  Retention rules;
  {
    Db db = Db::open(dir / "db", manual()).value();
    WritePolicy policy;
    policy.on_duplicate = OnDuplicate::first;
    ASSERT_TRUE(db.set_write_policy(policy));
    ASSERT_TRUE(db.set_retention({{selector("m").value(), 40 * kDayMs}}));
    ASSERT_TRUE(db.pin(selector("other").value(), everything()));
    rules = db.retention();
    ASSERT_TRUE(db.write(once));
    ASSERT_TRUE(db.compact());
    ASSERT_TRUE(db.erase(selector("m").value(), {kStart, kStart + 100'000}));
    test::copy_directory(dir / "db", dir / "image");
  }
  std::ofstream(dir / "image/store/CURRENT") << "nonsense";
  const auto repaired = hygge::repair(dir / "image").value();
  EXPECT_TRUE(repaired.whole);
  EXPECT_TRUE(std::any_of(repaired.actions.begin(), repaired.actions.end(), [](const auto& did) {
    return did.find("sealed are open again") != std::string::npos;
  }));
  Db db = Db::open(dir / "image", manual()).value();
  EXPECT_EQ(db.write_policy().on_duplicate, OnDuplicate::first);
  EXPECT_EQ(db.retention(), rules);
  EXPECT_TRUE(db.write(once)->repeat);
  EXPECT_EQ(db.view({selector("m").value()}, everything())->series(0)[0].samples()->t.size(), 300U);
  ASSERT_TRUE(db.compact());
  EXPECT_EQ(db.stats()->days.at(0).state, Stats::Day::State::sealed_early);
  EXPECT_EQ(db.view({selector("m").value()}, everything())->series(0)[0].samples()->t.size(), 300U);
  EXPECT_TRUE(db.verify()->ok());
}

TEST(Damage, OtherFoldersAreRefused) {
  const test::TempDir dir;
  EXPECT_EQ(hygge::repair(dir / "none").error().code, ErrorCode::not_found);
  EXPECT_EQ(hygge::verify(dir / "none").error().code, ErrorCode::not_found);
  std::ofstream(dir / "thesis.txt") << "text";
  EXPECT_EQ(hygge::repair(dir.path()).error().code, ErrorCode::not_found);
  EXPECT_TRUE(fs::exists(dir / "thesis.txt"));
  Db db = Db::open(dir / "db", manual()).value();
  EXPECT_EQ(hygge::repair(dir / "db").error().code, ErrorCode::busy);
}

// The end of the manifest gone: RocksDB would take the older store for whole, and remove the newer
// tables.
TEST(Damage, AStoreThatHasGoneBackInTimeIsNotOpened) {
  const Template original;
  const test::TempDir dir;
  const std::string db = dir / "db";
  fs::copy(original.path(), db, fs::copy_options::recursive);
  fs::path manifest;
  for (const auto& entry : fs::directory_iterator(fs::path(db) / "store")) {
    if (kind_of(entry.path()) == "MANIFEST") manifest = entry.path();
  }
  bool refused = false;
  std::size_t tables = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(db) / "store")) {
    tables += entry.path().extension() == ".sst" ? 1U : 0U;
  }
  for (std::uint64_t bytes = fs::file_size(manifest); bytes-- > fs::file_size(manifest) / 2;) {
    const auto opened = Db::open_read_only(db);
    if (!opened) {
      refused = true;
      EXPECT_EQ(opened.error().code, ErrorCode::corruption) << opened.error().message;
      EXPECT_FALSE(Db::open(db, manual()));
      break;
    }
    fs::resize_file(manifest, bytes);
  }
  EXPECT_TRUE(refused);
  std::size_t after = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(db) / "store")) {
    after += entry.path().extension() == ".sst" ? 1U : 0U;
  }
  EXPECT_EQ(after, tables) << "an open that was refused has removed tables";
  ASSERT_TRUE(hygge::repair(db));
  EXPECT_EQ(read(Db::open_read_only(db).value(), original.samples()).samples, original.samples());
}

}  // namespace
}  // namespace hygge
