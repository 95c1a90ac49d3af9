// A database and more than one process: readers, the command and copies beside a process that
// writes, flushes, marks and unlinks all the while; fork; two writers; a copy that is killed.
//
//   processes_test [HYGGE]            HYGGE: the command; its verbs are tried beside the writer
//   processes_test --write DIR        writes until killed, "ack N" per batch (the test starts it)
//   processes_test --clone DIR        makes and removes clones of DIR until killed
//   HYGGE_PROCESS_ROUNDS              rounds of each, 1 by default
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/source_dir.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

namespace fs = std::filesystem;

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr int kSeries = 30;
std::string hygge_command;

std::uint64_t rounds() {
  const char* const text = std::getenv("HYGGE_PROCESS_ROUNDS");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

Options tiny() {
  Options options;
  options.create_if_missing = true;
  options.sync = Sync::none();
  options.tuning.log_segment_bytes = 16 * 1024;
  options.tuning.chunk_memtable_bytes = 64 * 1024;
  options.tuning.put_bytes = 8 * 1024;
  options.tuning.mark_bytes = 32 * 1024;
  return options;
}

// Batch n gives every series the value n: a batch in part shows.
Result<WriteReport> write_batch(Db& db, int n) {
  Batch batch;
  if (n == 0) batch.describe("m", {MetricType::gauge, "", "written by a process"});
  for (int k = 0; k < kSeries; ++k) {
    batch.add({{"__name__", "m"}, {"k", std::to_string(k)}}, kStart + n * 10'000, n);
  }
  return db.write(batch);
}

// How many batches a database holds; empty if one of them is there in part or not as written.
std::optional<int> batches_in(const Db& db) {
  const auto view = db.view({selector("m").value()}, everything());
  if (!view || view->series(0).empty()) return view ? std::optional<int>(0) : std::nullopt;
  std::optional<std::size_t> count;
  for (const Series& series : view->series(0)) {
    const auto samples = series.samples();
    if (!samples || (count && *count != samples->t.size())) return std::nullopt;
    count = samples->t.size();
    for (std::size_t i = 0; i < samples->t.size(); ++i) {
      if (samples->v[i] != static_cast<double>(i)) return std::nullopt;
    }
  }
  if (view->series(0).size() != kSeries) return std::nullopt;
  return static_cast<int>(*count);
}

// --- the other processes ---

int say(const std::string& line) {
  return ::write(1, line.data(), line.size()) == static_cast<ssize_t>(line.size()) ? 0 : 4;
}

int write_on(const std::string& dir) {
  auto db = Db::open(dir, tiny());
  if (!db) return 2;
  for (int n = 0;; ++n) {
    if (!write_batch(*db, n)) return 3;
    if (n % 100 == 99 && !db->flush()) return 3;
    const auto stats = n % 100 == 99 ? db->stats() : Stats{};
    if (!stats) return 3;
    const std::string figures = n % 100 == 99 ? fmt::format(" {} {} {}", stats->store_flushes,
                                                            stats->marks, stats->segments_unlinked)
                                              : "";
    if (say(fmt::format("ack {}{}\n", n, figures)) != 0) return 4;
    // Readers and their checks have to keep up with what is there.
    std::this_thread::sleep_for(std::chrono::milliseconds(n < 200 ? 0 : 2));
  }
}

int clone_on(const std::string& dir) {
  auto db = Db::open(dir, tiny());
  if (!db) return 2;
  // What a cloner that was killed between its last two steps has left.
  fs::remove_all(dir + ".old");
  while (true) {
    if (!clone(dir, dir + ".clone")) return 3;
    if (say("cloned\n") != 0) return 4;
    std::error_code ignored;
    // Under another name first: a folder half removed is not what this is about.
    fs::rename(dir + ".clone", dir + ".old", ignored);
    fs::remove_all(dir + ".old", ignored);
  }
}

struct Process {
  pid_t pid = 0;
  int out = -1;
  std::string text;

  // Reads until `done` holds of the text, or the end.
  template <typename Done>
  bool read_until(Done done) {
    std::array<char, 4096> block{};
    while (!done()) {
      const ssize_t got = ::read(out, block.data(), block.size());
      if (got <= 0) return false;
      text.append(block.data(), static_cast<std::size_t>(got));
    }
    return true;
  }
  void drain() {
    ::fcntl(out, F_SETFL, O_NONBLOCK);
    std::array<char, 4096> block{};
    for (ssize_t got = 0; (got = ::read(out, block.data(), block.size())) > 0;) {
      text.append(block.data(), static_cast<std::size_t>(got));
    }
    ::fcntl(out, F_SETFL, 0);
  }
  int end(int signal) {
    if (signal != 0) ::kill(pid, signal);
    static_cast<void>(read_until([] { return false; }));
    ::close(out);
    int status = 0;
    ::waitpid(pid, &status, 0);
    return status;
  }
};

Process start(std::vector<std::string> words, bool errors_too = false) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], 1);
    if (errors_too) ::dup2(ends[1], 2);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  return {pid, ends[0], {}};
}

