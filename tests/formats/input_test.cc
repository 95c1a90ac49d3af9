// Input: compressed, damaged, piped, read twice.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <thread>

#include "tests/formats/recorder.h"
#include "tests/support/temp_dir.h"

namespace hygge::formats::test {
namespace {

std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string copy(text);
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3);
  EXPECT_FALSE(ZSTD_isError(size));
  out.resize(size);
  return out;
}

Result<std::string> read_all(Input& input, std::size_t step = 1000) {
  std::string out;
  std::string block(step, '\0');
  while (true) {
    auto got = input.read(block.data(), block.size());
    if (!got) return tl::unexpected<Error>(got.error());
    if (*got == 0) return out;
    out.append(block, 0, *got);
  }
}

// Samples of one series, a second apart: text that compresses as real text does.
std::string scrapes(std::size_t count) {
  std::string out;
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < count; ++i) {
    out += fmt::format("up{{a=\"b\"}} {} {}\n", random() % 1000, 1767225600000 + i * 1000);
  }
  return out;
}

/// A descriptor that gives its pieces one per read.
class Pieces {
 public:
  explicit Pieces(std::string_view text, std::size_t size) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    in_ = ends[0];
    writer_ = std::thread([out = ends[1], text = std::string(text), size] {
      for (std::size_t at = 0; at < text.size(); at += size) {
        const std::size_t count = std::min(size, text.size() - at);
        if (::send(out, text.data() + at, count, MSG_NOSIGNAL) < 0) break;
      }
      ::close(out);
    });
  }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;
  ~Pieces() {
    ::close(in_);
    writer_.join();
  }
  [[nodiscard]] Input input() const { return Input::from_descriptor(in_, "pieces"); }

 private:
  int in_;
  std::thread writer_;
};

TEST(Input, DecompressesByMagic) {
  const std::string text = scrapes(20'000);
  for (const std::string& packed : {text, gzip(text), zstd(text)}) {
    for (const std::size_t step : {1UL, 7UL, 100'000UL, 10'000'000UL}) {
      if (step == 1 && packed.size() > 200'000) continue;
      Input input = Input::from_text(packed, "x");
      const auto got = read_all(input, step);
      ASSERT_TRUE(got) << got.error().message;
      EXPECT_EQ(*got == text, true);
      EXPECT_EQ(input.consumed(), packed.size());
      EXPECT_EQ(input.total(), packed.size());
    }
  }
}

TEST(Input, ReadsFilesAppendedToEachOther) {
  for (const auto& pack : {gzip, zstd}) {
    Input input = Input::from_text(pack("a 1\n") + pack("") + pack("b 2\n"), "x");
    EXPECT_EQ(*read_all(input), "a 1\nb 2\n");
  }
}

TEST(Input, ShortAndEmptyTexts) {
  for (const std::string text : {"", "a", "\x1f", "\x28\xb5", "\x28\xb5\x2f", "ab"}) {
    Input input = Input::from_text(text, "x");
    EXPECT_EQ(*read_all(input), text);
  }
}

// Cut anywhere, the lines before the cut are read, and it is said; nothing is invented.
TEST(Input, CutCompressedDataIsOneBadLine) {
  const std::string text = scrapes(300);
  const Imported all = import_text("prometheus", text);
  for (const std::string& packed : {gzip(text), zstd(text)}) {
    for (std::size_t size = 5; size < packed.size(); ++size) {
      SCOPED_TRACE(size);
      const Imported in = import_text("prometheus", packed.substr(0, size));
      if (!in.error.empty()) {
        EXPECT_TRUE(in.got.samples.empty());
        continue;
      }
      ASSERT_LE(in.got.samples.size(), all.got.samples.size());
      EXPECT_TRUE(
          std::equal(in.got.samples.begin(), in.got.samples.end(), all.got.samples.begin()));
      ASSERT_EQ(in.report.rejected, 1U);
      EXPECT_EQ(in.report.rejects[0].line, in.report.lines + 1);
      EXPECT_NE(in.report.rejects[0].reason.find("data ends early"), std::string::npos)
          << in.report.rejects[0].reason;
    }
  }
}

TEST(Input, FlippedBitsNeverGoUnnoticed) {
  const std::string text = scrapes(300);
  const Imported all = import_text("prometheus", text);
  const std::string packed = gzip(text);
  for (std::size_t at = 10; at < packed.size(); ++at) {  // behind the header, which has no checksum
    SCOPED_TRACE(at);
    std::string broken = packed;
    broken[at] = static_cast<char>(broken[at] ^ 0x10);
    const Imported in = import_text("prometheus", broken);
    // Bits that pad the last byte of the data say nothing.
    const bool harmless = in.got.samples == all.got.samples && at + 9 == packed.size();
    EXPECT_TRUE(!in.error.empty() || in.report.rejected > 0 || harmless);
  }
}

TEST(Input, DamageUnderStrictIsAnError) {
  ImportOptions strict;
  strict.strict = true;
  const std::string packed = gzip(scrapes(300));
  const Imported in = import_text("prometheus", packed.substr(0, packed.size() - 4), strict);
  EXPECT_EQ(in.error.substr(0, 32), "f:301: the gzip data ends early\n");
  EXPECT_TRUE(in.got.samples.empty());
}

TEST(Input, PeekConsumesNothing) {
  Input input = Input::from_text(gzip("hello world"), "x");
  EXPECT_EQ(*input.peek(5), "hello");
  EXPECT_EQ(*input.peek(3), "hel");
  EXPECT_EQ(*read_all(input), "hello world");
  EXPECT_EQ(*input.peek(3), "");
}

TEST(Input, RewindsFilesTextAndCopiedPipes) {
  const hygge::test::TempDir dir;
  const std::string text = scrapes(50'000);
  const std::string path = dir.path() + "/x.gz";
  {
    const int out = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    const std::string packed = gzip(text);
    ASSERT_EQ(::write(out, packed.data(), packed.size()), static_cast<ssize_t>(packed.size()));
    ::close(out);
  }
  Pieces pieces(text, 1000);
  auto file = Input::open(path);
  ASSERT_TRUE(file);
  Input inputs[] = {std::move(*file), Input::from_text(zstd(text), "x"), pieces.input()};
  EXPECT_FALSE(inputs[2].rewind());
  for (Input& input : inputs) {
    SCOPED_TRACE(input.name());
    ASSERT_TRUE(input.make_rewindable(dir.path()));
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(*input.peek(2), "up");
      EXPECT_EQ(*read_all(input) == text, true);
      ASSERT_TRUE(input.rewind());
      EXPECT_EQ(input.consumed(), 0U);
    }
  }
  // The copy has no name.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()),
                          std::filesystem::directory_iterator()),
            1);
}

TEST(Input, CopiesNothingWhereThereIsNoFolder) {
  Pieces pieces("a 1\n", 4);
  Input input = pieces.input();
  const auto kept = input.make_rewindable("/nonexistent/folder");
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::io);
}

