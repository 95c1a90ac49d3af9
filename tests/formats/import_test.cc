// Imports as a whole: strict, dry, several inputs, what a file looks like, errors of the sink.
#include <gtest/gtest.h>

#include "tests/formats/recorder.h"

namespace hygge::formats::test {
namespace {

TEST(Import, StrictGivesTheSinkNothingUnlessAllIsGood) {
  ImportOptions strict;
  strict.strict = true;
  strict.now_ms = kNow;
  Recorder got;
  Input inputs[] = {Input::from_text("a 1\n", "first"), Input::from_text("b 1\nbad\n", "second")};
  const auto refused = import("prometheus", inputs, strict, got);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::parse);
  EXPECT_EQ(refused.error().message, "second:2: no value");
  EXPECT_TRUE(got.names.empty());
  EXPECT_TRUE(got.families.empty());

  Input good[] = {Input::from_text("a 1\n", "first"), Input::from_text("b 1\n", "second")};
  std::vector<std::uint64_t> consumed;
  strict.progress = [&](const ImportProgress& progress) -> Result<void> {
    EXPECT_EQ(progress.total, 16U);
    consumed.push_back(progress.consumed);
    return {};
  };
  const auto report = import("prometheus", good, strict, got);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->samples, 2U);
  EXPECT_EQ(report->lines, 2U);
  EXPECT_EQ(got.samples, (Lines{"a 1767000000000 1", "b 1767000000000 1"}));
  EXPECT_TRUE(std::is_sorted(consumed.begin(), consumed.end()));
  EXPECT_EQ(consumed.back(), 16U);
}

TEST(Import, SeveralInputsAreOneReport) {
  Input inputs[] = {Input::from_text("# TYPE a gauge\na 1\nbad\n", "x"),
                    Input::from_text("# TYPE a counter\na 2\nworse\nb 1\n", "y")};
  ImportOptions options;
  options.now_ms = kNow;
  Recorder got;
  const auto report = import("prometheus", inputs, options, got);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->lines, 7U);
  EXPECT_EQ(report->samples, 3U);
  EXPECT_EQ(report->rejected, 2U);
  ASSERT_EQ(report->rejects.size(), 2U);
  EXPECT_EQ(report->rejects[1].file, "y");
  EXPECT_EQ(report->rejects[1].line, 3U);
  // The first type stays across files, and a family may come in each.
  EXPECT_EQ(got.families.at("a").type, MetricType::gauge);
  EXPECT_EQ(report->warnings.size(), 1U);
}

TEST(Import, KeepsTheFirstTenRejects) {
  std::string text = "a 1\n";
  for (int i = 0; i < 30; ++i) text += "bad\n";
  const Imported in = import_text("prometheus", text);
  EXPECT_EQ(in.report.rejected, 30U);
  ASSERT_EQ(in.report.rejects.size(), 10U);
  EXPECT_EQ(in.report.rejects[9].line, 11U);
}

TEST(Import, DryRunCounts) {
  Input input = Input::from_text("a 1\na 2\nb 1\n", "x");
  CountingSink nothing;
  const auto report = import("prometheus", input, {}, nothing);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->samples, 3U);
  EXPECT_EQ(report->series, 2U);
}

