// A sink that writes down what an importer says, one line per sample, for tests to compare.
#pragma once

#include <fmt/format.h>
#include <hygge/formats.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hygge::formats::test {

class Recorder : public Sink {
 public:
  Result<std::uint32_t> series(const Labels& labels) override {
    names.push_back(to_string(labels));
    labels_of.push_back(labels);
    return static_cast<std::uint32_t>(names.size() - 1);
  }
  Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) override {
    std::string line = names[series] + ' ' + std::to_string(t_ms) + ' ';
    if (is_stale(v)) {
      line += "stale";
    } else {
      append_number(line, v);
    }
    samples.push_back(std::move(line));
    values.push_back(v);
    return {};
  }
  Result<void> metadata(std::string_view family, const Metadata& told) override {
    families[std::string(family)] = told;
    return {};
  }

  std::vector<std::string> names;
  std::vector<Labels> labels_of;
  std::vector<std::string> samples;
  std::vector<double> values;
  std::map<std::string, Metadata> families;
};

constexpr TimeMs kNow = 1'767'000'000'000;

/// An import that is expected to end well.
struct Imported {
  ImportReport report;
  Recorder got;
  std::string error;

  [[nodiscard]] std::vector<std::string> rejects() const {
    std::vector<std::string> out;
    for (const Reject& reject : report.rejects) {
      out.push_back(fmt::format("{}:{}: {}", reject.file, reject.line, reject.reason));
    }
    return out;
  }
};

inline Imported import_text(std::string_view format, std::string text, ImportOptions options = {}) {
  Imported out;
  if (options.now_ms == 0) options.now_ms = kNow;
  Input input = Input::from_text(std::move(text), "f");
  auto report = import(format, input, options, out.got);
  if (report) {
    out.report = std::move(*report);
  } else {
    out.error = report.error().message;
    if (!report.error().detail.empty()) out.error += "\n" + report.error().detail;
  }
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace hygge::formats::test
