#include "formats/csv.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/near.h"
#include "base/utf8.h"
#include "formats/numbers.h"
#include "formats/scanner.h"

namespace hygge::formats {

namespace {

enum Column : std::size_t { kMetric, kLabels, kTime, kValue, kType, kColumns };
constexpr std::array<std::string_view, kColumns> kNames{"metric", "labels", "timestamp_ms", "value",
                                                        "type"};
constexpr std::size_t kNone = ~std::size_t{0};

// A record's fields; `text` keeps what had to be unquoted.
class Record {
 public:
  // False: a quoted field goes on behind the end of the line.
  bool split(std::string_view line, char delimiter) {
    fields.clear();
    std::size_t i = 0;
    while (true) {
      std::string field;
      if (i < line.size() && line[i] == '"') {
        ++i;
        while (true) {
          const std::size_t quote = line.find('"', i);
          if (quote == std::string_view::npos) return false;
          field.append(line.substr(i, quote - i));
          i = quote + 1;
          if (i == line.size() || line[i] != '"') break;
          field += '"';
          ++i;
        }
      }
      const std::size_t end = std::min(line.find(delimiter, i), line.size());
      field.append(line.substr(i, end - i));
      fields.push_back(std::move(field));
      if (end == line.size()) return true;
      i = end + 1;
    }
  }
  std::vector<std::string> fields;
};

class Reader {
 public:
  Reader(Lines& lines, Importer& importer) : lines_(lines), importer_(importer) {}

  Result<void> run() {
    while (true) {
      auto more = next_record();
      if (!more) return tl::unexpected<Error>(more.error());
      if (!*more) return {};
      if (skip_) continue;
      auto ok = header_seen_ ? row() : header();
      if (!ok) return ok;
    }
  }

 private:
  // A record may span lines where a quoted field holds line feeds; `line_` is where it starts.
  Result<bool> next_record() {
    skip_ = false;
    auto more = lines_.next();
    if (!more || !*more) return more;
    ++importer_.report().lines;
    line_ = lines_.number();
    if (lines_.text().empty()) {
      skip_ = true;
      return true;
    }
    if (!lines_.too_long() && record_.split(lines_.text(), importer_.options().delimiter))
      return true;
    std::string joined(lines_.text());
    while (joined.size() <= kMaxLineBytes && !lines_.too_long()) {
      more = lines_.next();
      if (!more) return more;
      if (!*more) break;
      joined += '\n';
      joined += lines_.text();
      if (record_.split(joined, importer_.options().delimiter)) return true;
    }
    skip_ = true;
    auto rejected = importer_.reject(line_, lines_.too_long() || joined.size() > kMaxLineBytes
                                                ? "the line is longer than 1 MiB"
                                                : "a quoted field does not end");
    if (!rejected) return tl::unexpected<Error>(rejected.error());
    return true;
  }

  Result<void> header() {
    header_seen_ = true;
    places_.fill(kNone);
    for (std::size_t i = 0; i < record_.fields.size(); ++i) {
      const std::string_view name = record_.fields[i];
      std::size_t column = 0;
      while (column < kColumns && kNames[column] != name) ++column;
      if (column == kColumns) {
        if (name == "start_ms") {
          importer_.warn("column start_ms is not stored");
          continue;
        }
        const std::string_view near = nearest(name, std::span<const std::string_view>(kNames));
        return fail(
            ErrorCode::parse,
            fmt::format("{}:{}: unknown column {}{}", importer_.file(), line_, excerpt(name),
                        near.empty() ? "" : fmt::format(" (did you mean {}?)", near)),
            "the long form is read: metric,labels,timestamp_ms,value and optionally type; "
            "wide tables are not supported yet");
      }
      places_[column] = i;
    }
    for (const Column needed : {kMetric, kTime, kValue}) {
      if (places_[needed] != kNone) continue;
      return fail(
          ErrorCode::parse,
          fmt::format("{}:{}: no column {}", importer_.file(), line_, kNames[needed]),
          "the header must name metric, timestamp_ms and value; labels and type may follow");
    }
    return {};
  }

  [[nodiscard]] std::string_view field(Column column) const {
    const std::size_t place = places_[column];
    return place < record_.fields.size() ? std::string_view(record_.fields[place])
                                         : std::string_view();
  }

  Result<std::optional<std::uint32_t>> series(std::string& reason) {
    key_.assign(field(kMetric));
    key_ += '\0';
    key_ += field(kLabels);
    if (const auto at = known_.find(key_); at != known_.end()) {
      return std::optional<std::uint32_t>(at->second);
    }
    std::vector<Label> labels{{std::string(kNameLabel), std::string(field(kMetric))}};
    std::string_view text = skip_blanks(field(kLabels));
    if (field(kMetric).empty()) reason = "no metric name";
    if (!is_utf8(field(kMetric))) reason = "the metric name is not UTF-8";
    if (reason.empty() && !text.empty()) {
      if (text.front() != '{' || text.back() != '}') {
        reason = "labels must stand in braces: {a=\"b\"}";
      } else {
        reason = parse_labels(text.substr(1, text.size() - 2), labels, nullptr);
      }
    }
    if (!reason.empty()) return std::optional<std::uint32_t>();
    auto id = importer_.series(std::move(labels), reason);
    if (id && *id) known_.emplace(key_, **id);
    return id;
  }

  Result<void> type() {
    const std::string_view text = field(kType);
    if (text.empty() || types_.contains(std::string(field(kMetric)))) return {};
    const auto parsed = parse_metric_type(text);
    if (!parsed) {
      importer_.warn(fmt::format("unknown type {}", excerpt(text)));
      return {};
    }
    const std::string metric(field(kMetric));
    types_.emplace(metric, *parsed);
    Metadata metadata;
    metadata.type = *parsed;
    return importer_.sink().metadata(importer_.options().prefix + family_of(metric, metadata),
                                     metadata);
  }

  Result<void> row() {
    if (record_.fields.size() <= std::max({places_[kMetric], places_[kTime], places_[kValue]})) {
      return importer_.reject(line_, fmt::format("{} fields", record_.fields.size()));
    }
    const auto time = parse_integer(field(kTime));
    if (!time) {
      return importer_.reject(
          line_, fmt::format("time {} is not an integer (milliseconds)", excerpt(field(kTime))));
    }
    if (!importer_.options().any_time) {
      std::string why = implausible(*time, field(kTime), TimeUnit::milliseconds);
      if (!why.empty()) return importer_.reject(line_, std::move(why));
    }
    auto value = parse_number(field(kValue));
    if (field(kValue) == "stale") value = stale_marker();
    if (!value) {
      return importer_.reject(line_, fmt::format("{} is not a number", excerpt(field(kValue))));
    }
    std::string reason;
    auto id = series(reason);
    if (!id) return tl::unexpected<Error>(id.error());
    if (!*id) return importer_.reject(line_, std::move(reason));
    if (auto typed = type(); !typed) return typed;
    return importer_.sample(**id, *time, *value);
  }

  Lines& lines_;
  Importer& importer_;
  Record record_;
  std::uint64_t line_ = 0;
  bool skip_ = false;
  bool header_seen_ = false;
  std::array<std::size_t, kColumns> places_{};
  std::string key_;
  std::unordered_map<std::string, std::uint32_t> known_;
  std::map<std::string, MetricType> types_;
};

}  // namespace

Result<void> read_csv(Lines& lines, Importer& importer) { return Reader(lines, importer).run(); }

}  // namespace hygge::formats
