// A child process writes batches and acknowledges each over a pipe; the parent kills it with
// SIGKILL at a random moment and asks a fresh process what is there. Nothing acknowledged may be
// missing, no batch may be there in part, and nothing may be invented. Tiny segments, memtables and
// budgets make every round put, flush, mark and unlink; deletes, some of them with `now`, are among
// the steps; every other round seals days too, and writes late into them.
//
// With a power cut (power.h) what was not synced goes too, of log and store alike. Then what was
// acknowledged under Sync::batch, or before a Db::sync() returned, must be there, and of the rest
// a prefix.
//
// Built with HYGGE_MUTATIONS this is a program whose rules can be broken (base/mutation.h): each
// must be caught.
//
//   HYGGE_CRASH_ROUNDS   rounds, 25 by default; of a broken rule at most so many, 600 by default
//   HYGGE_CRASH_SEED     1 by default
//   crash_test --child DIR SEED FIRST SYNC     the writer (the test starts it); batch or none
//   crash_test --check DIR SEED LOW HIGH LEAVE compares; LOW … HIGH batches may be there; LEAVE is
//                                              close, or exit, which leaves the log to be replayed
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/crash/power.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr TimeMs kClock = kStart + 100'000 * kDayMs;  // all that is written has long ended
constexpr std::uint64_t kSeriesCount = 20;
constexpr std::uint64_t kBatchesPerDay = 10;

using Model = std::map<std::uint32_t, std::map<TimeMs, double>>;  // by number of the series

struct Sample {
  std::uint32_t series;
  TimeMs t_ms;
  double v;
};

