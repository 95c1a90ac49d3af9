#include "formats/exposition.h"

#include <fmt/format.h>

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/utf8.h"
#include "formats/numbers.h"
#include "formats/scanner.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return static_cast<std::size_t>(hash64(as_bytes(text)));
  }
};

struct Family {
  std::string name;
  std::optional<MetricType> type;
  Metadata metadata;
  bool has_help = false;
  bool has_unit = false;
  bool closed = false;  ///< another family has followed
};

// What a series' text has come to: worked out once, then found by the text itself.
struct Known {
  std::uint32_t series = 0;
  Family* family = nullptr;
  bool start_time = false;  ///< `_created`
  std::string reject;       ///< why every line with this text is bad
  TimeMs last_ms = std::numeric_limits<TimeMs>::min();
};

constexpr std::string_view kSuffixes[] = {"_total", "_bucket",  "_sum",
                                          "_count", "_created", "_info"};

bool type_has_suffix(MetricType type, std::string_view suffix) {
  switch (type) {
    case MetricType::counter:
      return suffix == "_total" || suffix == "_created";
    case MetricType::histogram:
      return suffix == "_bucket" || suffix == "_sum" || suffix == "_count" || suffix == "_created";
    case MetricType::summary:
      return suffix == "_sum" || suffix == "_count" || suffix == "_created";
    case MetricType::info:
      return suffix == "_info";
    default:
      return false;
  }
}

class Reader {
 public:
  Reader(Dialect dialect, Lines& lines, Importer& importer)
      : open_metrics_(dialect == Dialect::openmetrics), lines_(lines), importer_(importer) {}

  Result<void> run();

 private:
  Result<void> line(std::string_view text);
  Result<void> comment(std::string_view text);
  Result<void> describe(std::string_view keyword, std::string_view name, std::string_view rest);
  Result<void> sample(std::string_view text);
  Result<Known*> known(std::string_view text);
  Result<void> resolve(std::string_view text, Known& known);
  Result<void> value_and_time(std::string_view rest, Known& known);
  Result<std::string_view> skip_exemplar(std::string_view rest);
  Result<void> finish();

  Family& family_named(std::string_view name);
  Family* find_family(std::string_view name);
  Family* family_of_sample(std::string_view metric, std::string_view& suffix);
  Result<void> publish(const Family& family);
  void enter(Family* family);
  Result<void> reject(std::string reason) {
    return importer_.reject(lines_.number(), std::move(reason));
  }

  const bool open_metrics_;
  Lines& lines_;
  Importer& importer_;
  std::unordered_map<std::string, Known, TextHash, std::equal_to<>> known_;
  std::unordered_map<std::string, Family, TextHash, std::equal_to<>> families_;
  std::string last_text_;
  Known* last_known_ = nullptr;
  Family* current_ = nullptr;
  bool eof_seen_ = false;
};

Result<void> Reader::run() {
  while (true) {
    auto more = lines_.next();
    if (!more) return tl::unexpected<Error>(more.error());
    if (!*more) break;
    ++importer_.report().lines;
    if (lines_.too_long()) {
      if (auto ok = reject("the line is longer than 1 MiB"); !ok) return ok;
      continue;
    }
    if (auto ok = line(lines_.text()); !ok) return ok;
  }
  return finish();
}

Result<void> Reader::finish() {
  if (importer_.report().lines == 0) return {};
  if (open_metrics_ && !eof_seen_) {
    if (importer_.options().strict)
      return reject("the file does not end in \"# EOF\": it is cut short");
    importer_.warn("no \"# EOF\" at the end: the file may be cut short");
  }
  if (!open_metrics_ && !lines_.ended() && !lines_.text().empty()) {
    importer_.warn("the last line does not end in a line feed: the file may be cut short");
  }
  return {};
}

Result<void> Reader::line(std::string_view text) {
  std::string_view rest = skip_blanks(text);
  if (rest.empty()) return {};
  if (eof_seen_ && open_metrics_) return reject("text after \"# EOF\"");
  if (rest[0] == '#') return comment(rest.substr(1));
  return sample(rest);
}

