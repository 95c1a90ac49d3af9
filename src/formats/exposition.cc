#include "formats/exposition.h"

#include <fmt/format.h>

#include <deque>
#include <limits>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "formats/families.h"
#include "formats/numbers.h"
#include "formats/scanner.h"
#include "formats/suffixes.h"
#include "formats/text_hash.h"

namespace hygge::formats {

namespace {

// A series as a text names it: parsed once, then recognised by the text itself.
struct Known {
  std::string text;
  std::uint32_t series = 0;
  bool has_series = false;
  bool start_time = false;  ///< `_created`
  Family* family = nullptr;
  std::uint64_t types = 0;  ///< Families::types() when `family` was found
  TimeMs last_ms = std::numeric_limits<TimeMs>::min();
  Known* next = nullptr;  ///< what followed it last time; scrapes repeat themselves
};

// What stands behind a series.
struct Point {
  double v = 0;
  TimeMs t_ms = 0;
  bool exemplar = false;
};

// Whether `text` begins with the series that `known` is the text of: it must end there too.
bool begins_with(std::string_view text, const Known& known) {
  if (!text.starts_with(known.text)) return false;
  if (known.text.back() == '}') return true;
  const std::string_view rest = text.substr(known.text.size());
  if (rest.empty() || (rest[0] != ' ' && rest[0] != '\t')) return false;
  return !skip_blanks(rest).starts_with('{');
}

class Reader {
 public:
  Reader(Dialect dialect, Lines& lines, Importer& importer)
      : open_metrics_(dialect == Dialect::openmetrics),
        lines_(lines),
        importer_(importer),
        families_(importer.families()) {}

  Result<void> run();

 private:
  Result<void> line(std::string_view text);
  Result<void> comment(std::string_view text);
  Result<void> describe(std::string_view keyword, Family& family, std::string_view rest);
  Result<void> sample(std::string_view text);
  Result<Known*> make_known(std::string_view text, std::string& reason);
  Result<void> resolve(Known& known, std::string& reason);
  std::optional<Point> point(std::string_view rest);
  Result<void> take(Known& known, const Point& point);
  std::string take_exemplar(std::string_view& rest, bool& exemplar);
  std::string bad_time(std::string_view text);
  Result<void> finish();

  void enter(Family* family);
  Result<void> reject(std::string reason) {
    return importer_.reject(lines_.number(), std::move(reason));
  }

