// Half of the comparison with promtool (the script openmetrics_peer is the other).
//
//   openmetrics_peer                     prints how many texts there are
//   openmetrics_peer N TEXT OURS         writes text N, and what our importer reads in it
//   openmetrics_peer compare OURS DUMP   compares lines `{labels} time value`; values as numbers
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "formats/numbers.h"
#include "tests/formats/recorder.h"

namespace {

using namespace hygge;
using namespace hygge::formats;

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr int kRandomTexts = 8;

// What a hand may write: escapes, exemplars, exponents, start times, info, units, no labels.
constexpr const char* kByHand[] = {
    R"(# HELP req Requests "all" of \\them\nhere.
# TYPE req counter
req_total{code="200",path="/a\"b\\c\nd"} 17.0 1767225600.25 # {trace_id="ab"} 0.2 1767225600
req_total{code="500",path=""} 1e3 1.7672256e9
req_created{code="200"} 1767220000 1767225600
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{le="0.1"} 1 1767225600 # {} 0.05
wait_seconds_bucket{le="+Inf"} 2 1767225600
wait_seconds_count 2 1767225600
wait_seconds_sum 0.30000000000000004 1767225600
# TYPE build info
build_info{version="1→2"} 1 1767225600
# TYPE t gauge
t NaN 1767225600
t +Inf 1767225601
t -Inf 1767225602
t -0.0 1767225603
t 1.7976931348623157e308 1767225604
t 5e-324 1767225605.5
t .5 1767225606
t 123456789012345678901234567890 1767225607
# TYPE nothing gauge
# EOF
)",
    "# EOF\n",
};

std::string any_value(std::mt19937_64& random) {
  static const char* const kPieces[] = {"a", "Z", "9", " ", "\"", "\\", "\n",
                                        "{", "}", "#", ",", "é",  "→"};
  std::string out;
  for (std::size_t i = 1 + random() % 5; i > 0; --i) out += kPieces[random() % std::size(kPieces)];
  return out;
}

std::string exported(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text;
  auto exporter = *make_exporter("openmetrics", [&](std::string_view piece) -> Result<void> {
    text += piece;
    return {};
  });
  const std::map<std::string, Metadata, std::less<>> known{
      {"a_total", {MetricType::counter, "", "Help\n\"me\"."}},
      {"b_seconds_bucket", {MetricType::histogram, "seconds", ""}},
      {"b_seconds_sum", {MetricType::histogram, "seconds", ""}},
      {"c", {MetricType::gauge, "", ""}},
      {"c_total", {MetricType::counter, "", ""}},
      {"d", {MetricType::delta, "", ""}},
      {"e", {MetricType::counter, "bytes", ""}}};
  std::vector<Labels> series;
  for (const auto& [metric, metadata] : known) {
    for (int i = 0; i < 3; ++i) {
      std::vector<Label> labels{{std::string(kNameLabel), metric}, {"i", std::to_string(i)}};
      if (i > 0) labels.push_back({"x", any_value(random)});
      if (metric == "b_seconds_bucket") labels.push_back({"le", i == 0 ? "+Inf" : "0.5"});
      series.push_back(*Labels::from(std::move(labels)));
    }
  }
  const auto find = [&](std::string_view metric) -> std::optional<Metadata> {
    return known.find(metric)->second;
  };
  static_cast<void>(exporter->begin());
  for (const ExportFamily& family : group_families(
           series.size(), [&](std::size_t i) -> const Labels& { return series[i]; }, find)) {
    static_cast<void>(exporter->family(family));
    for (const std::size_t index : family.series) {
      static_cast<void>(exporter->series(series[index]));
      for (int i = 0; i < 40; ++i) {
        // Promtool reads times as doubles: eighths of a second are the same in both.
        const TimeMs t = kStart + i * 15'000 + 125 * static_cast<TimeMs>(random() % 8);
        double v = std::bit_cast<double>(random());
        if (i % 3 != 0 || is_stale(v)) v = static_cast<double>(random() % 100'000) / 100;
        static_cast<void>(exporter->samples({&t, 1}, {&v, 1}));
      }
    }
  }
  static_cast<void>(exporter->end());
  return text;
}

// As promtool dumps them.
std::string dumped(const Labels& labels) {
  std::string out;
  for (const Label& label : labels) {
    std::string value;
    for (const char c : label.value) {
      if (c == '"' || c == '\\') value += '\\';
      if (c == '\n') {
        value += "\\n";
      } else {
        value += c;
      }
    }
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ", ", label.name, value);
  }
  return "{" + out + "}";
}

class Dump : public Sink {
 public:
  explicit Dump(const char* path) : out_(path) {}
  Result<std::uint32_t> series(const Labels& labels) override {
    names_.push_back(dumped(labels));
    return static_cast<std::uint32_t>(names_.size() - 1);
  }
  Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) override {
    std::string line = fmt::format("{} {} ", names_[series], t_ms);
    append_number(line, v);
    out_ << line << '\n';
    return {};
  }
  Result<void> metadata(std::string_view, const Metadata&) override { return {}; }

 private:
  std::ofstream out_;
  std::vector<std::string> names_;
};

int write(int number, const char* text_path, const char* ours_path) {
  const std::string text = number < kRandomTexts ? exported(static_cast<std::uint64_t>(number))
                                                 : kByHand[number - kRandomTexts];
  std::ofstream(text_path) << text;
  Input input = Input::from_text(text, "text");
  Dump dump(ours_path);
  ImportOptions options;
  options.strict = true;
  options.keep_created = true;  // as promtool does
  const auto report = import("openmetrics", input, options, dump);
  if (!report) std::printf("%s\n", report.error().message.c_str());
  return report ? 0 : 1;
}

int compare(const char* ours_path, const char* dump_path) {
  std::ifstream ours(ours_path);
  std::ifstream dump(dump_path);
  std::string a;
  std::string b;
  while (true) {
    const bool more_a = !std::getline(ours, a).fail();
    const bool more_b = !std::getline(dump, b).fail();
    if (!more_a && !more_b) return 0;
    const std::size_t value_a = a.rfind(' ') + 1;
    const std::size_t value_b = b.rfind(' ') + 1;
    const bool same_place = more_a && more_b && a.substr(0, value_a) == b.substr(0, value_b);
    // strtod, not our own reader.
    if (same_place && same_bits(std::strtod(a.c_str() + value_a, nullptr),
                                std::strtod(b.c_str() + value_b, nullptr))) {
      continue;
    }
    std::printf("ours     %s\npromtool %s\n", a.c_str(), b.c_str());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    std::printf("%d\n", kRandomTexts + static_cast<int>(std::size(kByHand)));
    return 0;
  }
  if (argc != 4) return 2;
  if (std::string_view(argv[1]) == "compare") return compare(argv[2], argv[3]);
  return write(std::atoi(argv[1]), argv[2], argv[3]);
}
