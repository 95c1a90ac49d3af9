// Prometheus text and OpenMetrics: the examples and traps of the formats, and every bad line.
#include <gtest/gtest.h>

#include "tests/formats/recorder.h"

namespace hygge::formats::test {
namespace {

TEST(Prometheus, TypesQuotedNamesAndEscapes) {
  const Imported in = import_text("prometheus",
                                  "# TYPE http_requests_total counter\n"
                                  "http_requests_total{code=\"500\",path=\"/a\\\"b\"} 3 "
                                  "1767225600000\n"
                                  "{\"queue.depth\",q=\"mail\"} 12.5 1767225600000\n"
                                  "up{job=\"a\",job=\"b\"} 1\n");
  EXPECT_EQ(in.got.samples,
            (Lines{"http_requests_total{code=\"500\",path=\"/a\\\"b\"} 1767225600000 3",
                   "{\"queue.depth\",q=\"mail\"} 1767225600000 12.5"}));
  ASSERT_EQ(in.got.families.size(), 1U);
  EXPECT_EQ(in.got.families.at("http_requests").type, MetricType::counter);
  EXPECT_EQ(in.rejects(), Lines{"f:4: label \"job\" twice"});
  EXPECT_EQ(in.report.lines, 4U);
  EXPECT_EQ(in.report.samples, 2U);
  EXPECT_EQ(in.report.rejected, 1U);
}

TEST(OpenMetrics, SecondsExemplarsStartTimesAndTotals) {
  const Imported in = import_text("openmetrics",
                                  "# TYPE req counter\n"
                                  "req_total{code=\"200\"} 17 1767225600.25 # {trace_id=\"ab\"} "
                                  "0.2 1767225600\n"
                                  "req_created{code=\"200\"} 1767220000\n"
                                  "req{code=\"200\"} 17 1767225600\n"
                                  "# EOF\n");
  EXPECT_EQ(in.got.samples, Lines{"req_total{code=\"200\"} 1767225600250 17"});
  EXPECT_EQ(in.got.names, Lines{"req_total{code=\"200\"}"});
  EXPECT_EQ(in.got.families.at("req").type, MetricType::counter);
  EXPECT_EQ(in.report.exemplars, 1U);
  EXPECT_EQ(in.report.start_times, 1U);
  EXPECT_EQ(in.rejects(), Lines{"f:4: counter sample must end in _total"});
  EXPECT_TRUE(in.report.warnings.empty());
}

TEST(OpenMetrics, StartTimesAreSeriesIfWanted) {
  ImportOptions options;
  options.keep_created = true;
  const Imported in = import_text(
      "openmetrics", "# TYPE req counter\nreq_created 1767220000 1767225600\n# EOF\n", options);
  EXPECT_EQ(in.got.samples, Lines{"req_created 1767225600000 1767220000"});
  EXPECT_EQ(in.report.start_times, 0U);
}

TEST(OpenMetrics, CreatedOfNoDeclaredCounterIsASeries) {
  const Imported in = import_text(
      "openmetrics", "# TYPE req gauge\nreq_created 5 1767225600\nx_created 6 1767225600\n# EOF\n");
  EXPECT_EQ(in.got.samples, (Lines{"req_created 1767225600000 5", "x_created 1767225600000 6"}));
}

// A type that comes after the first samples counts from there on.
TEST(OpenMetrics, LateTypeIsSeen) {
  const Imported in = import_text("openmetrics",
                                  "req 1 1767225600\nreq_created 2 1767225600\n"
                                  "# TYPE req counter\n"
                                  "req 3 1767225601\nreq_created 4 1767225601\n# EOF\n");
  EXPECT_EQ(in.got.samples, (Lines{"req 1767225600000 1", "req_created 1767225600000 2"}));
  EXPECT_EQ(in.report.start_times, 1U);
  EXPECT_EQ(in.rejects(), Lines{"f:4: counter sample must end in _total"});
}

struct Spelling {
  const char* name;
  const char* line;
  const char* sample;
};

TEST(Prometheus, SpellingsOfASample) {
  const Spelling cases[] = {
      {"no labels, no time", "up 1", "up 1767000000000 1"},
      {"spaces around every token", " \tup { a = \"b\" , c = \"d\" } \t 1 \t 1767225600000 ",
       "up{a=\"b\",c=\"d\"} 1767225600000 1"},
      {"no space behind the brace", "up{a=\"b\"}1", "up{a=\"b\"} 1767000000000 1"},
      {"trailing comma", "up{a=\"b\",} 1", "up{a=\"b\"} 1767000000000 1"},
      {"empty braces", "up{} 1", "up 1767000000000 1"},
      {"empty value is no label", "up{a=\"\",b=\"c\"} 1", "up{b=\"c\"} 1767000000000 1"},
      {"labels are sorted", "up{b=\"1\",a=\"2\"} 1", "up{a=\"2\",b=\"1\"} 1767000000000 1"},
      {"quoted label name", "up{\"a.b\"=\"c\"} 1", "up{\"a.b\"=\"c\"} 1767000000000 1"},
      {"quoted name only", "{\"up\"} 1", "up 1767000000000 1"},
      {"quoted name behind a label", "{a=\"b\",\"up\"} 1", "up{a=\"b\"} 1767000000000 1"},
      {"quoted UTF-8", "{\"température.°C\",\"où\"=\"là\"} 1",
       "{\"température.°C\",\"où\"=\"là\"} 1767000000000 1"},
      {"escapes", R"(up{a="\\x\"y\nz"} 1)", R"(up{a="\\x\"y\nz"} 1767000000000 1)"},
      {"another backslash stays", R"(up{a="\d"} 1)", R"(up{a="\\d"} 1767000000000 1)"},
      {"braces and commas in values", R"(up{a="}{,= #"} 1)", R"(up{a="}{,= #"} 1767000000000 1)"},
      {"UTF-8 value", "up{a=\"é→\"} 1", "up{a=\"é→\"} 1767000000000 1"},
      {"colons in names", ":a:b 1", ":a:b 1767000000000 1"},
      {"le is text", "b{le=\"+Inf\"} 1", "b{le=\"+Inf\"} 1767000000000 1"},
      {"le 1", "b{le=\"1\"} 1", "b{le=\"1\"} 1767000000000 1"},
      {"le 1.0", "b{le=\"1.0\"} 1", "b{le=\"1.0\"} 1767000000000 1"},
      {"exponent", "up 1e3", "up 1767000000000 1000"},
      {"NaN", "up NaN", "up 1767000000000 NaN"},
      {"+Inf", "up +Inf", "up 1767000000000 +Inf"},
      {"-inf", "up -inf", "up 1767000000000 -Inf"},
      {"hex float", "up 0x1.8p1", "up 1767000000000 3"},
      {"negative zero", "up -0", "up 1767000000000 -0"},
      {"CR LF", "up 1\r", "up 1767000000000 1"},
  };
  for (const Spelling& c : cases) {
    SCOPED_TRACE(c.name);
    const Imported in = import_text("prometheus", std::string(c.line) + "\n");
    EXPECT_EQ(in.got.samples, Lines{c.sample}) << in.error;
    EXPECT_EQ(in.report.warnings.size(), 0U);
  }
}

TEST(OpenMetrics, SpellingsOfATime) {
  const Spelling cases[] = {
      {"fraction", "up 1 1767225600.25", "up 1767225600250 1"},
      {"thousandths survive", "up 1 1767225600.001", "up 1767225600001 1"},
      {"and .999", "up 1 1767225600.999", "up 1767225600999 1"},
      {"exponent", "up 1 1.7672256e9", "up 1767225600000 1"},
      {"exponent and fraction", "up 1 1767225600001E-3", "up 1767225600001 1"},
      {"finer is floored", "up 1 1767225600.0019999", "up 1767225600001 1"},
      {"integer", "up 1 1767225600", "up 1767225600000 1"},
      {"point at the end", "up 1 1767225600.", "up 1767225600000 1"},
      {"exemplar without a time", "up 1 1767225600 # {} 1", "up 1767225600000 1"},
      {"exemplar without sample time", "up 1 # {a=\"#\"} 0x1p2", "up 1767000000000 1"},
  };
  for (const Spelling& c : cases) {
    SCOPED_TRACE(c.name);
    const Imported in = import_text("openmetrics", std::string(c.line) + "\n# EOF\n");
    EXPECT_EQ(in.got.samples, Lines{c.sample}) << in.error;
  }
}

struct Bad {
  const char* line;
  const char* reason;
};

void expect_rejected(std::string_view format, const Bad& bad) {
  SCOPED_TRACE(bad.line);
  const bool open_metrics = format == "openmetrics";
  const std::string time = open_metrics ? "1767225600" : "1767225600000";
  const Imported in = import_text(format, "before 1 " + time + "\n" + bad.line + "\nafter 2 " +
                                              time + (open_metrics ? "\n# EOF\n" : "\n"));
  EXPECT_EQ(in.got.samples, (Lines{"before 1767225600000 1", "after 1767225600000 2"}));
  EXPECT_EQ(in.rejects(), Lines{std::string("f:2: ") + bad.reason});
}

TEST(Prometheus, BadLinesAreNamedAndTheRestGoesOn) {
  const Bad cases[] = {
      {"up", "no value"},
      {"up{a=\"b\"}", "no value"},
      {"up x", "value \"x\" is not a number"},
      {"up 1_000", "value \"1_000\" is not a number"},
      {"up 1,5", "value \"1,5\" is not a number"},
      {"up 1e999", "value \"1e999\" is not a number"},
      {"up +NaN", "value \"+NaN\" is not a number"},
      {"up 0x", "value \"0x\" is not a number"},
      {"up 0xinf", "value \"0xinf\" is not a number"},
      {"up --1", "value \"--1\" is not a number"},
      {"up 1 1767225600000 3", "text after value and time: \"3\""},
      {"up 1 # {a=\"b\"} 1", "text after value and time: \"{a=\\\"b\\\"} 1\""},
      {"up 1 x", "time \"x\" is not an integer (ms expected)"},
      {"up 1 1767225600.25",
       "time \"1767225600.25\" looks like seconds with a fraction, ms expected"},
      {"up 1 1767225600", "time 1767225600 looks like seconds, ms expected"},
      {"up 1 1767225600000000", "time 1767225600000000 looks like us, ms expected"},
      {"up 1 1767225600000000000", "time 1767225600000000000 looks like ns, ms expected"},
      {"up 1 5", "time 5 is outside 1990–2100 (ms expected; --any-time takes it)"},
      {"up 1 99999999999999999999",
       "time 99999999999999999999 is outside 1990–2100 (ms expected; --any-time takes it)"},
      {"{a=\"b\"} 1", "no metric name"},
      {"up{a=\"b\" 1", "the labels do not end: \"up{a=\\\"b\\\" 1\""},
      {"up{a=\"b} 1", "the labels do not end: \"up{a=\\\"b} 1\""},
      {"up{a=b} 1", "label value must be quoted"},
      {"up{a} 1", "label \"a\" without a value"},
      {"up{a=\"b\" c=\"d\"} 1", "a comma expected at \"c=\\\"d\\\"\""},
      {"up{,} 1", "a label name expected at \",\""},
      {"up{a=\"b\",,c=\"d\"} 1", "a label name expected at \",c=\\\"d\\\"\""},
      {"up{a=\"b\",a=\"\"} 1", "label \"a\" twice"},
      {"up{__name__=\"x\"} 1", "a label named __name__: write the metric's name in front"},
      {"up{\"__name__\"=\"x\"} 1", "a label named __name__: write the metric's name in front"},
      {"up{\"other\"} 1", "a metric name is not allowed here"},
      {"{\"a\",\"b\"} 1", "the metric name twice"},
      {"{\"\"} 1", "an empty metric name"},
      {"up{\"\"=\"x\"} 1", "an empty label name"},
      {"up{a.b=\"c\"} 1", "label name \"a.b\" needs quotes"},
      {"up{1a=\"c\"} 1", "label name \"1a\" needs quotes"},
      {"http.requests 1",
       "metric name \"http.requests\": letters, digits, _ and : only, or {\"http.requests\"} with "
       "quotes"},
      {"1up 1", "metric name \"1up\": letters, digits, _ and : only, or {\"1up\"} with quotes"},
      {"up{a=\"\xff\"} 1", "label \"a\" is not UTF-8"},
      {"{\"\xff\"} 1", "the metric name is not UTF-8"},
      {"# TYPE up nonsense", "unknown type \"nonsense\""},
      {"# TYPE up delta", "unknown type \"delta\""},
      {"# TYPE up", "unknown type \"\""},
      {"# TYPE", "# TYPE without a name"},
      {"# HELP up \xff", "# HELP is not UTF-8"},
  };
  for (const Bad& bad : cases) expect_rejected("prometheus", bad);
}

TEST(OpenMetrics, BadLinesAreNamedAndTheRestGoesOn) {
  const Bad cases[] = {
      {"up 1 1767225600000", "time 1767225600000 looks like ms, seconds expected"},
      {"up 1 1767225600000000000", "time 1767225600000000000 looks like ns, seconds expected"},
      {"up 1 1e-400", "time 1e-400 is outside 1990–2100 (seconds expected; --any-time takes it)"},
      {"up 1 2026-01-01", "time \"2026-01-01\" is not a number of seconds"},
      {"up 1 1e+-5", "time \"1e+-5\" is not a number of seconds"},
      {"up 1 NaN", "time \"NaN\" is not a number of seconds"},
      {"up 1 1e300", "time 1e300 is outside 1990–2100 (seconds expected; --any-time takes it)"},
      {"up 1 1767225600 # 5", "an exemplar without labels"},
      {"up 1 1767225600 # {a=\"b\"}", "an exemplar without a value"},
      {"up 1 1767225600 # {a=b} 1", "exemplar: label value must be quoted"},
      {"up 1 1767225600 # {a=\"\xff\"} 1", "exemplar: label \"a\" is not UTF-8"},
      {"up 1 1767225600 # {a=\"b\"} 1 x", "an exemplar with a bad time"},
      {"up 1 1767225600 # {a=\"b\"} 1 1767225600 x", "an exemplar with a bad time"},
      {"# UNIT", "# UNIT without a name"},
  };
  for (const Bad& bad : cases) expect_rejected("openmetrics", bad);
}

TEST(Exposition, ABadLineMakesNoSeries) {
  for (const char* format : {"prometheus", "openmetrics", "csv"}) {
    const std::string text =
        std::string_view(format) == "csv"
            ? "metric,timestamp_ms,value\na,1767225600000,1\nb,1767225600000,x\n"
              "c,1,1\n"
            : "a 1\nb x\nc 1 1\nd\n# EOF\n";
    const Imported in = import_text(format, text);
    EXPECT_EQ(in.got.names, Lines{"a"});
    EXPECT_EQ(in.report.series, 1U);
  }
}

TEST(Exposition, AnyTimeIsTakenIfWanted) {
  ImportOptions options;
  options.any_time = true;
  EXPECT_EQ(import_text("prometheus", "up 1 -5\n", options).got.samples, Lines{"up -5 1"});
  EXPECT_EQ(import_text("openmetrics", "up 1 -0.0015\n# EOF\n", options).got.samples,
            Lines{"up -2 1"});
  EXPECT_EQ(import_text("openmetrics", "up 1 1e-400\n# EOF\n", options).got.samples,
            Lines{"up 0 1"});
}

TEST(Exposition, MetadataAreMergedPerFamily) {
  const Imported in = import_text("openmetrics",
                                  "# HELP lat How \\\"long\\\"\\nit \\\\takes\n"
                                  "# TYPE lat_seconds histogram\n"
                                  "# UNIT lat_seconds seconds\n"
                                  "# HELP lat_seconds Latency.\n"
                                  "lat_seconds_bucket{le=\"+Inf\"} 1 1767225600\n"
                                  "lat_seconds_sum 1 1767225600\n"
                                  "lat_seconds_count 1 1767225600\n"
                                  "# EOF\n");
  const Metadata lat{MetricType::histogram, "seconds", "Latency."};
  EXPECT_EQ(in.got.families.at("lat_seconds"), lat);
  EXPECT_EQ(in.got.families.at("lat").help, "How \"long\"\nit \\takes");
  EXPECT_TRUE(in.report.warnings.empty());
}

// HELP comes first in what Go's client writes; its counters keep their suffix in # TYPE.
TEST(Prometheus, HelpBeforeTypeIsOneFamily) {
  const Imported in = import_text("prometheus",
                                  "# HELP req_total Requests \\\"served\\\".\n"
                                  "# TYPE req_total counter\n"
                                  "req_total 1\n");
  ASSERT_EQ(in.got.families.size(), 1U);
  EXPECT_EQ(in.got.families.at("req"),
            (Metadata{MetricType::counter, "", "Requests \\\"served\\\"."}));
}

TEST(Prometheus, GaugeAndCounterOfOneNameKeepTheirTypes) {
  const std::string gauge = "# TYPE alloc gauge\nalloc 1\n";
  const std::string counter = "# TYPE alloc_total counter\nalloc_total 2\n";
  for (const std::string& text : {gauge + counter, counter + gauge}) {
    SCOPED_TRACE(text);
    const Imported in = import_text("prometheus", text);
    EXPECT_EQ(in.got.families.at("alloc").type, MetricType::gauge);
    EXPECT_EQ(in.got.families.at("alloc_total").type, MetricType::counter);
  }
}

TEST(Exposition, FirstTypeStaysAndTheOthersAreCounted) {
  const Imported in = import_text("prometheus",
                                  "# TYPE a gauge\na 1\n# TYPE a counter\na 2\n# TYPE a gauge\n"
                                  "# TYPE a summary\n# HELP a x\n# HELP a y\n");
  EXPECT_EQ(in.got.families.at("a"), (Metadata{MetricType::gauge, "", "x"}));
  EXPECT_EQ(in.report.warnings,
            (std::map<std::string, std::uint64_t>{
                {"a # TYPE contradicts an earlier one, which stays", 2},
                {"a # HELP or # UNIT differs from an earlier one, which stays", 1}}));
  EXPECT_EQ(in.report.rejected, 0U);
}

TEST(OpenMetrics, WarnsOfSplitFamiliesAndTimesThatGoBack) {
  const Imported in = import_text("openmetrics",
                                  "# TYPE a counter\na_total 1 1767225600\n"
                                  "# TYPE b gauge\nb 1 1767225600\n"
                                  "# TYPE a counter\na_total 2 1767225599\n# EOF\n");
  EXPECT_EQ(in.got.samples.size(), 3U);
  EXPECT_EQ(in.report.warnings, (std::map<std::string, std::uint64_t>{
                                    {"a family comes in several pieces; all of it is stored", 1},
                                    {"times of a series go back; all of it is stored", 1}}));
}

TEST(OpenMetrics, EndsWithEof) {
  const std::string sample = "a 1 1767225600\n";
  EXPECT_TRUE(import_text("openmetrics", sample + "# EOF").report.warnings.empty());
  EXPECT_EQ(import_text("openmetrics", sample).report.warnings,
            (std::map<std::string, std::uint64_t>{
                {"no \"# EOF\" at the end: the file may be cut short", 1}}));
  const Imported after = import_text("openmetrics", sample + "# EOF\n\nb 2 1767225600\n# c\n");
  EXPECT_EQ(after.got.samples.size(), 1U);
  EXPECT_EQ(after.rejects(), (Lines{"f:4: text after \"# EOF\"", "f:5: text after \"# EOF\""}));
  ImportOptions strict;
  strict.strict = true;
  EXPECT_EQ(import_text("openmetrics", sample, strict).error.substr(0, 44),
            "f:1: no \"# EOF\": the file is cut short\nnothi");
  EXPECT_EQ(import_text("openmetrics", "", strict).error, "");
}

TEST(Prometheus, LastLineWithoutLineFeedIsTakenWithAWarning) {
  const Imported in = import_text("prometheus", "a 1\nb 2");
  EXPECT_EQ(in.got.samples.size(), 2U);
  EXPECT_EQ(in.report.warnings,
            (std::map<std::string, std::uint64_t>{
                {"the last line does not end in a line feed: the file may be cut short", 1}}));
}

TEST(Prometheus, SaysThatAFileIsOpenMetrics) {
  const Imported mixed = import_text("prometheus", "a 1\nb 2 1767225600.5\n# EOF\n");
  EXPECT_EQ(mixed.got.samples.size(), 1U);
  EXPECT_EQ(mixed.report.warnings,
            (std::map<std::string, std::uint64_t>{{"the file ends in \"# EOF\" and its times are "
                                                   "seconds: `hygge import openmetrics` reads it",
                                                   1}}));
  EXPECT_EQ(import_text("prometheus", "a 2 1767225600.5\nb 2 1767225600\n# EOF\n").error,
            "f is not prometheus: none of its 3 lines could be read (f:1: time \"1767225600.5\" "
            "looks like seconds with a fraction, ms expected)\n"
            "it looks like openmetrics: `hygge import openmetrics f`");
}

TEST(Exposition, BomAndComments) {
  const Imported in =
      import_text("prometheus", "\xef\xbb\xbf# a comment\n#\n\n  \n# UNIT a b c\r\na 1\r\n");
  EXPECT_EQ(in.got.samples, Lines{"a 1767000000000 1"});
  EXPECT_EQ(in.report.lines, 6U);
  EXPECT_EQ(in.report.rejected, 0U);
}

// The same series again is recognised by its text; a longer or shorter name is another one.
TEST(Exposition, SeriesAreToldApartByTheWholeText) {
  const Imported in = import_text("prometheus",
                                  "a 1\nab 2\na 3\nab 4\na{x=\"1\"} 5\na 6\na {x=\"1\"} 7\n"
                                  "a{x=\"1\"} 8\na\t9\n");
  EXPECT_EQ(in.got.samples, (Lines{"a 1767000000000 1", "ab 1767000000000 2", "a 1767000000000 3",
                                   "ab 1767000000000 4", "a{x=\"1\"} 1767000000000 5",
                                   "a 1767000000000 6", "a{x=\"1\"} 1767000000000 7",
                                   "a{x=\"1\"} 1767000000000 8", "a 1767000000000 9"}));
  EXPECT_EQ(in.report.series, 4U);  // `a {x="1"}` is a text of its own
}

TEST(Exposition, PrefixLabelsAndTypeAreAdded) {
  ImportOptions options;
  options.prefix = "p_";
  options.add_labels = {{"env", "test"}, {"job", "mine"}};
  options.type = MetricType::delta;
  const Imported in = import_text(
      "prometheus", "# TYPE b gauge\na{job=\"x\"} 1\n{\"b\"} 2\n# HELP c d\nc 1\n", options);
  EXPECT_EQ(in.got.samples, (Lines{"p_a{env=\"test\",job=\"mine\"} 1767000000000 1",
                                   "p_b{env=\"test\",job=\"mine\"} 1767000000000 2",
                                   "p_c{env=\"test\",job=\"mine\"} 1767000000000 1"}));
  EXPECT_EQ(in.got.families.at("p_a").type, MetricType::delta);
  EXPECT_EQ(in.got.families.at("p_b").type, MetricType::gauge);
  EXPECT_EQ(in.got.families.at("p_c"), (Metadata{MetricType::delta, "", "d"}));
  EXPECT_EQ(in.report.warnings.size(), 1U);
}

}  // namespace
}  // namespace hygge::formats::test