Process start_self(const std::string& mode, const std::string& dir) {
  return start({fs::read_symlink("/proc/self/exe").string(), mode, dir});
}

// The last "ack N F M U" of a writer.
struct Progress {
  int acknowledged = -1;
  int flushes = 0;
  int marks = 0;
  int unlinked = 0;
};
Progress progress(const Process& writer) {
  Progress out;
  for (std::size_t at = 0; at < writer.text.size();) {
    const std::size_t end = writer.text.find('\n', at);
    if (end == std::string::npos) break;
    const std::string line = writer.text.substr(at, end - at);
    std::sscanf(line.c_str(), "ack %d %d %d %d", &out.acknowledged, &out.flushes, &out.marks,
                &out.unlinked);
    at = end + 1;
  }
  return out;
}

Process start_writer(const std::string& dir) {
  Process writer = start_self("--write", dir);
  EXPECT_TRUE(writer.read_until([&] { return progress(writer).marks > 0; }));
  return writer;
}

// --- beside a writer ---

TEST(BesideAWriter, AReaderSeesEveryAcknowledgedBatchWhole) {
  const test::TempDir dir;
  Process writer = start_writer(dir / "db");
  const Progress first = progress(writer);
  int seen = 0;
  std::uint64_t turns = 0;
  for (; turns < 10 * rounds() || progress(writer).unlinked == first.unlinked; ++turns) {
    ASSERT_LT(turns, 5'000U);
    writer.drain();
    const int acknowledged = progress(writer).acknowledged;
    const auto reader = Db::open_read_only(dir / "db");
    ASSERT_TRUE(reader) << reader.error().message;
    const auto batches = batches_in(*reader);
    ASSERT_TRUE(batches) << "a batch in part";
    EXPECT_GT(*batches, acknowledged);
    EXPECT_GE(*batches, seen) << "went back in time";
    seen = *batches;
  }
  EXPECT_TRUE(WIFSIGNALED(writer.end(SIGKILL)));
  EXPECT_TRUE(verify(dir / "db")->ok());
}

TEST(BesideAWriter, EveryReadingVerbWorks) {
  if (hygge_command.empty()) GTEST_SKIP() << "built without the command";
  const test::TempDir dir;
  const std::string db = dir / "db";
  const std::string slo = test::in_source("examples/shop/availability.yaml");
  Process writer = start_writer(db);
  const Progress before = progress(writer);
  int copies = 0;
  for (std::uint64_t round = 0; round < rounds(); ++round) {
    const std::string copy = dir / fmt::format("copy{}", copies++);
    const std::vector<std::vector<std::string>> verbs = {
        {"db", "info"},
        {"db", "stats"},
        {"db", "verify"},
        {"series"},
        {"labels"},
        {"labels", "k"},
        {"metadata"},
        {"query", "sum(m)", "--at", "last"},
        {"query", "m", "--at", "last", "--range", "10m"},
        {"plot", "avg(m)", "--at", "last", "--range", "10m"},
        {"export", "--to", "csv"},
        {"export", "m", "--to", "openmetrics"},
        {"slo", "report", slo, "--at", "last"},
        {"slo", "burn", slo, "--at", "last"},
        {"slo", "lint", slo},
        {"db", "clone", copy},
        {"db", "snapshot", copy + "s"},
    };
    for (const std::vector<std::string>& verb : verbs) {
      std::vector<std::string> words{hygge_command, "--db", db};
      words.insert(words.end(), verb.begin(), verb.end());
      Process run = start(words, /*errors_too=*/true);
      const int status = run.end(0);
      ASSERT_TRUE(WIFEXITED(status)) << fmt::format("{}: {}", fmt::join(verb, " "), run.text);
      // The shop's metrics are not here: its SLOs are not measured, which is 3, and lint says so.
      const int limit = verb[0] == "slo" ? 3 : 0;
      EXPECT_LE(WEXITSTATUS(status), limit)
          << fmt::format("{}: {}", fmt::join(verb, " "), run.text);
    }
    for (const std::string& made : {copy, copy + "s"}) {
      const Db opened = Db::open_read_only(made).value();
      EXPECT_TRUE(batches_in(opened)) << made;
      EXPECT_TRUE(opened.verify()->ok());
    }
  }
  writer.drain();
  const Progress after = progress(writer);
  EXPECT_GT(after.flushes, before.flushes);
  EXPECT_GT(after.marks, before.marks);
  EXPECT_GT(after.unlinked, before.unlinked);
  EXPECT_TRUE(WIFSIGNALED(writer.end(SIGKILL))) << "the writer fell over";
}

TEST(BesideAWriter, ASecondOneIsRefusedAndToldWhoHoldsIt) {
  const test::TempDir dir;
  Process writer = start_writer(dir / "db");
  const auto opened = Db::open(dir / "db", tiny());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::busy);
  EXPECT_NE(opened.error().message.find(fmt::format("process {}", writer.pid)), std::string::npos)
      << opened.error().message;
  writer.end(SIGKILL);
  // The dead hold nothing.
  Db db = Db::open(dir / "db", tiny()).value();
  const auto again = Db::open(dir / "db", tiny());
  EXPECT_EQ(again.error().code, ErrorCode::busy);
  EXPECT_NE(again.error().message.find("this one"), std::string::npos) << again.error().message;
}

