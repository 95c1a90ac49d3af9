#include "formats/slo_method.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "formats/numbers.h"
#include "formats/slo_keys.h"
#include "model/quote.h"

namespace hygge::formats {

using slo::Calendar;
using slo::Definition;
using slo::Exclusion;
using slo::Method;
using slo::Rational;

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

void read_calendar(SloFields& fields, const YAML::Node& node, Definition& out) {
  fields.check_keys(node, names_of(calendar_keys()));
  Calendar calendar;
  const YAML::Node unit = node["calendar"];
  if (!unit.IsDefined()) {
    return fields.error(node, "E_WINDOW", "window: a duration, or {calendar: month}");
  }
  const auto word = fields.one_of(unit, "E_WINDOW", "calendar", kUnitWords);
  if (!word) return;
  for (std::size_t i = 0; i < kUnitWords.size(); ++i) {
    if (*word != kUnitWords[i]) continue;
    calendar.unit = static_cast<Calendar::Unit>(i);
    out.window_ms = slo::nominal_length(calendar.unit);
  }
  if (const YAML::Node tz = node["tz"]; tz.IsDefined()) {
    calendar.tz = fields.zone(tz, "tz").value_or("UTC");
  }
  if (const YAML::Node start = node["fiscal_start"]; start.IsDefined()) {
    const auto month = fields.count(start, "E_WINDOW", "fiscal_start");
    if (month && *month > 12) fields.error(start, "E_WINDOW", "fiscal_start: a month, 1 to 12");
    calendar.fiscal_start = month && *month <= 12 ? static_cast<int>(*month) : 1;
  }
  out.calendar = calendar;
}

}  // namespace

namespace {

constexpr std::string_view kMethods = "occurrences, timeslices(5m, 99) or ratio-timeslices(5m)";

// None, and why.
std::optional<MethodKey> method_of(std::string_view text, std::string_view& why) {
  MethodKey out;
  if (text == "occurrences") return out;
  const auto refuse = [&](std::string_view reason) {
    why = reason;
    return std::nullopt;
  };
  std::string_view rest = text;
  if (take(rest, "ratio-timeslices")) {
    out.method = Method::ratio_timeslices;
  } else if (take(rest, "timeslices")) {
    out.method = Method::timeslices;
  } else {
    return refuse("no such method");
  }
  if (!take(rest, "(") || !rest.ends_with(')')) return refuse("its arguments stand in brackets");
  rest.remove_suffix(1);
  const std::size_t comma = rest.find(',');
  const auto length = parse_duration(trimmed(rest.substr(0, comma)));
  if (!length || *length <= 0) return refuse("the first argument is the slice's length");
  out.length_ms = *length;
  if (comma == std::string_view::npos) return out;
  if (out.method == Method::ratio_timeslices) return refuse("it has one argument");
  out.slice_target = SloFields::percent(trimmed(rest.substr(comma + 1)));
  if (!out.slice_target || out.slice_target->num > out.slice_target->den) {
    return refuse("the second argument is a percentage");
  }
  return out;
}

}  // namespace

void read_window(SloFields& fields, const YAML::Node& node, Definition& out) {
  if (node.IsMap()) return read_calendar(fields, node, out);
  if (const auto length = fields.duration(node, "E_WINDOW", "window")) out.window_ms = *length;
}

MethodKey read_method(SloFields& fields, const YAML::Node& node) {
  const auto text = fields.text(node, "E_METHOD", "method");
  if (!text) return {};
  std::string_view why;
  const auto read = method_of(*text, why);
  if (read) return *read;
  fields.error(node, "E_METHOD",
               fmt::format("method: {}: {}; write {}", quoted(*text), why, kMethods));
  return {};
}

Result<slo::MethodChoice> parse_method(std::string_view text) {
  std::string_view why;
  const auto read = method_of(text, why);
  if (!read) {
    return fail(ErrorCode::parse, fmt::format("method {}: {}", quoted(text), why),
                std::string(kMethods));
  }
  if (read->method == Method::timeslices && !read->slice_target) {
    return fail(ErrorCode::parse,
                fmt::format("method {}: it needs what makes a slice good", quoted(text)),
                std::string(kMethods));
  }
  return slo::MethodChoice{read->method, read->length_ms,
                           read->slice_target.value_or(Rational{1, 1})};
}

std::optional<slo::Rational> parse_percent(std::string_view text) {
  return SloFields::percent(text);
}

