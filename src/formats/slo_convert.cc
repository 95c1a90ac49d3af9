// Definitions written out: native YAML that reads back the same, and the canonical JSON.
#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <array>
#include <limits>

#include "formats/slo_json.h"

namespace hygge::formats {

namespace {

using slo::Definition;

// Exactly, where the fraction is a decimal of at most 18 places; rounded otherwise.
std::string decimal(const slo::Rational& value) {
  std::int64_t scale = 1;
  for (int digits = 0; digits <= 18; ++digits) {
    if (scale % value.den == 0) {
      const std::int64_t factor = scale / value.den;
      if (value.num > std::numeric_limits<std::int64_t>::max() / factor) break;
      const std::string all = fmt::format("{:0{}}", value.num * factor, digits + 1);
      const std::size_t point = all.size() - static_cast<std::size_t>(digits);
      return digits == 0 ? all : all.substr(0, point) + "." + all.substr(point);
    }
    if (digits < 18) scale *= 10;
  }
  return fmt::format("{:.15g}", value.value());
}

std::string percent_text(const slo::Rational& share) {
  return decimal(share * slo::Rational{100, 1});
}

// Labels by name, so that the same selector is the same text.
std::string normal(Selector selector) {
  const auto rank = [](const Matcher& one) { return one.name == kNameLabel ? 0 : 1; };
  std::stable_sort(selector.matchers.begin(), selector.matchers.end(),
                   [&](const Matcher& a, const Matcher& b) {
                     return std::pair(rank(a), a.name) < std::pair(rank(b), b.name);
                   });
  return to_string(selector);
}

std::string test_text(const Definition& definition) {
  return fmt::format("{} {} {}", normal(definition.total), to_string(definition.ok->op),
                     plain_number(definition.ok->limit));
}

std::string_view word(slo::SliceRule rule) {
  return rule == slo::SliceRule::good ? "good" : rule == slo::SliceRule::bad ? "bad" : "ignore";
}

std::string_view kind_word(const Definition& definition) {
  switch (definition.kind) {
    case slo::Kind::counter:
      return "counter";
    case slo::Kind::delta:
      return "delta";
    case slo::Kind::gauge:
      return "gauge";
    case slo::Kind::automatic:
      break;
  }
  return "auto";
}

std::string every_text(const slo::Exclusion::Every& every) {
  constexpr std::array kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  return fmt::format("{} {:02}:{:02}-{:02}:{:02}",
                     every.weekday ? kDays[static_cast<std::size_t>(*every.weekday)] : "daily",
                     every.from_minute / 60, every.from_minute % 60, every.to_minute / 60,
                     every.to_minute % 60);
}

// A member whose value may be none.
void maybe(Json& out, std::string_view key, bool there, const std::string& text) {
  out.key(key);
  if (there) {
    out.value(text);
  } else {
    out.null();
  }
}

// --- JSON ---

void write_window(Json& out, const Definition& definition) {
  out.key("window").open('{');
  if (definition.calendar) {
    out.field("calendar", to_string(definition.calendar->unit))
        .field("tz", definition.calendar->tz);
    out.field("fiscal_start", definition.calendar->fiscal_start);
  } else {
    out.field("rolling", slo::window_text(definition.window_ms));
  }
  out.close('}');
}

void write_method(Json& out, const Definition& definition) {
  const bool slices = definition.method != slo::Method::occurrences && !definition.composite;
  out.key("method").open('{');
  out.field("kind", definition.composite ? std::string_view("composite")
                                         : slo::to_string(definition.method));
  maybe(out, "length", slices, format_duration(definition.step_ms));
  maybe(out, "slice_target", slices && definition.method == slo::Method::timeslices,
        percent_text(definition.slice_target));
  out.close('}');
}

void write_selectors(Json& out, const Definition& definition) {
  const bool events = !definition.ok && !definition.composite;
  maybe(out, "bad", events && !definition.part_is_good, normal(definition.part));
  maybe(out, "good", events && definition.part_is_good, normal(definition.part));
  maybe(out, "total", events, normal(definition.total));
  maybe(out, "ok", definition.ok.has_value(), definition.ok ? test_text(definition) : "");
}

void write_alert(Json& out, const slo::AlertRule& rule) {
  out.open('{').field("as", rule.as).field("long", slo::window_text(rule.long_ms));
  out.field("short", slo::window_text(rule.short_ms)).field("factor", rule.factor.value());
  out.field("spend", rule.spend ? std::optional<double>(rule.spend->value()) : std::nullopt);
  out.field("op", rule.or_equal ? "gte" : "gt").field("min_bad", rule.min_bad);
  out.field("significance", rule.significance).close('}');
}

void write_exclusion(Json& out, const slo::Exclusion& exclusion) {
  out.open('{');
  if (exclusion.every) {
    out.field("every", every_text(*exclusion.every)).field("tz", exclusion.every->tz);
  } else {
    out.field("from", format_time_utc(exclusion.range.after));
    out.field("to", format_time_utc(exclusion.range.until));
  }
  out.field("why", exclusion.why).field("treat", exclusion.as_good ? "good" : "drop").close('}');
}

void write_composite(Json& out, const slo::Composite& composite) {
  out.field("composite", to_string(composite.how)).key("of").open('[');
  for (const slo::Composite::Part& part : composite.of) {
    out.open('{').field("slo", part.slo).field("weight", part.weight.value()).close('}');
  }
  out.close(']');
}

void convert_entry(Json& out, const Definition& definition) {
  out.open('{').field("slo", definition.name).field("service", definition.service);
  out.field("target", definition.target_percent);
  write_window(out, definition);
  write_method(out, definition);
  out.field("kind", kind_word(definition));
  write_selectors(out, definition);
  out.field("step", format_duration(definition.step_ms)).key("alerts").open('[');
  for (const slo::AlertRule& rule : definition.alerts) write_alert(out, rule);
  out.close(']').field("min_coverage", definition.min_coverage.value());
  out.field("lookback", format_duration(definition.lookback_ms));
  out.field("idle", word(definition.idle)).field("no_data", word(definition.no_data));
  out.key("exclude").open('[');
  for (const slo::Exclusion& exclusion : definition.exclusions) write_exclusion(out, exclusion);
  out.close(']');
  if (definition.composite) write_composite(out, *definition.composite);
  out.close('}');
}

// --- YAML: a key a line, values as JSON has them, which is YAML ---

class Yaml {
 public:
  std::string text;

