// Any bytes through an importer; what it takes is exported, and must come back the same.
#pragma once

#include <hygge/formats.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hygge::formats::test {

/// Keeps the last value of each time of each series, as a database does.
class Collector : public Sink {
 public:
  Result<std::uint32_t> series(const Labels& labels) override {
    series_.push_back(&samples[labels]);
    return static_cast<std::uint32_t>(series_.size() - 1);
  }
  Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) override {
    (*series_[series])[t_ms] = std::bit_cast<std::uint64_t>(v);
    return {};
  }
  Result<void> metadata(std::string_view family, const Metadata& told) override {
    families[std::string(family)] = told;
    return {};
  }

  std::map<Labels, std::map<TimeMs, std::uint64_t>> samples;
  std::map<std::string, Metadata, std::less<>> families;

 private:
  std::vector<std::map<TimeMs, std::uint64_t>*> series_;
};

inline std::string write_as(std::string_view format, const Collector& from) {
  std::string text;
  auto exporter = *make_exporter(format, [&](std::string_view piece) -> Result<void> {
    text += piece;
    return {};
  });
  std::vector<const Labels*> labels;
  for (const auto& [set, samples] : from.samples) labels.push_back(&set);
  const auto find = [&](std::string_view metric) -> std::optional<Metadata> {
    const auto at = from.families.find(metric);
    if (at == from.families.end()) return std::nullopt;
    return at->second;
  };
  static_cast<void>(exporter->begin());
  for (const ExportFamily& family : group_families(
           labels.size(), [&](std::size_t i) -> const Labels& { return *labels[i]; }, find)) {
    static_cast<void>(exporter->family(family));
    for (const std::size_t index : family.series) {
      static_cast<void>(exporter->series(*labels[index]));
      for (const auto& [t_ms, bits] : from.samples.at(*labels[index])) {
        const double v = std::bit_cast<double>(bits);
        static_cast<void>(exporter->samples({&t_ms, 1}, {&v, 1}));
      }
    }
  }
  static_cast<void>(exporter->end());
  return text;
}

inline void import_and_write_back(std::string_view format, const std::uint8_t* data,
                                  std::size_t size) {
  const std::string text(data, data + size);
  ImportOptions options;
  options.any_time = true;
  static_cast<void>(detect(text));
  Collector first;
  Input input = Input::from_text(text, "fuzz");
  if (!import(format, input, options, first)) return;
  const std::string_view back_format = format == "csv" ? "csv" : "openmetrics";
  const std::string written = write_as(back_format, first);
  options.strict = true;
  Collector second;
  Input back = Input::from_text(written, "back");
  const auto report = import(back_format, back, options, second);
  if (!report || second.samples != first.samples) std::abort();
}

}  // namespace hygge::formats::test