  const bool open_metrics_;
  Lines& lines_;
  Importer& importer_;
  Families& families_;
  std::deque<Known> known_;
  std::unordered_map<std::string_view, Known*, TextHash> by_text_;
  Known* last_ = nullptr;
  Family* current_ = nullptr;
  std::string reason_;  ///< why point() has none
  bool eof_seen_ = false;
  bool seconds_seen_ = false;  ///< in the format that has milliseconds
};

Result<void> Reader::run() {
  while (true) {
    auto more = lines_.next();
    if (!more) {
      auto failed = importer_.read_failed(lines_.number() + 1, more.error());
      if (!failed) return failed;
      break;
    }
    if (!*more) break;
    ++importer_.report().lines;
    auto read = lines_.too_long() ? reject("the line is longer than 1 MiB") : line(lines_.text());
    if (!read) return read;
  }
  return finish();
}

Result<void> Reader::finish() {
  if (auto told = importer_.publish(); !told) return told;
  if (importer_.report().lines == 0) return {};
  if (open_metrics_ && !eof_seen_) {
    if (importer_.options().strict) return reject("no \"# EOF\": the file is cut short");
    importer_.warn(Warning::no_eof);
  }
  if (!lines_.ended() && !eof_seen_) importer_.warn(Warning::no_line_feed);
  if (!open_metrics_ && eof_seen_ && seconds_seen_) {
    importer_.warn(Warning::openmetrics_as_prometheus);
  }
  return {};
}

Result<void> Reader::line(std::string_view text) {
  const std::string_view rest = skip_blanks(text);
  if (rest.empty()) return {};
  if (eof_seen_ && open_metrics_) return reject("text after \"# EOF\"");
  if (rest[0] == '#') return comment(rest.substr(1));
  return sample(rest);
}

Result<void> Reader::comment(std::string_view text) {
  std::string_view rest = skip_blanks(text);
  const std::string_view keyword = take_word(rest);
  if (keyword == "EOF" && skip_blanks(rest).empty()) {
    eof_seen_ = true;
    return {};
  }
  const bool known = keyword == "TYPE" || keyword == "HELP" || (keyword == "UNIT" && open_metrics_);
  if (!known) return {};
  rest = skip_blanks(rest);
  std::string name;
  if (rest.starts_with('"')) {
    if (!take_quoted(rest, Escapes::text, name)) return reject("a quoted name does not end");
  } else {
    name = take_word(rest);
  }
  if (name.empty()) return reject(fmt::format("# {} without a name", keyword));
  if (!is_utf8(name) || !is_utf8(rest)) return reject(fmt::format("# {} is not UTF-8", keyword));
  Family& family = families_.named(name);
  enter(&family);
  return describe(keyword, family, skip_blanks(rest));
}

Result<void> Reader::describe(std::string_view keyword, Family& family, std::string_view rest) {
  if (keyword != "TYPE") {
    std::string text = unescape(rest, open_metrics_);
    const bool same = keyword == "HELP" ? families_.declare_help(family, std::move(text))
                                        : families_.declare_unit(family, std::move(text));
    if (!same) importer_.warn(Warning::help_conflict);
    return {};
  }
  const std::string_view word = take_word(rest);
  const auto type = parse_metric_type(word);
  if (!type || *type == MetricType::delta || !skip_blanks(rest).empty()) {
    return reject(fmt::format("unknown type {}", excerpt(word)));
  }
  if (!families_.declare_type(family, *type)) importer_.warn(Warning::type_conflict);
  return {};
}

// Another family has begun, or goes on.
void Reader::enter(Family* family) {
  if (family == current_) return;
  if (current_ != nullptr) current_->closed_in = importer_.number();
  if (family->closed_in == importer_.number()) {
    family->closed_in = 0;
    if (open_metrics_) importer_.warn(Warning::family_split);
  }
  current_ = family;
}

// Parses the labels of a series' text. `reason`: why every line with it is bad.
Result<void> Reader::resolve(Known& known, std::string& reason) {
  std::vector<Label> labels;
  reason = parse_series(known.text, labels);
  if (!reason.empty()) return {};
  const std::string metric = labels[0].value;
  std::string_view suffix;
  Family* family = families_.of_sample(metric, suffix);
  if (family == nullptr) family = &families_.named(metric);
  if (open_metrics_ && family->type == MetricType::counter && suffix.empty() &&
      !metric.ends_with(kTotal)) {
    reason = "counter sample must end in _total";
    return {};
  }
  if (importer_.options().type) families_.assume_type(*family, *importer_.options().type);
  known.family = family;
  known.types = families_.types();
  known.start_time = open_metrics_ && suffix == "_created" && !importer_.options().keep_created;
  if (known.start_time || known.has_series) return {};
  auto series = importer_.series(std::move(labels), reason);
  if (!series) return tl::unexpected<Error>(series.error());
  known.has_series = series->has_value();
  known.series = series->value_or(0);
  return {};
}

// Null, and why: the series' text is bad. Bad ones are not kept: there is no end of them.
Result<Known*> Reader::make_known(std::string_view text, std::string& reason) {
  Known known;
  known.text = text;
  auto resolved = resolve(known, reason);
  if (!resolved) return tl::unexpected<Error>(resolved.error());
  if (!reason.empty()) return nullptr;
  Known& kept = known_.emplace_back(std::move(known));
  by_text_.emplace(kept.text, &kept);
  return &kept;
}

Result<void> Reader::sample(std::string_view text) {
  Known* known = last_ == nullptr ? nullptr : last_->next;
  std::size_t length = 0;
  if (known != nullptr && begins_with(text, *known)) {
    length = known->text.size();
  } else {
    length = series_length(text);
    if (length == std::string_view::npos) {
      return reject(fmt::format("the labels do not end: {}", excerpt(text)));
    }
    const auto at = by_text_.find(text.substr(0, length));
    known = at == by_text_.end() ? nullptr : at->second;
  }
  // Before the series: a bad line must not make a new one.
  const auto point = this->point(text.substr(length));
  if (!point) return reject(std::move(reason_));
  std::string reason;
  if (known == nullptr) {
    auto made = make_known(text.substr(0, length), reason);
    if (!made) return tl::unexpected<Error>(made.error());
    known = *made;
  } else if (known->types != families_.types()) {
    if (auto again = resolve(*known, reason); !again) return again;
  }
  if (!reason.empty()) return reject(std::move(reason));
  if (last_ != nullptr) last_->next = known;
  last_ = known;
  enter(known->family);
  return take(*known, *point);
}

Result<void> Reader::take(Known& known, const Point& point) {
  if (point.exemplar) ++importer_.report().exemplars;
  if (known.start_time) {
    ++importer_.report().start_times;
    return {};
  }
  if (point.t_ms < known.last_ms && open_metrics_) importer_.warn(Warning::time_goes_back);
  known.last_ms = point.t_ms;
  return importer_.sample(known.series, point.t_ms, point.v);
}

// ` # {labels} value [time]` behind a sample: checked and cut off. Returns what is wrong with it,
// or "".
std::string Reader::take_exemplar(std::string_view& rest, bool& exemplar) {
  const std::size_t hash = rest.find('#');
  if (hash == std::string_view::npos) return {};
  exemplar = true;
  std::string_view text = skip_blanks(rest.substr(hash + 1));
  rest = rest.substr(0, hash);
  const std::size_t length = text.starts_with('{') ? series_length(text) : 0;
  if (length == 0 || length == std::string_view::npos) return "an exemplar without labels";
  std::vector<Label> labels;
  std::string why = parse_labels(text.substr(1, length - 2), Escapes::text, labels, nullptr);
  if (!why.empty()) return fmt::format("exemplar: {}", why);
  text = skip_blanks(text.substr(length));
  if (!parse_number(take_word(text))) return "an exemplar without a value";
  text = skip_blanks(text);
  const std::string_view time = take_word(text);
  const bool good = time.empty() || parse_seconds(time);
  return good && skip_blanks(text).empty() ? "" : "an exemplar with a bad time";
}

// Why a text is not taken for a time.
std::string Reader::bad_time(std::string_view text) {
  const bool decimal = text.find_first_not_of("+-.0123456789eE") == std::string_view::npos;
  const auto number = decimal ? parse_number(text) : std::nullopt;
  if (open_metrics_) {
    if (number) return implausible(*number, text, TimeUnit::seconds);
    return fmt::format("time {} is not a number of seconds", excerpt(text));
  }
  const auto seconds = parse_seconds(text);
  seconds_seen_ = seconds_seen_ || (seconds && is_plausible(*seconds));
  const bool integer = text.find_first_of(".eE") == std::string_view::npos;
  if (number && integer) return implausible(*number, text, TimeUnit::milliseconds);
  if (seconds && is_plausible(*seconds)) {
    return fmt::format("time {} looks like seconds with a fraction, ms expected", excerpt(text));
  }
  return fmt::format("time {} is not an integer (ms expected)", excerpt(text));
}

// Value, time and exemplar. None, and why in reason_: the line is bad.
std::optional<Point> Reader::point(std::string_view rest) {
  const auto bad = [&](std::string reason) {
    reason_ = std::move(reason);
    return std::nullopt;
  };
  Point out;
  if (open_metrics_) {
    if (std::string why = take_exemplar(rest, out.exemplar); !why.empty()) return bad(why);
  }
  rest = skip_blanks(rest);
  const std::string_view value_text = take_word(rest);
  if (value_text.empty()) return bad("no value");
  const auto value = parse_number(value_text);
  if (!value) return bad(fmt::format("value {} is not a number", excerpt(value_text)));
  out.v = *value;
  out.t_ms = importer_.now_ms();
  rest = skip_blanks(rest);
  if (rest.empty()) return out;
  const std::string_view text = take_word(rest);
  rest = skip_blanks(rest);
  if (!rest.empty()) return bad(fmt::format("text after value and time: {}", excerpt(rest)));
  const auto time = open_metrics_ ? parse_seconds(text) : parse_milliseconds(text);
  if (!time || (!is_plausible(*time) && !importer_.options().any_time)) return bad(bad_time(text));
  out.t_ms = *time;
  return out;
}

}  // namespace

Result<void> read_exposition(Dialect dialect, Lines& lines, Importer& importer) {
  return Reader(dialect, lines, importer).run();
}

}  // namespace hygge::formats