// Batch `n` of a seed: mostly the next time of each series, now and then late or rewritten samples,
// a new series, or a jump to the next day.
std::vector<Sample> batch_of(std::uint64_t seed, std::uint64_t n) {
  std::mt19937_64 random(seed * 1'000'003 + n);
  const TimeMs day = static_cast<TimeMs>(n / kBatchesPerDay) * kDayMs;
  const TimeMs now = kStart + day + static_cast<TimeMs>(n % kBatchesPerDay) * 10'000;
  std::vector<Sample> out;
  for (std::uint32_t series = 0; series < kSeriesCount + n / 50; ++series) {
    if (random() % 8 == 0) continue;
    out.push_back({series, now, static_cast<double>(random() % 100'000) / 8});
  }
  if (random() % 4 == 0) {
    const TimeMs back =
        static_cast<TimeMs>(random() % 300) * 10'000 + static_cast<TimeMs>(random() % 4) * kDayMs;
    for (std::uint32_t series = 0; series < 5; ++series) {
      out.push_back({series, now - back, static_cast<double>(random() % 1'000)});
    }
  }
  return out;
}

// Every ninth step deletes instead: of one series or of all, some minutes or everything.
struct Erase {
  std::optional<std::uint32_t> series;  ///< none: all
  TimeRange range;
};
std::optional<Erase> erase_of(std::uint64_t seed, std::uint64_t n) {
  if (n % 9 != 8) return std::nullopt;
  std::mt19937_64 random(seed * 2'000'003 + n);
  const TimeMs now =
      kStart + static_cast<TimeMs>(n / 400) * kDayMs + static_cast<TimeMs>(n % 400) * 10'000;
  Erase out;
  if (random() % 3 != 0) out.series = static_cast<std::uint32_t>(random() % kSeriesCount);
  const auto back = static_cast<TimeMs>(random() % 300) * 10'000;
  out.range = {now - back, now - back + static_cast<TimeMs>(random() % 100) * 10'000 + 1};
  if (random() % 20 == 0) out.range = everything();
  return out;
}

Labels labels_of(std::uint32_t series) {
  return Labels::from({{"__name__", "m"}, {"k", std::to_string(series)}}).value();
}

Options tiny() {
  Options options;
  options.create_if_missing = true;
  options.sync = Sync::none();
  options.tuning.log_segment_bytes = 16 * 1024;
  options.tuning.chunk_memtable_bytes = 64 * 1024;
  options.tuning.put_bytes = 8 * 1024;
  options.tuning.mark_bytes = 2 * 1024;
  options.clock = [] { return kClock; };
  return options;
}

// --- the writer ---

std::optional<Error> commit(Db& db, std::uint64_t seed, std::uint64_t n) {
  if (const auto erase = erase_of(seed, n)) {
    const std::string text = erase->series ? fmt::format("m{{k=\"{}\"}}", *erase->series) : "m";
    // With `now` the mark passes the record and files are rewritten.
    const auto erased = db.erase(selector(text).value(), erase->range, {.now = n % 270 == 8});
    return erased ? std::nullopt : std::optional<Error>(erased.error());
  }
  Batch batch;
  for (const Sample& sample : batch_of(seed, n))
    batch.add(labels_of(sample.series), sample.t_ms, sample.v);
  const auto written = db.write(batch);
  return written ? std::nullopt : std::optional<Error>(written.error());
}

// Beside the database: what test::note_writes notes.
std::string notes_of(const std::string& dir) { return dir + ".notes"; }

bool say(const std::string& line) {
  return ::write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

int child(const std::string& dir, std::uint64_t seed, std::uint64_t first, bool synced) {
  if (!test::note_writes(notes_of(dir))) return 5;
  Options options = tiny();
  if (synced) options.sync = Sync::batch();
  auto db = Db::open(dir, options);
  if (!db) {
    std::fprintf(stderr, "open: %s\n", db.error().message.c_str());
    return 2;
  }
  const bool seals = first % 2 == 0;
  // The replay has synced what it found.
  if (first > 0 && !say(fmt::format("durable {}\n", first - 1))) return 4;
  for (std::uint64_t n = first;; ++n) {
    if (const auto failure = commit(*db, seed, n)) {
      std::fprintf(stderr, "step %llu: %s\n", static_cast<unsigned long long>(n),
                   failure->message.c_str());
      return 3;
    }
    std::string line = fmt::format("ack {}\n", n);
    if (!synced && n % 37 == 0) {
      if (auto done = db->sync(); !done) return 6;
      line += fmt::format("durable {}\n", n);
    }
    if (synced) line += fmt::format("durable {}\n", n);
    if (seals && n % 8 == 0) {
      Maintain how;
      how.settled = true;
      // Now and then all of it, today too: the next batch opens it again.
      if (auto done = n % 96 == 0 ? db->compact() : db->maintain(how); !done) {
        std::fprintf(stderr, "seal: %s\n", done.error().message.c_str());
        return 7;
      }
    }
    if (n % 16 == 0) {
      // Beside the thread's maintenance, which a round of a moment may not see: marks with chunks
      // still open in the head, and now and then with none.
      if (n % 32 == 0) {
        static_cast<void>(db->flush());
      } else {
        static_cast<void>(db->maintain());
      }
      if (const auto stats = db->stats()) {
        line += fmt::format("stats {} {} {} {} {} {}\n", stats->chunks_put, stats->store_flushes,
                            stats->marks, stats->segments_unlinked, stats->partitions_sealed,
                            stats->series_resealed);
      }
    }
    if (!say(line)) return 4;
  }
}

// --- the reader, in a process of its own ---

void apply(Model& model, std::uint64_t seed, std::uint64_t batch) {
  const auto erase = erase_of(seed, batch);
  if (!erase) {
    for (const Sample& sample : batch_of(seed, batch)) model[sample.series][sample.t_ms] = sample.v;
    return;
  }
  for (auto& [series, samples] : model) {
    if (erase->series && *erase->series != series) continue;
    std::erase_if(samples, [&](const auto& at) { return erase->range.contains(at.first); });
  }
  std::erase_if(model, [](const auto& series) { return series.second.empty(); });
}

Result<Model> read_all(const Db& db) {
  Model out;
  auto view = db.view({selector("m").value()}, everything());
  if (!view) return tl::unexpected<Error>(view.error());
  for (const Series& series : view->series(0)) {
    const auto samples = series.samples();
    if (!samples) return tl::unexpected<Error>(samples.error());
    const auto number =
        static_cast<std::uint32_t>(std::stoul(std::string(series.labels().get("k"))));
    for (std::size_t i = 0; i < samples->t.size(); ++i) out[number][samples->t[i]] = samples->v[i];
  }
  return out;
}

// Prints how many batches are there: exactly one count between `low` and `high` must fit.
int check(const std::string& dir, std::uint64_t seed, std::uint64_t low, std::uint64_t high,
          bool close) {
  if (!test::note_writes(notes_of(dir))) return 5;
  auto db = Db::open(dir, tiny());
  if (!db) {
    std::printf("open: %s\n", db.error().message.c_str());
    return 1;
  }
  const auto verified = db->verify();
  if (!verified || !verified->ok()) {
    std::printf("verify: %s\n",
                verified ? verified->damage[0].what.c_str() : verified.error().message.c_str());
    return 1;
  }
  const auto got = read_all(*db);
  if (!got) {
    std::printf("read: %s\n", got.error().message.c_str());
    return 1;
  }
  Model model;
  for (std::uint64_t n = 0; n < low; ++n) apply(model, seed, n);
  for (std::uint64_t batches = low; batches <= high; ++batches) {
    if (*got == model) {
      std::printf("batches %llu\n", static_cast<unsigned long long>(batches));
      if (close) return 0;
      std::fflush(stdout);
      ::_exit(0);
    }
    apply(model, seed, batches);
  }
  std::printf("what is there is no prefix of %llu to %llu batches\n",
              static_cast<unsigned long long>(low), static_cast<unsigned long long>(high));
  return 1;
}

// --- the parent ---

struct Running {
  pid_t pid = 0;
  int out = -1;
};

Running start(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  std::vector<char*> argv;
  std::string self = "/proc/self/exe";
  argv.push_back(self.data());
  std::vector<std::string> copies = arguments;
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], 1);
    ::execv(self.c_str(), argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  return {pid, ends[0]};
}

// Reads until so many batches are acknowledged, the pipe ends, or a minute has passed without a
// word. Work and not time decides when the end comes: a slow machine writes as much as a fast one.
void read_acks(const Running& running, std::uint64_t acks, std::string& text) {
  constexpr int kMinuteMs = 60'000;
  std::array<char, 4096> block{};
  pollfd watched{running.out, POLLIN, 0};
  std::uint64_t seen = 0;
  while (seen<acks&& ::poll(&watched, 1, kMinuteMs)> 0) {
    const ssize_t got = ::read(running.out, block.data(), block.size());
    if (got <= 0) return;
    const std::string_view more(block.data(), static_cast<std::size_t>(got));
    seen += static_cast<std::uint64_t>(std::count(more.begin(), more.end(), 'k'));  // of "ack"
    text += more;
  }
}

// Reads the rest of the pipe, ends the process if asked, and gives its exit status.
int finish(Running running, std::string& text) {
  std::array<char, 4096> block{};
  while (true) {
    const ssize_t got = ::read(running.out, block.data(), block.size());
    if (got <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  ::close(running.out);
  int status = 0;
  ::waitpid(running.pid, &status, 0);
  return status;
}

struct Totals {
  std::uint64_t rounds = 0, batches = 0, chunks_put = 0, flushes = 0, marks = 0, unlinked = 0;
  std::uint64_t sealed = 0, resealed = 0;
  std::uint64_t cuts = 0, lost_files = 0, lost_bytes = 0, lost_batches = 0;
};

/// The last "ack N" and "durable N" of a child's output.
struct Said {
  std::optional<std::uint64_t> ack;
  std::optional<std::uint64_t> durable;
};
Said last_said(const std::string& text, Totals& totals) {
  Said said;
  std::array<unsigned long long, 6> stats{};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // a half-written line was never acknowledged
    const std::string line = text.substr(at, end - at);
    unsigned long long n = 0;
    if (std::sscanf(line.c_str(), "ack %llu", &n) == 1) said.ack = n;
    if (std::sscanf(line.c_str(), "durable %llu", &n) == 1) said.durable = n;
    std::sscanf(line.c_str(), "stats %llu %llu %llu %llu %llu %llu", &stats[0], &stats[1],
                &stats[2], &stats[3], &stats[4], &stats[5]);
    at = end + 1;
  }
  totals.chunks_put += stats[0];
  totals.flushes += stats[1];
  totals.marks += stats[2];
  totals.unlinked += stats[3];
  totals.sealed += stats[4];
  totals.resealed += stats[5];
  return said;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// One database that is killed over and over.
class Trial {
 public:
  Trial(std::uint64_t seed, bool power) : seed_(seed), power_(power), random_(seed) {}

  /// Runs rounds until one fails; says why, or "" if all held.
  std::string run(std::uint64_t rounds, Totals& totals) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      if (std::string failure = run_one(totals); !failure.empty()) {
        return fmt::format("round {}: {}", round, failure);
      }
      ++totals.rounds;
      totals.batches = there_;
    }
    return {};
  }

 private:
  std::string run_one(Totals& totals) {
    const bool synced = power_ && random_() % 2 == 0;
    const Running writer = start(
        {"--child", db_, std::to_string(seed_), std::to_string(there_), synced ? "batch" : "none"});
    // One time in five at any moment of the open, else somewhere in the work.
    std::string text;
    if (random_() % 5 != 0) read_acks(writer, 1 + random_() % (synced ? 40 : 160), text);
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 20'000));
    ::kill(writer.pid, SIGKILL);
    const int status = finish(writer, text);
    if (!WIFSIGNALED(status)) return "the writer ended by itself";
    const Said said = last_said(text, totals);
    const std::uint64_t acknowledged = said.ack ? *said.ack + 1 : there_;
    if (said.durable) durable_ = std::max(durable_, *said.durable + 1);
    std::uint64_t low = acknowledged;
    if (power_ && random_() % 3 != 0) {
      const test::PowerCut cut = test::cut_power(notes_of(db_), db_, random_);
      ++totals.cuts;
      totals.lost_files += cut.files;
      totals.lost_bytes += cut.bytes;
      low = std::min(low, durable_);
    }
    return look(low, acknowledged, totals);
  }

  // One more than was acknowledged may be there: its acknowledgement never left.
  std::string look(std::uint64_t low, std::uint64_t acknowledged, Totals& totals) {
    std::string reply;
    const Running checker =
        start({"--check", db_, std::to_string(seed_), std::to_string(low),
               std::to_string(acknowledged + 1), random_() % 2 == 0 ? "close" : "exit"});
    if (finish(checker, reply) != 0) return reply;
    unsigned long long batches = 0;
    std::sscanf(reply.c_str(), "batches %llu", &batches);
    there_ = batches;
    if (there_ < acknowledged) totals.lost_batches += acknowledged - there_;
    durable_ = std::min(durable_, there_);
    return {};
  }

  std::uint64_t seed_;
  bool power_;
  std::mt19937_64 random_;
  test::TempDir dir_;
  std::string db_ = dir_ / "db";
  std::uint64_t there_ = 0;    ///< batches in the database
  std::uint64_t durable_ = 0;  ///< of these, what no power cut may take
};

void print(const Totals& totals) {
  std::printf(
      "%llu rounds, %llu batches, %llu chunks put, %llu flushes, %llu marks, %llu segments "
      "unlinked, %llu days sealed, %llu series sealed again\n",
      static_cast<unsigned long long>(totals.rounds),
      static_cast<unsigned long long>(totals.batches),
      static_cast<unsigned long long>(totals.chunks_put),
      static_cast<unsigned long long>(totals.flushes),
      static_cast<unsigned long long>(totals.marks),
      static_cast<unsigned long long>(totals.unlinked),
      static_cast<unsigned long long>(totals.sealed),
      static_cast<unsigned long long>(totals.resealed));
}

#ifndef HYGGE_MUTATIONS
void print_power(const Totals& totals) {
  std::printf("%llu power cuts took %llu bytes of %llu files, %llu batches not promised to stay\n",
              static_cast<unsigned long long>(totals.cuts),
              static_cast<unsigned long long>(totals.lost_bytes),
              static_cast<unsigned long long>(totals.lost_files),
              static_cast<unsigned long long>(totals.lost_batches));
}

TEST(Kill9, LosesNothingAcknowledgedAndInventsNothing) {
  Totals totals;
  const std::uint64_t seed = from_environment("HYGGE_CRASH_SEED", 1);
  const std::uint64_t rounds = from_environment("HYGGE_CRASH_ROUNDS", 25);
  EXPECT_EQ(Trial(seed, false).run(rounds, totals), "") << "seed " << seed;
  print(totals);
  EXPECT_GT(totals.chunks_put, 0U);
  EXPECT_GT(totals.flushes, 0U);
  EXPECT_GT(totals.marks, 0U);
  EXPECT_GT(totals.unlinked, 0U);
  EXPECT_GT(totals.sealed, 0U);
  EXPECT_GT(totals.resealed, 0U);
}

TEST(PowerCut, TakesNothingThatWasPromisedToSurviveIt) {
  Totals totals;
  const std::uint64_t seed = from_environment("HYGGE_CRASH_SEED", 1);
  const std::uint64_t rounds = from_environment("HYGGE_CRASH_ROUNDS", 25);
  EXPECT_EQ(Trial(seed, true).run(rounds, totals), "") << "seed " << seed;
  print(totals);
  print_power(totals);
  EXPECT_GT(totals.cuts, 0U);
  EXPECT_GT(totals.lost_bytes, 0U) << "every cut found all synced: nothing was tried";
  EXPECT_GT(totals.marks, 0U);
}
#else
/// A rule of the order of events, and whether it takes a power cut to see it broken.
struct Rule {
  const char* name;
  bool power;
};
class Broken : public testing::TestWithParam<Rule> {};

TEST_P(Broken, IsCaught) {
  ::setenv("HYGGE_MUTATION", GetParam().name, 1);
  const std::uint64_t first = from_environment("HYGGE_CRASH_SEED", 1);
  const std::uint64_t rounds = from_environment("HYGGE_CRASH_ROUNDS", 600);
  // Some rules matter in rare moments: several databases, each from its beginning.
  constexpr std::uint64_t kRoundsEach = 20;
  std::string failure;
  Totals totals;
  for (std::uint64_t seed = first; failure.empty() && totals.rounds < rounds; ++seed) {
    failure = Trial(seed, GetParam().power).run(kRoundsEach, totals);
  }
  ::unsetenv("HYGGE_MUTATION");
  print(totals);
  std::printf("%s broken: caught after %llu rounds: %s\n", GetParam().name,
              static_cast<unsigned long long>(totals.rounds), failure.c_str());
  EXPECT_NE(failure, "") << GetParam().name << " is broken and nobody noticed";
}

INSTANTIATE_TEST_SUITE_P(
    Rule, Broken,
    testing::Values(Rule{"log-then-head", false}, Rule{"mark-after-flush", false},
                    Rule{"mark-below-the-head", false}, Rule{"acknowledge-after-sync", true},
                    Rule{"log-leads-store", true}, Rule{"unlink-after-mark", true},
                    Rule{"segment-synced-before-next", true}, Rule{"replay-syncs-the-log", true},
                    Rule{"torn-tail", true}, Rule{"seal-one-batch", false},
                    Rule{"late-marks-dirty", false}),
    [](const testing::TestParamInfo<Rule>& rule) {
      std::string name = rule.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

// Unbroken, the same program holds: what is caught above is the broken rule.
TEST(Whole, HoldsUnderTheSameRounds) {
  Totals totals;
  EXPECT_EQ(Trial(1, true).run(10, totals), "");
}
#endif

}  // namespace
}  // namespace hygge

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  const auto is = [&](int i, std::string_view word) { return word == argv[i]; };
  if (mode == "--child" && argc == 6) {
    return hygge::child(argv[2], number(3), number(4), is(5, "batch"));
  }
  if (mode == "--check" && argc == 7) {
    return hygge::check(argv[2], number(3), number(4), number(5), is(6, "close"));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
