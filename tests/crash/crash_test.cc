// A child process writes batches and acknowledges each over a pipe; the parent kills it with
// SIGKILL at a random moment and asks a fresh process what is there. Nothing acknowledged may be
// missing, no batch may be there in part, and nothing may be invented. Tiny segments, memtables and
// budgets make every round put, flush, mark and unlink.
//
//   HYGGE_CRASH_ROUNDS   rounds, 25 by default
//   HYGGE_CRASH_SEED     1 by default
//   crash_test --child DIR SEED FIRST     the writer (the test starts it)
//   crash_test --check DIR SEED LOW HIGH  compares; LOW … HIGH batches may be there
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr std::uint64_t kSeriesCount = 20;

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
  const TimeMs day = static_cast<TimeMs>(n / 400) * kDayMs;
  const TimeMs now = kStart + day + static_cast<TimeMs>(n % 400) * 10'000;
  std::vector<Sample> out;
  for (std::uint32_t series = 0; series < kSeriesCount + n / 50; ++series) {
    if (random() % 8 == 0) continue;
    out.push_back({series, now, static_cast<double>(random() % 100'000) / 8});
  }
  if (random() % 4 == 0) {
    const auto back = static_cast<TimeMs>(random() % 300) * 10'000;
    for (std::uint32_t series = 0; series < 5; ++series) {
      out.push_back({series, now - back, static_cast<double>(random() % 1'000)});
    }
  }
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
  options.tuning.mark_bytes = 32 * 1024;
  return options;
}

// --- the writer ---

int child(const std::string& dir, std::uint64_t seed, std::uint64_t first) {
  auto db = Db::open(dir, tiny());
  if (!db) {
    std::fprintf(stderr, "open: %s\n", db.error().message.c_str());
    return 2;
  }
  for (std::uint64_t n = first;; ++n) {
    Batch batch;
    for (const Sample& sample : batch_of(seed, n))
      batch.add(labels_of(sample.series), sample.t_ms, sample.v);
    if (auto written = db->write(batch); !written) {
      std::fprintf(stderr, "write: %s\n", written.error().message.c_str());
      return 3;
    }
    std::string line = fmt::format("ack {}\n", n);
    if (n % 16 == 0) {
      // Maintenance is the thread's; a flush from here makes marks sure in every round.
      if (n % 160 == 0) static_cast<void>(db->flush());
      if (const auto stats = db->stats()) {
        line += fmt::format("stats {} {} {} {}\n", stats->chunks_put, stats->store_flushes,
                            stats->marks, stats->segments_unlinked);
      }
    }
    if (::write(1, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 4;
  }
}

// --- the reader, in a process of its own ---

Model model_of(std::uint64_t seed, std::uint64_t batches) {
  Model model;
  for (std::uint64_t n = 0; n < batches; ++n) {
    for (const Sample& sample : batch_of(seed, n)) model[sample.series][sample.t_ms] = sample.v;
  }
  return model;
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
int check(const std::string& dir, std::uint64_t seed, std::uint64_t low, std::uint64_t high) {
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
  for (std::uint64_t batches = low; batches <= high; ++batches) {
    if (*got == model_of(seed, batches)) {
      std::printf("batches %llu\n", static_cast<unsigned long long>(batches));
      return 0;
    }
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
};

// The last "ack N" and "stats …" of a child's output.
std::optional<std::uint64_t> last_ack(const std::string& text, Totals& totals) {
  std::optional<std::uint64_t> ack;
  std::array<unsigned long long, 4> stats{};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // a half-written line was never acknowledged
    const std::string line = text.substr(at, end - at);
    unsigned long long n = 0;
    if (std::sscanf(line.c_str(), "ack %llu", &n) == 1) ack = n;
    std::sscanf(line.c_str(), "stats %llu %llu %llu %llu", &stats[0], &stats[1], &stats[2],
                &stats[3]);
    at = end + 1;
  }
  totals.chunks_put += stats[0];
  totals.flushes += stats[1];
  totals.marks += stats[2];
  totals.unlinked += stats[3];
  return ack;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Runs rounds until one fails; says why, or "" if all held.
std::string run_rounds(std::uint64_t seed, std::uint64_t rounds, Totals& totals) {
  std::mt19937_64 random(seed);
  const test::TempDir dir;
  const std::string db = dir / "db";
  std::uint64_t there = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const Running writer = start({"--child", db, std::to_string(seed), std::to_string(there)});
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 400));
    ::kill(writer.pid, SIGKILL);
    std::string text;
    const int status = finish(writer, text);
    if (!WIFSIGNALED(status)) return fmt::format("round {}: the writer ended by itself", round);
    const auto ack = last_ack(text, totals);
    const std::uint64_t low = ack ? *ack + 1 : there;
    std::string reply;
    // One more may have been committed whose acknowledgement never left.
    const Running checker =
        start({"--check", db, std::to_string(seed), std::to_string(low), std::to_string(low + 1)});
    if (finish(checker, reply) != 0) return fmt::format("round {}: {}", round, reply);
    unsigned long long batches = 0;
    std::sscanf(reply.c_str(), "batches %llu", &batches);
    there = batches;
    ++totals.rounds;
    totals.batches = there;
  }
  return {};
}

void print(const Totals& totals) {
  std::printf(
      "%llu rounds, %llu batches, %llu chunks put, %llu flushes, %llu marks, %llu segments "
      "unlinked\n",
      static_cast<unsigned long long>(totals.rounds),
      static_cast<unsigned long long>(totals.batches),
      static_cast<unsigned long long>(totals.chunks_put),
      static_cast<unsigned long long>(totals.flushes),
      static_cast<unsigned long long>(totals.marks),
      static_cast<unsigned long long>(totals.unlinked));
}

#ifndef HYGGE_MUTATION_MARK_WITHOUT_FLUSH
TEST(Kill9, LosesNothingAcknowledgedAndInventsNothing) {
  Totals totals;
  const std::uint64_t seed = from_environment("HYGGE_CRASH_SEED", 1);
  const std::string failure = run_rounds(seed, from_environment("HYGGE_CRASH_ROUNDS", 25), totals);
  print(totals);
  EXPECT_EQ(failure, "") << "seed " << seed;
  EXPECT_GT(totals.chunks_put, 0U);
  EXPECT_GT(totals.flushes, 0U);
  EXPECT_GT(totals.marks, 0U);
  EXPECT_GT(totals.unlinked, 0U);
}
#else
TEST(Kill9Mutant, AMarkThatDoesNotWaitForTheFlushIsCaught) {
  Totals totals;
  const std::uint64_t seed = from_environment("HYGGE_CRASH_SEED", 1);
  const std::string failure = run_rounds(seed, from_environment("HYGGE_CRASH_ROUNDS", 25), totals);
  print(totals);
  std::printf("caught: %s\n", failure.c_str());
  EXPECT_NE(failure, "") << "seed " << seed << ": the broken rule went unnoticed";
}
#endif

}  // namespace
}  // namespace hygge

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  if (mode == "--child" && argc == 5) return hygge::child(argv[2], number(3), number(4));
  if (mode == "--check" && argc == 6) return hygge::check(argv[2], number(3), number(4), number(5));
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