Result<void> Reader::comment(std::string_view text) {
  std::string_view rest = skip_blanks(text);
  const std::string_view keyword = take_word(rest);
  if (keyword == "EOF") {
    eof_seen_ = true;
    if (!open_metrics_) {
      importer_.warn(
          "\"# EOF\" ends OpenMetrics, whose times are seconds: `hygge import openmetrics` reads "
          "it");
    }
    return {};
  }
  if (keyword != "TYPE" && keyword != "HELP" && keyword != "UNIT") return {};
  rest = skip_blanks(rest);
  std::string quoted_name;
  std::string_view name;
  if (!rest.empty() && rest[0] == '"') {
    rest.remove_prefix(1);
    if (!take_quoted(rest, quoted_name)) return reject("an unfinished quoted name");
    name = quoted_name;
  } else {
    name = take_word(rest);
  }
  if (name.empty()) return reject(fmt::format("# {} without a name", keyword));
  return describe(keyword, name, skip_blanks(rest));
}

Family* Reader::find_family(std::string_view name) {
  const auto at = families_.find(name);
  return at == families_.end() ? nullptr : &at->second;
}

Family& Reader::family_named(std::string_view name) {
  if (Family* family = find_family(name)) return *family;
  Family& family = families_[std::string(name)];
  family.name = name;
  return family;
}

void Reader::enter(Family* family) {
  if (family == current_) return;
  if (current_ != nullptr) current_->closed = true;
  if (family != nullptr && family->closed && open_metrics_) {
    importer_.warn("a family comes in several pieces; all of it is stored");
    family->closed = false;
  }
  current_ = family;
}

Result<void> Reader::publish(const Family& family) {
  std::string_view name = family.name;
  // OpenMetrics' family of a counter has no suffix; the older text names it as its samples.
  if (!open_metrics_ && family.type == MetricType::counter && name.ends_with("_total")) {
    name.remove_suffix(std::string_view("_total").size());
  }
  return importer_.sink().metadata(importer_.options().prefix + std::string(name), family.metadata);
}

Result<void> Reader::describe(std::string_view keyword, std::string_view name,
                              std::string_view rest) {
  if (!is_utf8(name) || !is_utf8(rest)) return reject(fmt::format("# {} is not UTF-8", keyword));
  Family& family = family_named(name);
  enter(&family);
  if (keyword == "TYPE") {
    std::string_view type_text = take_word(rest);
    const auto type = parse_metric_type(type_text);
    if (!type || *type == MetricType::delta) {
      return reject(fmt::format("unknown type {}", excerpt(type_text)));
    }
    if (family.type && family.type != type) {
      importer_.warn("a second # TYPE contradicts the first, which stays");
      return {};
    }
    if (family.type) return {};
    family.type = type;
    family.metadata.type = *type;
    return publish(family);
  }
  std::string text = unescape(rest);
  if (keyword == "HELP") {
    if (std::exchange(family.has_help, true)) return {};
    family.metadata.help = std::move(text);
  } else {
    if (std::exchange(family.has_unit, true)) return {};
    family.metadata.unit = std::move(text);
  }
  return publish(family);
}

// The declared family that a sample belongs to: its own name, or that without a suffix which the
// family's type allows.
Family* Reader::family_of_sample(std::string_view metric, std::string_view& suffix) {
  suffix = {};
  Family* const same = find_family(metric);
  if (same != nullptr) return same;
  for (const std::string_view candidate : kSuffixes) {
    if (!metric.ends_with(candidate)) continue;
    Family* const family = find_family(metric.substr(0, metric.size() - candidate.size()));
    if (family != nullptr && family->type && type_has_suffix(*family->type, candidate)) {
      suffix = candidate;
      return family;
    }
  }
  return nullptr;
}

// Parses the labels of a series' text, once.
Result<void> Reader::resolve(std::string_view text, Known& known) {
  std::vector<Label> labels;
  known.reject = parse_series(text, labels);
  if (!known.reject.empty()) return {};
  const std::string metric = labels[0].value;
  std::string_view suffix;
  Family* family = family_of_sample(metric, suffix);
  if (open_metrics_ && family != nullptr && family->type == MetricType::counter && suffix.empty()) {
    known.reject = "counter sample must end in _total";
    return {};
  }
  known.start_time = open_metrics_ && suffix == "_created";
  known.family = family != nullptr ? family : &family_named(metric);
  if (known.start_time) return {};
  auto series = importer_.series(std::move(labels), known.reject);
  if (!series) return tl::unexpected<Error>(series.error());
  if (*series) known.series = **series;
  return {};
}

