// Exporters: golden texts, how families are grouped, and that what is written reads back.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/formats/recorder.h"

namespace hygge::formats::test {
namespace {

/// A small database: what an export is made of.
struct Stored {
  struct Series {
    Labels labels;
    std::vector<TimeMs> t;
    std::vector<double> v;
  };
  std::vector<Series> series;
  std::map<std::string, Metadata, std::less<>> metadata;  ///< by family

  void add(std::vector<Label> labels, std::vector<TimeMs> t, std::vector<double> v) {
    series.push_back({*Labels::from(std::move(labels)), std::move(t), std::move(v)});
  }
  // As a view looks it up.
  [[nodiscard]] std::optional<Metadata> find(std::string_view metric) const {
    if (const auto at = metadata.find(metric); at != metadata.end()) return at->second;
    for (const std::string_view suffix : {"_total", "_bucket", "_sum", "_count"}) {
      if (!metric.ends_with(suffix)) continue;
      const auto at = metadata.find(metric.substr(0, metric.size() - suffix.size()));
      if (at != metadata.end()) return at->second;
    }
    return std::nullopt;
  }
};

struct Exported {
  std::string text;
  std::unique_ptr<Exporter> exporter;
};

Exported export_as(std::string_view format, const Stored& stored) {
  Exported out;
  out.exporter = *make_exporter(format, [&](std::string_view piece) -> Result<void> {
    out.text += piece;
    return {};
  });
  Exporter& exporter = *out.exporter;
  EXPECT_TRUE(exporter.begin());
  const auto families = group_families(
      stored.series.size(), [&](std::size_t i) -> const Labels& { return stored.series[i].labels; },
      [&](std::string_view metric) { return stored.find(metric); });
  for (const ExportFamily& family : families) {
    EXPECT_TRUE(exporter.family(family));
    for (const std::size_t index : family.series) {
      const Stored::Series& series = stored.series[index];
      EXPECT_TRUE(exporter.series(series.labels));
      EXPECT_TRUE(exporter.samples(series.t, series.v));
    }
  }
  EXPECT_TRUE(exporter.end());
  return out;
}

constexpr TimeMs kT = 1'767'225'600'000;

Stored example() {
  Stored out;
  out.metadata["http_requests"] = {MetricType::counter, "", "Requests\n\"all\" of \\them."};
  out.metadata["wait_seconds"] = {MetricType::histogram, "seconds", ""};
  out.metadata["jobs"] = {MetricType::delta, "", ""};
  out.metadata["bare"] = {MetricType::counter, "", ""};
  out.metadata["temp"] = {MetricType::gauge, "celsius", ""};
  out.metadata["alloc"] = {MetricType::gauge, "", ""};
  out.metadata["alloc_total"] = {MetricType::counter, "", ""};
  out.add({{"__name__", "wait_seconds_sum"}}, {kT}, {0.1 + 0.2});
  out.add({{"__name__", "temp"}}, {kT, kT + 1, kT + 250, kT + 1000},
          {-0.0, stale_marker(), std::nan(""), -INFINITY});
  out.add({{"__name__", "http_requests_total"}, {"path", "/a\"\\\n"}}, {kT + 10}, {3});
  out.add({{"__name__", "http_requests_total"}, {"code", "500"}}, {kT}, {1e21});
  out.add({{"__name__", "wait_seconds_bucket"}, {"le", "+Inf"}}, {kT}, {2});
  out.add({{"__name__", "wait_seconds_count"}}, {kT}, {2});
  out.add({{"__name__", "jobs"}}, {kT}, {5});
  out.add({{"__name__", "bare"}}, {kT}, {5});
  out.add({{"__name__", "alloc"}}, {kT}, {1});
  out.add({{"__name__", "alloc_total"}}, {kT}, {2});
  out.add({{"__name__", "queue.depth"}, {"a b", "é"}}, {kT}, {7});
  out.add({{"no", "name"}}, {kT}, {7});
  return out;
}

TEST(Export, OpenMetricsIsWrittenLikeThis) {
  const Exported out = export_as("openmetrics", example());
  EXPECT_EQ(out.text, R"(# TYPE alloc gauge
alloc 1 1767225600
# TYPE alloc_total unknown
alloc_total 2 1767225600
# TYPE bare unknown
bare 5 1767225600
# TYPE http_requests counter
# HELP http_requests Requests\n\"all\" of \\them.
http_requests_total{code="500"} 1e+21 1767225600
http_requests_total{path="/a\"\\\n"} 3 1767225600.01
# TYPE jobs unknown
jobs 5 1767225600
# TYPE "queue.depth" unknown
{"queue.depth","a b"="é"} 7 1767225600
# TYPE temp gauge
temp -0 1767225600
temp NaN 1767225600.25
temp -Inf 1767225601
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{le="+Inf"} 2 1767225600
wait_seconds_count 2 1767225600
wait_seconds_sum 0.30000000000000004 1767225600
# EOF
)");
  EXPECT_EQ(out.exporter->written, 13U);
  EXPECT_EQ(out.exporter->stale_left_out, 1U);
  EXPECT_EQ(out.exporter->types_unknown, 3U);
  EXPECT_EQ(out.exporter->units_left_out, 1U);
  EXPECT_EQ(out.exporter->nameless_left_out, 1U);
}

TEST(Export, CsvIsWrittenLikeThis) {
  const Exported out = export_as("csv", example());
  EXPECT_EQ(out.text, R"(metric,labels,timestamp_ms,value,type
,"{no=""name""}",1767225600000,7,
alloc,,1767225600000,1,gauge
alloc_total,,1767225600000,2,counter
bare,,1767225600000,5,counter
http_requests_total,"{code=""500""}",1767225600000,1e+21,counter
http_requests_total,"{path=""/a\""\\\n""}",1767225600010,3,counter
jobs,,1767225600000,5,delta
queue.depth,"{""a b""=""é""}",1767225600000,7,
temp,,1767225600000,-0,gauge
temp,,1767225600001,stale,gauge
temp,,1767225600250,NaN,gauge
temp,,1767225601000,-Inf,gauge
wait_seconds_bucket,"{le=""+Inf""}",1767225600000,2,histogram
wait_seconds_count,,1767225600000,2,histogram
wait_seconds_sum,,1767225600000,0.30000000000000004,histogram
)");
  EXPECT_EQ(out.exporter->written, 15U);
}

TEST(Export, AnEmptyDatabaseIsStillAFile) {
  EXPECT_EQ(export_as("openmetrics", {}).text, "# EOF\n");
  EXPECT_EQ(export_as("csv", {}).text, "metric,labels,timestamp_ms,value,type\n");
}

TEST(Export, ErrorsOfTheOutputEndIt) {
  for (const Format& format : export_formats()) {
    auto exporter = *make_exporter(format.name, [](std::string_view) -> Result<void> {
      return fail(ErrorCode::no_space, "full");
    });
    const std::vector<TimeMs> t(100'000, kT);
    const std::vector<double> v(t.size(), 1);
    static_cast<void>(exporter->begin());
    EXPECT_TRUE(exporter->family({"a", {}, {}, true}));
    EXPECT_TRUE(exporter->series(*Labels::from({{"__name__", "a"}})));
    EXPECT_FALSE(exporter->samples(t, v));
    EXPECT_LT(exporter->written, t.size());
  }
  EXPECT_EQ(make_exporter("cvs", {}).error().message,
            "unknown export format \"cvs\" (did you mean csv?)");
}

TEST(FamilyOf, CutsWhatTheTypeAllows) {
  struct Case {
    const char* metric;
    MetricType type;
    const char* family;
  };
  const Case cases[] = {
      {"a_total", MetricType::counter, "a"},
      {"a", MetricType::counter, "a"},
      {"a_total", MetricType::gauge, "a_total"},
      {"a_total", MetricType::delta, "a_total"},
      {"_total", MetricType::counter, "_total"},
      {"a_created", MetricType::counter, "a_created"},
      {"a_bucket", MetricType::histogram, "a"},
      {"a_sum", MetricType::histogram, "a"},
      {"a_count", MetricType::histogram, "a"},
      {"a_gcount", MetricType::histogram, "a_gcount"},
      {"a_gcount", MetricType::gauge_histogram, "a"},
      {"a_gsum", MetricType::gauge_histogram, "a"},
      {"a_bucket", MetricType::gauge_histogram, "a"},
      {"a_sum", MetricType::summary, "a"},
      {"a_bucket", MetricType::summary, "a_bucket"},
      {"a_info", MetricType::info, "a"},
      {"a", MetricType::stateset, "a"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(family_of(c.metric, Metadata{c.type, "", ""}), c.family) << c.metric;
  }
  EXPECT_EQ(family_of("a_total", std::nullopt), "a_total");
}

TEST(SeriesType, PartsThatOnlyGrowAreCounters) {
  EXPECT_EQ(series_type("a_bucket", MetricType::histogram), MetricType::counter);
  EXPECT_EQ(series_type("a_sum", MetricType::histogram), MetricType::counter);
  EXPECT_EQ(series_type("a_count", MetricType::summary), MetricType::counter);
  EXPECT_EQ(series_type("a", MetricType::summary), MetricType::gauge);
  EXPECT_EQ(series_type("a_bucket", MetricType::gauge_histogram), MetricType::gauge);
  EXPECT_EQ(series_type("a_info", MetricType::info), MetricType::gauge);
  EXPECT_EQ(series_type("a", MetricType::stateset), MetricType::gauge);
  EXPECT_EQ(series_type("a", MetricType::counter), MetricType::counter);
  EXPECT_EQ(series_type("a", MetricType::delta), MetricType::delta);
}

TEST(GroupFamilies, OneTypePerFamilyAndEverySeriesOnce) {
  Stored stored = example();
  // A counter whose base name is another metric's, in two spellings.
  stored.metadata["x"] = {MetricType::counter, "", ""};
  stored.add({{"__name__", "x"}}, {kT}, {1});
  stored.add({{"__name__", "x_total"}}, {kT}, {1});
  const auto families = group_families(
      stored.series.size(), [&](std::size_t i) -> const Labels& { return stored.series[i].labels; },
      [&](std::string_view metric) { return stored.find(metric); });
  std::vector<std::size_t> seen;
  std::string before;
  for (const ExportFamily& family : families) {
    EXPECT_LE(before, family.name);
    before = family.name;
    for (const std::size_t index : family.series) {
      seen.push_back(index);
      EXPECT_EQ(stored.find(stored.series[index].labels.metric()), family.metadata);
    }
    EXPECT_EQ(family.type_fits, family.name != "alloc_total" && family.name != "bare" &&
                                    family.name != "jobs" && family.name != "x" &&
                                    family.name != "x_total")
        << family.name;
  }
  std::sort(seen.begin(), seen.end());
  ASSERT_EQ(seen.size(), stored.series.size());
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i);
}

// Text with everything that has to be escaped.
std::string any_text(std::mt19937_64& random, bool may_be_empty) {
  static const char* const kPieces[] = {
      "a", "B", "_", "9", ":", ".",  " ",  "\"", "\\", "\n",   ",",    "{",    "}",      "=",
      "#", "'", "é", "→", "😀", "\t", "\r", ";",  "`",  "\x01", "\x7f", "+Inf", "_total", "le"};
  std::string out;
  const std::size_t count = random() % 6 + (may_be_empty ? 0 : 1);
  for (std::size_t i = 0; i < count; ++i) out += kPieces[random() % std::size(kPieces)];
  return out;
}

Stored any_database(std::mt19937_64& random, bool nameless, bool stale) {
  Stored out;
  std::vector<std::string> names;
  for (int i = 0; i < 4; ++i) names.push_back(any_text(random, false));
  names.insert(names.end(), {"c_total", "c", "h_bucket", "h_count", "g"});
  std::map<Labels, bool> taken;
  const std::size_t count = 1 + random() % 8;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<Label> labels{{std::string(kNameLabel), names[random() % names.size()]}};
    if (nameless && random() % 8 == 0) labels.clear();
    for (std::size_t k = random() % 3; k > 0; --k) {
      std::string name = any_text(random, false);
      if (name != kNameLabel) labels.push_back({std::move(name), any_text(random, false)});
    }
    const auto set = Labels::from(labels);
    if (!set || set->empty() || !taken.emplace(*set, true).second) continue;
    Stored::Series series{*set, {}, {}};
    TimeMs t = static_cast<TimeMs>(random() % 4'000'000'000'000) - 1'000'000'000'000;
    for (std::size_t n = 1 + random() % 5; n > 0; --n) {
      double v = std::bit_cast<double>(random());
      if (random() % 3 == 0) v = static_cast<double>(random() % 1000) / 8;
      if (std::isnan(v)) v = std::bit_cast<double>(std::uint64_t{0x7ff8000000000001});
      if (stale && random() % 8 == 0) v = stale_marker();
      series.t.push_back(t);
      series.v.push_back(v);
      t += 1 + static_cast<TimeMs>(random() % 100'000);
    }
    out.series.push_back(std::move(series));
  }
  const MetricType types[] = {MetricType::counter, MetricType::gauge, MetricType::delta,
                              MetricType::unknown, MetricType::histogram};
  for (const char* family : {"c", "c_total", "h", "g"}) {
    if (random() % 2 == 0) out.metadata[family] = {types[random() % std::size(types)], "", ""};
  }
  return out;
}

// What was stored, in the form in which Recorder writes down what is read.
std::vector<std::pair<std::string, std::uint64_t>> contents(const Stored& stored) {
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (const Stored::Series& series : stored.series) {
    for (std::size_t i = 0; i < series.t.size(); ++i) {
      out.emplace_back(fmt::format("{} {}", to_string(series.labels), series.t[i]),
                       std::bit_cast<std::uint64_t>(series.v[i]));
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::pair<std::string, std::uint64_t>> contents(const Imported& in) {
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (std::size_t i = 0; i < in.got.samples.size(); ++i) {
    const std::string& sample = in.got.samples[i];
    out.emplace_back(sample.substr(0, sample.rfind(' ')),
                     std::bit_cast<std::uint64_t>(in.got.values[i]));
  }
  std::sort(out.begin(), out.end());
  return out;
}

ImportOptions exact() {
  ImportOptions options;
  options.any_time = true;
  options.strict = true;
  return options;
}

TEST(RoundTrip, CsvKeepsEverything) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Stored stored = any_database(random, true, true);
    const Exported out = export_as("csv", stored);
    const Imported in = import_text("csv", out.text, exact());
    ASSERT_EQ(in.error, "") << out.text;
    ASSERT_EQ(contents(in), contents(stored)) << out.text;
    // Types, looked up as a view does.
    Stored back;
    back.metadata.insert(in.got.families.begin(), in.got.families.end());
    for (const Stored::Series& series : stored.series) {
      const auto metadata = stored.find(series.labels.metric());
      if (!metadata || series.labels.metric().empty()) continue;
      const auto read = back.find(series.labels.metric());
      ASSERT_TRUE(read) << out.text;
      ASSERT_EQ(read->type, metadata->type) << series.labels.metric() << "\n" << out.text;
    }
  }
}

TEST(RoundTrip, OpenMetricsKeepsWhatItCanSay) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Stored stored = any_database(random, false, false);
    const Exported out = export_as("openmetrics", stored);
    const Imported in = import_text("openmetrics", out.text, exact());
    ASSERT_EQ(in.error, "") << out.text;
    ASSERT_EQ(contents(in), contents(stored)) << out.text;
    ASSERT_TRUE(in.report.warnings.empty()) << in.report.warnings.begin()->first << out.text;
    // And once more: the same text.
    Stored again;
    for (std::size_t i = 0; i < in.got.samples.size(); ++i) {
      const std::string& sample = in.got.samples[i];
      const std::size_t t_at = sample.rfind(' ', sample.rfind(' ') - 1);
      const std::string name = sample.substr(0, t_at);
      const auto at = std::find(in.got.names.begin(), in.got.names.end(), name);
      const Labels& labels = in.got.labels_of[static_cast<std::size_t>(at - in.got.names.begin())];
      if (again.series.empty() || again.series.back().labels != labels) {
        again.series.push_back({labels, {}, {}});
      }
      again.series.back().t.push_back(std::stoll(sample.substr(t_at + 1)));
      again.series.back().v.push_back(in.got.values[i]);
    }
    again.metadata.insert(in.got.families.begin(), in.got.families.end());
    ASSERT_EQ(export_as("openmetrics", again).text, out.text);
  }
}

TEST(RoundTrip, HelpAndUnitToo) {
  const Stored stored = example();
  const Imported in = import_text("openmetrics", export_as("openmetrics", stored).text, exact());
  EXPECT_EQ(in.got.families.at("http_requests"), stored.metadata.at("http_requests"));
  EXPECT_EQ(in.got.families.at("wait_seconds"), stored.metadata.at("wait_seconds"));
}

}  // namespace
}  // namespace hygge::formats::test