namespace {

// Where the comparison stands: outside quotes and braces.
std::size_t find_operator(std::string_view text) {
  char quote = 0;
  bool braces = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\' && quote != '`') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '{' || c == '}') {
      braces = c == '{';
    } else if (!braces && (c == '<' || c == '>' || c == '=' || c == '!')) {
      return i;
    }
  }
  return std::string_view::npos;
}

std::optional<slo::Test::Op> take_operator(std::string_view& text) {
  using Op = slo::Test::Op;
  constexpr std::array<std::pair<std::string_view, Op>, 6> kOps{{{"<=", Op::le},
                                                                 {">=", Op::ge},
                                                                 {"==", Op::eq},
                                                                 {"!=", Op::ne},
                                                                 {"<", Op::lt},
                                                                 {">", Op::gt}}};
  for (const auto& [sign, op] : kOps) {
    if (take(text, sign)) return op;
  }
  return std::nullopt;
}

}  // namespace

void read_ok(SloFields& fields, const YAML::Node& node, Definition& out) {
  const auto text = fields.text(node, "E_SELECTOR", "ok");
  if (!text) return;
  const std::size_t at = find_operator(*text);
  const std::string_view all = *text;
  std::string_view rest = at == std::string_view::npos ? std::string_view() : all.substr(at);
  const auto op = take_operator(rest);
  const auto limit = parse_number(trimmed(rest));
  if (!op || !limit || !std::isfinite(*limit)) {
    return fields.error(node, "E_SELECTOR",
                        fmt::format("ok: {} is no test such as up{{job=\"shop\"}} == 1, with "
                                    "< <= > >= == or !=",
                                    quoted(*text)));
  }
  auto selector = fields.selector(node, "ok", trimmed(all.substr(0, at)));
  if (!selector) return;
  out.part = *selector;
  out.total = std::move(*selector);
  out.ok = slo::Test{*op, *limit};
  out.kind = slo::Kind::gauge;
}

namespace {

// "02:00" as minutes of the day; 24:00 is the end of it.
std::optional<int> minute_of(std::string_view text) {
  constexpr std::size_t kLength = 5;
  if (text.size() != kLength || text[2] != ':') return std::nullopt;
  int hour = 0;
  int minute = 0;
  const auto two = [](const char* digits, int& out) {
    const auto [at, failure] = std::from_chars(digits, digits + 2, out);
    return failure == std::errc{} && at == digits + 2 && out >= 0;
  };
  if (!two(text.data(), hour) || !two(text.data() + 3, minute)) return std::nullopt;
  if (minute > 59 || hour > 24 || (hour == 24 && minute > 0)) return std::nullopt;
  return 60 * hour + minute;
}

// "Sun 02:00-03:00", "daily 23:30-00:30".
std::optional<Exclusion::Every> parse_every(std::string_view text) {
  constexpr std::array<std::string_view, 8> kDays{"Mon", "Tue", "Wed", "Thu",
                                                  "Fri", "Sat", "Sun", "daily"};
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto day = std::find(kDays.begin(), kDays.end(), text.substr(0, space));
  const std::string_view hours = trimmed(text.substr(space));
  const std::size_t dash = hours.find('-');
  if (day == kDays.end() || dash == std::string_view::npos) return std::nullopt;
  const auto from = minute_of(hours.substr(0, dash));
  const auto to = minute_of(hours.substr(dash + 1));
  if (!from || !to || *from == 24 * 60) return std::nullopt;
  Exclusion::Every out;
  if (const auto index = day - kDays.begin(); index < 7) out.weekday = static_cast<int>(index);
  out.from_minute = *from;
  out.to_minute = *to;
  return out;
}

void read_every(SloFields& fields, const YAML::Node& node, Exclusion& out) {
  const YAML::Node every = node["every"];
  const auto text = fields.text(every, "E_EXCLUDE", "every");
  if (!text) return;
  out.every = parse_every(*text);
  if (!out.every) {
    return fields.error(every, "E_EXCLUDE",
                        fmt::format("every: {} is not like \"Sun 02:00-03:00\" or \"daily "
                                    "23:30-00:30\"",
                                    quoted(*text)));
  }
  if (const YAML::Node tz = node["tz"]; tz.IsDefined()) {
    out.every->tz = fields.zone(tz, "tz").value_or("UTC");
  }
}

void read_span(SloFields& fields, const YAML::Node& node, Exclusion& out) {
  const YAML::Node from = node["from"];
  const YAML::Node to = node["to"];
  if (!from.IsDefined() || !to.IsDefined()) {
    return fields.error(node, "E_EXCLUDE", "an exclusion needs from and to, or every");
  }
  if (node["tz"].IsDefined()) {
    return fields.error(node["tz"], "E_EXCLUDE", "tz goes with every; from and to have offsets");
  }
  const auto begin = fields.time(from, "E_EXCLUDE", "from");
  const auto end = fields.time(to, "E_EXCLUDE", "to");
  if (!begin || !end) return;
  if (*end <= *begin) return fields.error(to, "E_EXCLUDE", "to is not later than from");
  out.range = {*begin, *end};
}

Exclusion read_exclusion(SloFields& fields, const YAML::Node& node, Method method) {
  Exclusion out;
  // Leaving maintenance out of slices would shrink the budget; events of it are none of the SLO's.
  out.as_good = method != Method::occurrences;
  fields.check_keys(node, names_of(exclusion_keys()));
  if (node["every"].IsDefined()) {
    if (node["from"].IsDefined() || node["to"].IsDefined()) {
      fields.error(node, "E_EXCLUDE", "from and to, or every: not both");
    }
    read_every(fields, node, out);
  } else {
    read_span(fields, node, out);
  }
  if (const YAML::Node why = node["why"]; why.IsDefined()) {
    out.why = fields.text(why, "E_EXCLUDE", "why").value_or("");
  }
  if (const YAML::Node treat = node["treat"]; treat.IsDefined()) {
    out.as_good =
        fields.one_of(treat, "E_EXCLUDE", "treat", kTreatWords) == std::string_view("good");
    out.treat_given = true;
  }
  return out;
}

}  // namespace

void read_exclusions(SloFields& fields, const YAML::Node& node, Definition& out) {
  if (!node.IsSequence()) {
    return fields.error(node, "E_EXCLUDE", "exclude: a list of {from, to, why} or {every, why}");
  }
  for (const YAML::Node& one : node) {
    if (one.IsMap()) {
      out.exclusions.push_back(read_exclusion(fields, one, out.method));
    } else {
      fields.error(one, "E_EXCLUDE", "an exclusion is a map: {from, to, why} or {every, why}");
    }
  }
}

}  // namespace hygge::formats
