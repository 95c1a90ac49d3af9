#include "formats/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "base/near.h"
#include "base/utf8.h"
#include "formats/csv_record.h"
#include "formats/numbers.h"
#include "formats/scanner.h"
#include "formats/text_hash.h"

namespace hygge::formats {

namespace {

enum Column : std::size_t { kMetric, kLabels, kTime, kValue, kType, kStart, kColumns };
constexpr std::array<std::string_view, kColumns> kNames{"metric", "labels", "timestamp_ms",
                                                        "value",  "type",   "start_ms"};
constexpr std::size_t kNone = ~std::size_t{0};

struct Known {
  std::string key;
  std::uint32_t series = 0;
  Known* next = nullptr;  ///< what followed it last time
};

class Reader {
 public:
  Reader(Lines& lines, Importer& importer)
      : records_(lines, importer), lines_(lines), importer_(importer) {
    places_.fill(kNone);
  }

  Result<void> run();

 private:
  Result<void> header();
  Result<void> row();
  Result<Known*> look_up(std::string& reason);
  Result<std::optional<std::uint32_t>> resolve(std::string& reason);
  std::string declare_type(const std::string& metric);
  Result<void> reject(std::string reason) {
    records_.reread();
    return importer_.reject(records_.number(), std::move(reason));
  }
  Result<void> bad_header(std::string message) const {
    return fail(ErrorCode::parse,
                fmt::format("{}:{}: {}", importer_.file(), records_.number(), message),
                "the long form is read: metric,labels,timestamp_ms,value and perhaps type; "
                "the wide form is not supported yet");
  }
  [[nodiscard]] std::string_view field(Column column) const {
    const std::size_t place = places_[column];
    return place == kNone ? std::string_view() : records_.fields()[place];
  }

  CsvRecords records_;
  Lines& lines_;
  Importer& importer_;
  bool header_seen_ = false;
  std::size_t width_ = 0;
  std::array<std::size_t, kColumns> places_{};
  std::string key_;
  std::deque<Known> known_;
  std::unordered_map<std::string_view, Known*, TextHash> by_key_;
  Known* last_ = nullptr;
};

Result<void> Reader::run() {
  while (true) {
    auto kind = records_.next();
    if (!kind) return tl::unexpected<Error>(kind.error());
    if (*kind == CsvRecords::Kind::end) break;
    Result<void> read;
    if (*kind == CsvRecords::Kind::bad) {
      read = header_seen_ ? reject(std::string(records_.reason()))
                          : bad_header(std::string(records_.reason()));
    } else {
      read = header_seen_ ? row() : header();
    }
    if (!read) return read;
  }
  if (auto told = importer_.publish(); !told) return told;
  if (records_.damage()) return importer_.read_failed(lines_.number() + 1, *records_.damage());
  if (importer_.report().lines > 0 && !lines_.ended()) importer_.warn(Warning::no_line_feed);
  return {};
}

Result<void> Reader::header() {
  header_seen_ = true;
  width_ = records_.fields().size();
  std::string_view unknown;
  for (std::size_t i = 0; i < width_; ++i) {
    const std::string_view name = records_.fields()[i];
    const auto at = std::find(kNames.begin(), kNames.end(), name);
    if (at == kNames.end()) {
      unknown = name;
      continue;
    }
    std::size_t& place = places_[static_cast<std::size_t>(at - kNames.begin())];
    if (place != kNone) return bad_header(fmt::format("column {} twice", name));
    place = i;
  }
  const bool any =
      std::any_of(places_.begin(), places_.end(), [](std::size_t place) { return place != kNone; });
  if (!any) return bad_header("the header is not that of the long form");
  if (unknown.data() != nullptr) {
    const std::string_view near = nearest(unknown, std::span<const std::string_view>(kNames));
    return bad_header(fmt::format("unknown column {}{}", excerpt(unknown),
                                  near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  }
  for (const Column needed : {kMetric, kTime, kValue}) {
    if (places_[needed] == kNone) return bad_header(fmt::format("no column {}", kNames[needed]));
  }
  if (places_[kStart] != kNone) importer_.warn(Warning::start_ms);
  return {};
}

// Null, and why: the series is bad.
Result<Known*> Reader::look_up(std::string& reason) {
  key_.assign(field(kMetric));
  key_ += '\0';
  key_ += field(kLabels);
  key_ += '\0';
  key_ += field(kType);
  Known* known = last_ == nullptr ? nullptr : last_->next;
  if (known == nullptr || known->key != key_) {
    if (const auto at = by_key_.find(std::string_view(key_)); at != by_key_.end()) {
      known = at->second;
    } else {
      auto series = resolve(reason);
      if (!series) return tl::unexpected<Error>(series.error());
      if (!*series) return nullptr;
      known = &known_.emplace_back(Known{key_, **series, nullptr});
      by_key_.emplace(known->key, known);
    }
    if (last_ != nullptr) last_->next = known;
  }
  last_ = known;
  return known;
}

Result<std::optional<std::uint32_t>> Reader::resolve(std::string& reason) {
  const std::string metric(field(kMetric));
  if (!is_utf8(metric)) reason = "the metric name is not UTF-8";
  std::vector<Label> labels{{std::string(kNameLabel), metric}};
  std::string_view text = skip_blanks(field(kLabels));
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  if (reason.empty() && !text.empty()) {
    reason = text.size() < 2 || text.front() != '{' || text.back() != '}'
                 ? "labels must stand in braces: {a=\"b\"}"
                 : parse_labels(text.substr(1, text.size() - 2), Escapes::promql, labels, nullptr);
  }
  if (reason.empty()) reason = declare_type(metric);
  if (!reason.empty()) return std::optional<std::uint32_t>();
  return importer_.series(std::move(labels), reason);
}

// Returns why it is none, or "".
std::string Reader::declare_type(const std::string& metric) {
  const std::string_view text = field(kType);
  Families& families = importer_.families();
  if (text.empty()) {
    const auto& assumed = importer_.options().type;
    if (assumed && !metric.empty()) families.assume_type(families.named(metric), *assumed);
    return {};
  }
  const auto type = parse_metric_type(text);
  if (!type) return fmt::format("unknown type {}", excerpt(text));
  if (metric.empty()) return {};
  // A counter's `_total` is Families' business.
  const std::string name =
      *type == MetricType::counter ? metric : family_of(metric, Metadata{*type, {}, {}});
  if (!families.declare_type(families.named(name), *type)) importer_.warn(Warning::type_conflict);
  return {};
}

Result<void> Reader::row() {
  if (records_.fields().size() != width_) {
    return reject(fmt::format("{} fields, {} expected", records_.fields().size(), width_));
  }
  const std::string_view time_text = field(kTime);
  const auto time = parse_milliseconds(time_text);
  if (!time) {
    return reject(fmt::format("time {} is not an integer (ms expected)", excerpt(time_text)));
  }
  if (!is_plausible(*time) && !importer_.options().any_time) {
    return reject(implausible(static_cast<double>(*time), time_text, TimeUnit::milliseconds));
  }
  auto value = parse_number(field(kValue));
  if (!value && field(kValue) == "stale") value = stale_marker();
  if (!value) return reject(fmt::format("value {} is not a number", excerpt(field(kValue))));
  std::string reason;
  auto known = look_up(reason);
  if (!known) return tl::unexpected<Error>(known.error());
  if (*known == nullptr) return reject(std::move(reason));
  return importer_.sample((*known)->series, *time, *value);
}

}  // namespace

Result<void> read_csv(Lines& lines, Importer& importer) { return Reader(lines, importer).run(); }

}  // namespace hygge::formats
