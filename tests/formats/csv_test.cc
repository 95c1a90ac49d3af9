// CSV in its long form: examples, RFC 4180, bad rows.
#include <gtest/gtest.h>

#include "tests/formats/recorder.h"

namespace hygge::formats::test {
namespace {

const std::string kHeader = "metric,labels,timestamp_ms,value\n";

TEST(Csv, LabelsAsPromqlWritesThem) {
  const Imported in = import_text("csv", kHeader +
                                             "req,\"{code=\"\"500\"\",az=\"\"a\"\"}\","
                                             "1767225600000,3\n"
                                             "temp,,1767225600000,21.5\n"
                                             "req,{code=500},1767225600000,3\n");
  EXPECT_EQ(in.got.samples,
            (Lines{"req{az=\"a\",code=\"500\"} 1767225600000 3", "temp 1767225600000 21.5"}));
  EXPECT_EQ(in.rejects(), Lines{"f:4: label value must be quoted"});
}

struct Row {
  const char* name;
  const char* row;
  const char* sample;
};

TEST(Csv, SpellingsOfARow) {
  const Row cases[] = {
      {"unquoted braces with one label", "a,{b=\"c\"},1767225600000,1",
       "a{b=\"c\"} 1767225600000 1"},
      {"everything quoted", "\"a\",\"\",\"1767225600000\",\"1\"", "a 1767225600000 1"},
      {"a comma in a name", "\"a,b\",,1767225600000,1", "{\"a,b\"} 1767225600000 1"},
      {"quotes in a name", "\"a\"\"b\"\"\",,1767225600000,1", "{\"a\\\"b\\\"\"} 1767225600000 1"},
      {"a line feed in a name", "\"a\n\nb\",,1767225600000,1", "{\"a\\n\\nb\"} 1767225600000 1"},
      {"CR LF in a name", "\"a\r\nb\",,1767225600000,1", "{\"a\\x0d\\nb\"} 1767225600000 1"},
      {"PromQL escapes", R"(a,{b="\t\x41\u00e9\\"},1767225600000,1)",
       "a{b=\"\\x09Aé\\\\\"} 1767225600000 1"},
      {"spaces between labels", "a,\" { b = \"\"c\"\" , } \",1767225600000,1",
       "a{b=\"c\"} 1767225600000 1"},
      {"quoted label name", "a,\"{\"\"b.c\"\"=\"\"d\"\"}\",1767225600000,1",
       "a{\"b.c\"=\"d\"} 1767225600000 1"},
      {"no name", ",\"{b=\"\"c\"\"}\",1767225600000,1", "{b=\"c\"} 1767225600000 1"},
      {"stale", "a,,1767225600000,stale", "a 1767225600000 stale"},
      {"NaN", "a,,1767225600000,NaN", "a 1767225600000 NaN"},
      {"+Inf", "a,,1767225600000,+Inf", "a 1767225600000 +Inf"},
      {"-Inf", "a,,1767225600000,-Inf", "a 1767225600000 -Inf"},
  };
  for (const Row& c : cases) {
    SCOPED_TRACE(c.name);
    const Imported in = import_text("csv", kHeader + c.row + "\nlast,,1767225600001,2\n");
    EXPECT_EQ(in.got.samples, (Lines{c.sample, "last 1767225600001 2"})) << in.error;
    EXPECT_EQ(in.rejects(), Lines{});
  }
}

TEST(Csv, BadRowsAreNamedAndTheRestGoesOn) {
  struct Case {
    const char* row;
    const char* reason;
  };
  const Case cases[] = {
      {"a,,1767225600000", "3 fields, 4 expected"},
      {"a,,1767225600000,1,", "5 fields, 4 expected"},
      {"a,{b=\"c\",d=\"e\"},1767225600000,1", "5 fields, 4 expected"},
      {"a,,,1", "time \"\" is not an integer (ms expected)"},
      {"a,,1767225600.5,1", "time \"1767225600.5\" is not an integer (ms expected)"},
      {"a,,1767225600,1", "time 1767225600 looks like seconds, ms expected"},
      {"a,,2026-01-01,1", "time \"2026-01-01\" is not an integer (ms expected)"},
      {"a,,1767225600000,", "value \"\" is not a number"},
      {"a,,1767225600000,\"1,5\"", "value \"1,5\" is not a number"},
      {"a,,1767225600000,1'000", "value \"1'000\" is not a number"},
      {"a,,1767225600000,Stale", "value \"Stale\" is not a number"},
      {",,1767225600000,1", "a series without a name and without labels"},
      {"a,b,1767225600000,1", "labels must stand in braces: {a=\"b\"}"},
      {"a,{,1767225600000,1", "labels must stand in braces: {a=\"b\"}"},
      {"a,{b},1767225600000,1", "label \"b\" without a value"},
      {"a,\"{b=\"\"\\q\"\"}\",1767225600000,1",
       "the value of label \"b\" does not end, or has a bad escape"},
      {"a,\"{b=\"\"\\xff\"\"}\",1767225600000,1", "label \"b\" is not UTF-8"},
      {"a,{__name__=\"b\"},1767225600000,1",
       "a label named __name__: write the metric's name in front"},
      {"\xff,,1767225600000,1", "the metric name is not UTF-8"},
      {"\"a\"b,,1767225600000,1", "text behind a closing quote"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.row);
    const Imported in =
        import_text("csv", kHeader + "a,,1767225600000,1\n" + c.row + "\nb,,1767225600000,2\n");
    EXPECT_EQ(in.got.samples, (Lines{"a 1767225600000 1", "b 1767225600000 2"}));
    EXPECT_EQ(in.rejects(), Lines{std::string("f:3: ") + c.reason});
  }
}

// What it swallowed is read again, line by line.
TEST(Csv, AQuoteThatNeverEndsCostsItsLineOnly) {
  const Imported in = import_text("csv", kHeader +
                                             "a,,1767225600000,1\n"
                                             "b,\"{,1767225600000,1\n"
                                             "c,,1767225600000,1\n"
                                             "\n"
                                             "\"d\n"
                                             "e,,1767225600000,1\n");
  EXPECT_EQ(in.got.samples, (Lines{"a 1767225600000 1", "c 1767225600000 1", "e 1767225600000 1"}));
  EXPECT_EQ(in.rejects(),
            (Lines{"f:3: text behind a closing quote", "f:6: a quoted field does not end"}));
  EXPECT_EQ(in.report.lines, 7U);
  // One that ends in the wrong place costs no more.
  const Imported ends = import_text("csv", kHeader +
                                               "b,\"{,1767225600000,1\n"
                                               "c,,1767225600000,1\n"
                                               "d,\"\",1767225600000,1\n");
  EXPECT_EQ(ends.got.samples, (Lines{"c 1767225600000 1", "d 1767225600000 1"}));
  EXPECT_EQ(ends.rejects(), Lines{"f:2: a quoted field does not end"});
  const Imported fits = import_text("csv", kHeader +
                                               "b,\",1767225600000,1\n"
                                               "c,,1767225600000,1\n"
                                               "\",1767225600000,1\n"
                                               "d,,1767225600000,1\n");
  EXPECT_EQ(fits.got.samples, (Lines{"c 1767225600000 1", "d 1767225600000 1"}));
  EXPECT_EQ(fits.report.rejected, 2U);
}

TEST(Csv, AQuoteThatNeverEndsIsNotQuadratic) {
  std::string text = kHeader + "a,\"{,1767225600000,1\n";
  for (int i = 0; i < 300'000; ++i) text += "b,,1767225600000,1\n";
  const Imported in = import_text("csv", text);
  EXPECT_EQ(in.report.samples, 300'000U);
  EXPECT_EQ(in.rejects(), Lines{"f:2: a quoted field does not end"});
}

TEST(Csv, ColumnsInAnyOrderAndAnyDelimiter) {
  ImportOptions options;
  options.delimiter = ';';
  const Imported in = import_text("csv",
                                  "value;type;timestamp_ms;metric\n"
                                  "3;counter;1767225600000;req_total\n",
                                  options);
  EXPECT_EQ(in.got.samples, Lines{"req_total 1767225600000 3"});
  EXPECT_EQ(in.got.families.at("req").type, MetricType::counter);
}

TEST(Csv, TypesAreKeptPerFamily) {
  const Imported in = import_text("csv",
                                  "metric,labels,timestamp_ms,value,type\n"
                                  "a,,1767225600000,1,delta\n"
                                  "a,,1767225600001,1,gauge\n"
                                  "lat_bucket,,1767225600000,1,histogram\n"
                                  "lat_sum,,1767225600000,1,histogram\n"
                                  "n,,1767225600000,1,counter\n"
                                  "u,,1767225600000,1,\n"
                                  "x,,1767225600000,1,nonsense\n"
                                  "y,,1767225600000,1,gauge\n"
                                  "y_total,,1767225600000,1,counter\n");
  std::map<std::string, MetricType> types;
  for (const auto& [family, metadata] : in.got.families) types[family] = metadata.type;
  EXPECT_EQ(types, (std::map<std::string, MetricType>{{"a", MetricType::delta},
                                                      {"lat", MetricType::histogram},
                                                      {"n", MetricType::counter},
                                                      {"y", MetricType::gauge},
                                                      {"y_total", MetricType::counter}}));
  EXPECT_EQ(in.rejects(), Lines{"f:8: unknown type \"nonsense\""});
  EXPECT_EQ(in.report.warnings, (std::map<std::string, std::uint64_t>{
                                    {"a # TYPE contradicts an earlier one, which stays", 1}}));
}

TEST(Csv, HeadersThatAreNotTheLongFormAreRefused) {
  struct Case {
    const char* header;
    const char* reason;
  };
  const Case cases[] = {
      {"t,host,cpu,mem", "f:1: the header is not that of the long form"},
      {"metric,labels,timestamp_ms,valeu", "f:1: unknown column \"valeu\" (did you mean value?)"},
      {"metric,labels,timestamp_ms,value,extra", "f:1: unknown column \"extra\""},
      {"metric,labels,timestamp_ms", "f:1: no column value"},
      {"metric,metric,timestamp_ms,value", "f:1: column metric twice"},
      {"\"metric\"x,labels", "f:1: text behind a closing quote"},
      {"metric,\"labels", "f:1: a quoted field does not end"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.header);
    const Imported in = import_text("csv", std::string(c.header) + "\n");
    EXPECT_EQ(in.error, std::string(c.reason) +
                            "\nthe long form is read: metric,labels,timestamp_ms,value and perhaps "
                            "type; the wide form is not supported yet");
  }
}

TEST(Csv, StartTimesAreSaidNotToBeStored) {
  const Imported in = import_text("csv",
                                  "metric,labels,timestamp_ms,value,start_ms\n"
                                  "a,,1767225600000,1,1767225000000\n");
  EXPECT_EQ(in.got.samples.size(), 1U);
  EXPECT_EQ(in.report.warnings,
            (std::map<std::string, std::uint64_t>{{"the column start_ms is not stored", 1}}));
}

TEST(Csv, EmptyFilesAndBlankLinesAreFine) {
  EXPECT_EQ(import_text("csv", "").error, "");
  EXPECT_EQ(import_text("csv", kHeader).error, "");
  const Imported in = import_text("csv", "\xef\xbb\xbf\n" + kHeader + "\r\n\na,,1767225600000,1");
  EXPECT_EQ(in.got.samples, Lines{"a 1767225600000 1"});
}

}  // namespace
}  // namespace hygge::formats::test