TEST(Input, SaysWhatCannotBeOpened) {
  const hygge::test::TempDir dir;
  EXPECT_EQ(Input::open(dir.path() + "/none").error().code, ErrorCode::not_found);
  EXPECT_EQ(Input::open(dir.path()).error().code, ErrorCode::invalid_argument);
}

TEST(Input, CallsBackWhileAPipeIsSilent) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Input input = Input::from_descriptor(ends[0], "pipe");
  int calls = 0;
  input.while_waiting(std::chrono::milliseconds(1), [&]() -> Result<void> {
    if (++calls == 3) {
      EXPECT_EQ(::write(ends[1], "a 1\n", 4), 4);
    }
    if (calls == 6) return fail(ErrorCode::cancelled, "enough");
    return {};
  });
  std::string block(100, '\0');
  EXPECT_EQ(*input.read(block.data(), block.size()), 4U);
  EXPECT_EQ(calls, 3);
  const auto cut = input.read(block.data(), block.size());
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::cancelled);
  ::close(ends[0]);
  ::close(ends[1]);
}

// A stream: lines are taken as they come, each block at its own time, and progress is told while
// nothing comes.
TEST(Input, AStreamIsReadAsItComes) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Input input = Input::from_descriptor(ends[0], "pipe");
  Recorder got;
  ImportOptions options;
  TimeMs now = kNow;
  options.clock = [&] { return now; };
  int step = 0;
  options.progress = [&](const ImportProgress& progress) -> Result<void> {
    // One step per line that has arrived: the next is written only then.
    if (step == 0) {
      EXPECT_EQ(::write(ends[1], "a 1\nb", 5), 5);
      step = 1;
    } else if (step == 1 && progress.samples == 1) {
      now += 5000;
      EXPECT_EQ(::write(ends[1], " 2\n", 3), 3);
      step = 2;
    } else if (step == 2 && progress.samples == 2) {
      EXPECT_EQ(progress.consumed, 8U);
      EXPECT_EQ(progress.lines, 2U);
      ::close(ends[1]);
      step = 3;
    }
    return {};
  };
  const auto report = import("prometheus", input, options, got);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(got.samples, (Lines{"a 1767000000000 1", "b 1767000005000 2"}));
  EXPECT_EQ(step, 3);
  ::close(ends[0]);
}