TEST(Import, AFileOfAnotherFormatIsAnErrorThatSaysWhich) {
  struct Case {
    const char* format;
    const char* text;
    const char* detail;
  };
  const std::string csv = "metric,labels,timestamp_ms,value\na,,1767225600000,1\n";
  const Case cases[] = {
      {"prometheus", csv.c_str(), "it looks like csv: `hygge import csv f`"},
      {"openmetrics", csv.c_str(), "it looks like csv: `hygge import csv f`"},
      {"openmetrics", "a 1 1767225600000\n# x\n",
       "it looks like prometheus: `hygge import prometheus f`"},
      {"prometheus", "a 1 1767225600\n", "it looks like openmetrics: `hygge import openmetrics f`"},
      {"csv", "a 1 1767225600000\n", "it looks like prometheus: `hygge import prometheus f`"},
      {"csv", "# TYPE a gauge\na 1\n# EOF\n",
       "it looks like openmetrics: `hygge import openmetrics f`"},
      {"prometheus", "{\"json\": [1, 2]}\n", ""},
      {"prometheus", "\x7f\x45\x4c\x46\x01\x02\n\n\x01", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(fmt::format("{} {}", c.format, c.text));
    const Imported in = import_text(c.format, c.text);
    ASSERT_FALSE(in.error.empty());
    const std::size_t line_end = in.error.find('\n');
    EXPECT_EQ(line_end == std::string::npos ? "" : in.error.substr(line_end + 1), c.detail);
  }
}

TEST(Import, EmptyFilesAreFine) {
  for (const Format& format : import_formats()) {
    EXPECT_EQ(import_text(format.name, "").error, "");
    EXPECT_EQ(import_text(format.name, "\n\r\n\n").error, "");
  }
}

TEST(Import, UnknownFormatsAndBadOptionsAreRefused) {
  EXPECT_EQ(import_text("prometeus", "").error,
            "unknown format \"prometeus\" (did you mean prometheus?)\n"
            "formats: csv, openmetrics, prometheus");
  EXPECT_EQ(import_text("xml", "").error,
            "unknown format \"xml\"\nformats: csv, openmetrics, prometheus");
  ImportOptions options;
  options.add_labels = {{"__name__", "x"}};
  EXPECT_NE(import_text("csv", "", options).error, "");
  options.add_labels = {{"a", "\xff"}};
  EXPECT_NE(import_text("csv", "", options).error, "");
  options.add_labels.clear();
  options.delimiter = '"';
  EXPECT_NE(import_text("csv", "", options).error, "");
  options.delimiter = ',';
  options.prefix = "\xff";
  EXPECT_NE(import_text("csv", "", options).error, "");
}

TEST(Detect, TellsTheFormatsApart) {
  struct Case {
    const char* head;
    const char* format;
  };
  const Case cases[] = {
      {"", ""},
      {"metric,labels,timestamp_ms,value\n", "csv"},
      {"\xef\xbb\xbftimestamp_ms,metric,value\r\n", "csv"},
      {"t,host,cpu\n", ""},
      {"up 1\n", "prometheus"},
      {"\xef\xbb\xbfup 1\n", "prometheus"},
      {"# HELP up x\n# TYPE up gauge\nup{a=\"b\"} 1 1767225600000\n", "prometheus"},
      {"# TYPE up gauge\n", "prometheus"},
      {"up 1\n# EOF\n", "openmetrics"},
      {"# TYPE up gauge\n# UNIT up x\nup 1\n", "openmetrics"},
      {"up 1 1767225600.5\n", "openmetrics"},
      {"up 1 1767225600\r\n", "openmetrics"},
      {"{\"a\":1}\n", ""},
      {"# a heading\nsome text\n", ""},
      {"custom.cpu 1 1767225600\n", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(detect(c.head), c.format) << c.head;
}

class BadSink : public CountingSink {
 public:
  explicit BadSink(ErrorCode code) : code_(code) {}
  Result<std::uint32_t> series(const Labels& labels) override {
    if (labels.metric() == "bad") return fail(code_, "the sink says no");
    return CountingSink::series(labels);
  }
  Result<void> sample(std::uint32_t, TimeMs, double v) override {
    if (v == 13) return fail(ErrorCode::no_space, "full");
    return {};
  }

 private:
  ErrorCode code_;
};

TEST(Import, ALimitOnASeriesIsThatLinesFault) {
  BadSink sink(ErrorCode::limit);
  Input input = Input::from_text("a 1\nbad 1\nb 2\n", "x");
  const auto report = import("prometheus", input, {}, sink);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->samples, 2U);
  EXPECT_EQ(report->rejects[0].reason, "the sink says no");
}

TEST(Import, OtherErrorsOfTheSinkEndIt) {
  BadSink sink(ErrorCode::io);
  Input series = Input::from_text("a 1\nbad 1\nb 2\n", "x");
  EXPECT_EQ(import("prometheus", series, {}, sink).error().code, ErrorCode::io);
  Input sample = Input::from_text("a 1\nb 13\nb 2\n", "x");
  EXPECT_EQ(import("prometheus", sample, {}, sink).error().code, ErrorCode::no_space);
}

}  // namespace
}  // namespace hygge::formats::test