  void raw(std::string_view key, std::string_view value) {
    text += fmt::format("{}: {}\n", key, value);
  }
  void string(std::string_view key, std::string_view value) { raw(key, quote(value)); }
  void item(std::string_view value) { text += fmt::format("  - {{{}}}\n", value); }
  static std::string quote(std::string_view value) {
    Json json;
    json.value(value);
    return json.text;
  }
};

void yaml_sources(Yaml& out, const Definition& definition) {
  if (definition.composite) {
    out.raw("composite", to_string(definition.composite->how));
    out.text += "of:\n";
    for (const slo::Composite::Part& part : definition.composite->of) {
      const bool weighted = definition.composite->how == slo::Composite::How::weighted;
      out.item(fmt::format("slo: {}{}", Yaml::quote(part.slo),
                           weighted ? ", weight: " + decimal(part.weight) : ""));
    }
  } else if (definition.ok) {
    out.string("ok", test_text(definition));
  } else {
    out.string(definition.part_is_good ? "good" : "bad", normal(definition.part));
    out.string("total", normal(definition.total));
    if (definition.kind != slo::Kind::automatic) out.raw("kind", kind_word(definition));
  }
}

void yaml_counting(Yaml& out, const Definition& definition) {
  if (definition.composite) return;
  const std::string step = format_duration(definition.step_ms);
  switch (definition.method) {
    case slo::Method::occurrences:
      if (definition.step_ms != kMinuteMs) out.raw("step", step);
      break;
    case slo::Method::timeslices:
      out.raw("method",
              fmt::format("timeslices({}, {})", step, percent_text(definition.slice_target)));
      break;
    case slo::Method::ratio_timeslices:
      out.raw("method", fmt::format("ratio-timeslices({})", step));
      break;
  }
  if (definition.lookback_ms != kHourMs) {
    out.raw("lookback", format_duration(definition.lookback_ms));
  }
  if (definition.no_data != slo::SliceRule::ignore) out.raw("no_data", word(definition.no_data));
  if (definition.idle != slo::SliceRule::good) out.raw("idle", word(definition.idle));
  if (definition.idle_when_absent) out.raw("idle_when_absent", "true");
}

std::string yaml_rule(const slo::AlertRule& rule) {
  std::string out = rule.spend ? fmt::format("spend: {}%", percent_text(*rule.spend))
                               : fmt::format("factor: {}", decimal(rule.factor));
  out += fmt::format(", long: {}, short: {}, as: {}", slo::window_text(rule.long_ms),
                     slo::window_text(rule.short_ms), rule.as);
  if (rule.or_equal) out += ", op: gte";
  if (rule.min_bad != 1) out += fmt::format(", min_bad: {}", rule.min_bad);
  if (rule.significance) out += fmt::format(", significance: {}", *rule.significance);
  return out;
}

void yaml_alerts(Yaml& out, const Definition& definition) {
  if (definition.alerts.empty()) return out.raw("alerts", "none");
  if (slo::own_policy(definition).name == "google") return out.raw("alerts", "google");
  out.text += "alerts:\n";
  for (const slo::AlertRule& rule : definition.alerts) out.item(yaml_rule(rule));
}

void yaml_exclusions(Yaml& out, const Definition& definition) {
  if (definition.exclusions.empty()) return;
  out.text += "exclude:\n";
  for (const slo::Exclusion& exclusion : definition.exclusions) {
    std::string when =
        exclusion.every
            ? fmt::format("every: {}, tz: {}", Yaml::quote(every_text(*exclusion.every)),
                          Yaml::quote(exclusion.every->tz))
            : fmt::format("from: {}, to: {}", Yaml::quote(format_time_utc(exclusion.range.after)),
                          Yaml::quote(format_time_utc(exclusion.range.until)));
    out.item(fmt::format("{}, why: {}, treat: {}", when, Yaml::quote(exclusion.why),
                         exclusion.as_good ? "good" : "drop"));
  }
}

std::string yaml_document(const Definition& definition) {
  Yaml out;
  out.string("slo", definition.name);
  if (!definition.service.empty()) out.string("service", definition.service);
  if (!definition.description.empty()) out.string("description", definition.description);
  out.raw("target", definition.target_percent);
  if (const auto& calendar = definition.calendar) {
    out.raw("window",
            fmt::format("{{calendar: {}, tz: {}, fiscal_start: {}}}", to_string(calendar->unit),
                        Yaml::quote(calendar->tz), calendar->fiscal_start));
  } else {
    out.raw("window", slo::window_text(definition.window_ms));
  }
  yaml_sources(out, definition);
  yaml_counting(out, definition);
  if (definition.since_ms) out.string("since", format_time_utc(*definition.since_ms));
  if (definition.delay_ms != 0) out.raw("delay", format_duration(definition.delay_ms));
  if (!(definition.min_coverage == slo::Rational{9, 10})) {
    out.raw("min_coverage", decimal(definition.min_coverage));
  }
  if (definition.confidence.value() != 0.95) {
    out.raw("confidence", percent_text(definition.confidence));
  }
  yaml_alerts(out, definition);
  yaml_exclusions(out, definition);
  return std::move(out.text);
}

}  // namespace

std::string convert_json(TimeMs at_ms, std::span<const slo::Definition> definitions) {
  return reply("convert", at_ms, definitions, convert_entry);
}

std::string convert_yaml(std::span<const slo::Definition> definitions) {
  std::string out;
  for (const Definition& definition : definitions) {
    out += (out.empty() ? "" : "---\n") + yaml_document(definition);
  }
  return out;
}

}  // namespace hygge::formats