TEST(Input, StopsWhenAsked) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Input input = Input::from_descriptor(ends[0], "pipe");
  std::stop_source stop;
  ImportOptions options;
  options.cancel = stop.get_token();
  options.progress = [&](const ImportProgress&) -> Result<void> {
    stop.request_stop();
    return {};
  };
  Recorder got;
  const auto report = import("prometheus", input, options, got);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::cancelled);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Lines, TenMegabytesOfALabelAreOneBadLine) {
  const std::string line = "up{a=\"" + std::string(10 << 20, 'x') + "\"} 1\n";
  const Imported in = import_text("prometheus", "a 1\n" + line + "b 2\n");
  EXPECT_EQ(in.got.samples.size(), 2U);
  EXPECT_EQ(in.rejects(), Lines{"f:2: the line is longer than 1 MiB"});
  const Imported last = import_text("prometheus", "a 1\n" + line.substr(0, line.size() - 1));
  EXPECT_EQ(last.got.samples.size(), 1U);
  EXPECT_EQ(last.rejects(), Lines{"f:2: the line is longer than 1 MiB"});
}

TEST(Lines, OneMebibyteIsTaken) {
  const std::string start = "up{a=\"";
  const std::string end = "\"} 1";
  const std::string value((1 << 20) - start.size() - end.size(), 'x');
  EXPECT_EQ(import_text("prometheus", start + value + end + "\r\n").report.samples, 1U);
  EXPECT_EQ(import_text("prometheus", "a 1\n" + start + value + "x" + end + "\n").rejects(),
            Lines{"f:2: the line is longer than 1 MiB"});
}

// However the bytes come, the same is read.
TEST(Lines, AnySplitGivesTheSame) {
  const std::pair<std::string_view, std::string> texts[] = {
      {"prometheus",
       "\xef\xbb\xbf# HELP a_total x\r\n# TYPE a_total counter\r\na_total{b=\"c\\\"\"} 1 "
       "1767225600000\r\na_total{b=\"c\\\"\"} 2 1767225601000\nbad\n{\"é\"} 5"},
      {"openmetrics",
       "# TYPE a counter\na_total{b=\"}\"} 1 1767225600.5 # {x=\"y\"} 1\na_created 1767225600\n"
       "# TYPE b gauge\nb NaN 1767225600\nb{c=\"d\"} +Inf 1.7672256e9\nb{c= 1\n# EOF\n"},
      {"csv",
       "metric,labels,timestamp_ms,value\r\n\"a\r\nb\",\"{c=\"\"d\"\"}\",1767225600000,1\n"
       "\"x\ny,,1767225600000,1\nz,,1767225600000,stale\n"}};
  for (const auto& [format, text] : texts) {
    const Imported whole = import_text(format, text);
    ASSERT_FALSE(whole.got.samples.empty());
    for (std::size_t size = 1; size <= text.size(); size = size < 8 ? size + 1 : size * 2) {
      SCOPED_TRACE(fmt::format("{} {}", format, size));
      Pieces pieces(text, size);
      Input input = pieces.input();
      Recorder got;
      ImportOptions options;
      options.now_ms = kNow;
      const auto report = import(format, input, options, got);
      ASSERT_TRUE(report) << report.error().message;
      EXPECT_EQ(got.samples, whole.got.samples);
      EXPECT_EQ(got.families, whole.got.families);
      EXPECT_EQ(report->lines, whole.report.lines);
      EXPECT_EQ(report->rejected, whole.report.rejected);
      EXPECT_EQ(report->warnings, whole.report.warnings);
      for (std::size_t i = 0; i < report->rejects.size(); ++i) {
        EXPECT_EQ(report->rejects[i].line, whole.report.rejects[i].line);
        EXPECT_EQ(report->rejects[i].reason, whole.report.rejects[i].reason);
      }
    }
  }
}

}  // namespace
}  // namespace hygge::formats::test