Result<Known*> Reader::known(std::string_view text) {
  if (last_known_ != nullptr && text == last_text_) return last_known_;
  auto at = known_.find(text);
  if (at == known_.end()) {
    at = known_.emplace(std::string(text), Known()).first;
    if (auto resolved = resolve(text, at->second); !resolved) {
      return tl::unexpected<Error>(resolved.error());
    }
  }
  last_text_ = text;
  last_known_ = &at->second;
  return last_known_;
}

Result<void> Reader::sample(std::string_view text) {
  const std::size_t length = series_length(text);
  if (length == std::string_view::npos) {
    return reject(fmt::format("the labels do not end: {}", excerpt(text)));
  }
  if (length == 0) return reject(fmt::format("no metric name at {}", excerpt(text)));
  auto found = known(text.substr(0, length));
  if (!found) return tl::unexpected<Error>(found.error());
  Known& series = **found;
  if (!series.reject.empty()) return reject(series.reject);
  enter(series.family);
  return value_and_time(text.substr(length), series);
}

// ` # {labels} value [time]` behind a sample: checked for its shape, counted, left out.
Result<std::string_view> Reader::skip_exemplar(std::string_view rest) {
  const std::size_t hash = rest.find('#');
  if (hash == std::string_view::npos) return rest;
  if (!open_metrics_) return rest;
  std::string_view exemplar = skip_blanks(rest.substr(hash + 1));
  const std::size_t labels = exemplar.empty() || exemplar[0] != '{' ? 0 : series_length(exemplar);
  if (labels == 0 || labels == std::string_view::npos)
    return fail(ErrorCode::parse, "a damaged exemplar");
  exemplar = skip_blanks(exemplar.substr(labels));
  if (!parse_number(take_word(exemplar)))
    return fail(ErrorCode::parse, "an exemplar without a value");
  ++importer_.report().exemplars;
  return rest.substr(0, hash);
}

Result<void> Reader::value_and_time(std::string_view rest, Known& known) {
  auto without = skip_exemplar(rest);
  if (!without) return reject(without.error().message);
  rest = skip_blanks(*without);
  const std::string_view value_text = take_word(rest);
  if (value_text.empty()) return reject("no value");
  const auto value = parse_number(value_text);
  if (!value) return reject(fmt::format("{} is not a number", excerpt(value_text)));
  rest = skip_blanks(rest);
  const std::string_view time_text = take_word(rest);
  if (!skip_blanks(rest).empty()) {
    return reject(fmt::format("more than a value and a time: {}", excerpt(rest)));
  }
  TimeMs t_ms = importer_.options().now_ms;
  if (!time_text.empty()) {
    const auto time = open_metrics_ ? parse_seconds(time_text) : parse_integer(time_text);
    if (!time) {
      return reject(
          open_metrics_
              ? fmt::format("time {} is not a number of seconds", excerpt(time_text))
              : fmt::format("time {} is not an integer (milliseconds)", excerpt(time_text)));
    }
    t_ms = *time;
    if (!importer_.options().any_time) {
      auto why =
          implausible(t_ms, time_text, open_metrics_ ? TimeUnit::seconds : TimeUnit::milliseconds);
      if (!why.empty()) return reject(std::move(why));
    }
  }
  if (known.start_time) {
    ++importer_.report().start_times;
    return {};
  }
  if (t_ms < known.last_ms && open_metrics_) {
    importer_.warn("times of a series go back; all of it is stored");
  }
  known.last_ms = t_ms;
  return importer_.sample(known.series, t_ms, *value);
}

}  // namespace

Result<void> read_exposition(Dialect dialect, Lines& lines, Importer& importer) {
  return Reader(dialect, lines, importer).run();
}

}  // namespace hygge::formats