// --- fork ---

// Runs `work` in a child made by fork; it must come back with 0, and soon.
template <typename Work>
void in_child(Work work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    ::_exit(work());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status)) << "the child died or hung: " << status;
  EXPECT_EQ(WEXITSTATUS(status), 0) << "that check failed";
}

template <typename T>
bool refused(const Result<T>& result) {
  return !result && result.error().message.find("fork") != std::string::npos;
}

TEST(Fork, InTheChildEveryCallIsAnErrorAndDestructorsDoNothing) {
  const test::TempDir dir;
  Options options = tiny();
  options.sync = Sync::every(std::chrono::milliseconds(5));
  auto db = std::make_unique<Db>(Db::open(dir / "db", options).value());
  for (int n = 0; n < 500; ++n) ASSERT_TRUE(write_batch(*db, n));
  const SeriesId id = db->series({{"__name__", "m"}, {"k", "0"}}).value();
  auto view = std::make_unique<View>(db->view({selector("m").value()}, everything()).value());
  BlockCursor cursor = view->series(0)[0].blocks();
  ASSERT_NE(cursor.next(), nullptr);
  in_child([&] {
    Batch batch;
    batch.add(id, kStart, 1);
    if (!refused(db->write(batch))) return 1;
    if (!refused(db->series({{"__name__", "m"}, {"k", "0"}}))) return 2;
    if (!refused(db->view({selector("m").value()}, everything()))) return 3;
    if (!refused(db->flush()) || !refused(db->maintain()) || !refused(db->compact())) return 4;
    if (!refused(db->sync()) || !refused(db->verify()) || !refused(db->stats())) return 5;
    if (!refused(db->label_names()) || !refused(db->label_values("k"))) return 7;
    if (!db->metadata().empty() || db->time_bounds()) return 8;
    if (!refused(view->series(0)[1].samples())) return 9;
    while (cursor.next() != nullptr) {
    }
    if (cursor.error() == nullptr) return 10;
    if (!refused(db->close())) return 11;
    view.reset();
    db.reset();
    // A database that the child opens is its own; this one is the parent's.
    const auto opened = Db::open(dir / "db", tiny());
    return !opened && opened.error().code == ErrorCode::busy ? 0 : 12;
  });
  // Nothing of this has touched the parent.
  for (int n = 500; n < 600; ++n) ASSERT_TRUE(write_batch(*db, n));
  EXPECT_EQ(batches_in(*db), 600);
  EXPECT_EQ(view->series(0)[0].samples()->t.size(), 500U);
  view.reset();
  EXPECT_TRUE(db->verify()->ok());
  EXPECT_TRUE(db->close());
  EXPECT_EQ(batches_in(Db::open_read_only(dir / "db").value()), 600);
}

TEST(Fork, AChildThatLivesOnDoesNotKeepTheLock) {
  const test::TempDir dir;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  Db db = Db::open(dir / "db", tiny()).value();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[1]);
    char none = 0;
    ::_exit(::read(ends[0], &none, 1) == 0 ? 0 : 1);  // until the parent lets go
  }
  EXPECT_TRUE(db.close());
  const auto again = Db::open(dir / "db", tiny());
  EXPECT_TRUE(again) << again.error().message;
  ::close(ends[0]);
  ::close(ends[1]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

// --- a copy that is killed ---

TEST(KilledCopy, LeavesNothingOrAWholeDatabaseUnderItsName) {
  const test::TempDir dir;
  const std::string db = dir / "db";
  {
    Db original = Db::open(db, tiny()).value();
    for (int n = 0; n < 400; ++n) ASSERT_TRUE(write_batch(original, n));
  }
  std::mt19937_64 random(7);
  int whole = 0;
  int none = 0;
  int unfinished = 0;
  for (std::uint64_t round = 0; round < 6 * rounds(); ++round) {
    Process cloner = start_self("--clone", db);
    ASSERT_TRUE(cloner.read_until([&] { return cloner.text.find("cloned") != std::string::npos; }));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 100'000));
    EXPECT_TRUE(WIFSIGNALED(cloner.end(SIGKILL))) << "a clone failed";
    unfinished += fs::exists(db + ".clone.tmp") ? 1 : 0;
    if (!fs::exists(db + ".clone")) {
      ++none;
      continue;
    }
    ++whole;
    {
      const auto clone = Db::open_read_only(db + ".clone");
      ASSERT_TRUE(clone) << clone.error().message;
      EXPECT_EQ(batches_in(*clone), 400);
    }
    fs::remove_all(db + ".clone");
  }
  std::printf("%d whole, %d none, %d left unfinished work behind\n", whole, none, unfinished);
  EXPECT_EQ(batches_in(Db::open(db, tiny()).value()), 400);
}

}  // namespace
}  // namespace hygge

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "--write" && argc == 3) return hygge::write_on(argv[2]);
  if (mode == "--clone" && argc == 3) return hygge::clone_on(argv[2]);
  hygge::hygge_command = mode;
  return RUN_ALL_TESTS();
}
