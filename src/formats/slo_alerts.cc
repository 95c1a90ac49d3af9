#include "formats/slo_alerts.h"

#include <fmt/format.h>

#include "formats/slo_keys.h"

namespace hygge::formats {

using slo::AlertRule;
using slo::Definition;
using slo::Rational;

namespace {

// The gates that a map sets: an alert for itself, a document for its alerts.
struct Gates {
  std::optional<std::uint64_t> min_bad;
  std::optional<double> significance;
};

Gates read_gates(SloFields& fields, const YAML::Node& map) {
  Gates out;
  if (const YAML::Node node = map["min_bad"]; node.IsDefined()) {
    out.min_bad = fields.count(node, "E_ALERT", "min_bad");
  }
  if (const YAML::Node node = map["significance"]; node.IsDefined()) {
    out.significance = fields.share(node, "E_ALERT", "significance");
  }
  return out;
}

void read_factor(SloFields& fields, const YAML::Node& node, const Definition& definition,
                 AlertRule& rule) {
  const YAML::Node factor = node["factor"];
  const YAML::Node spend = node["spend"];
  if (factor.IsDefined() == spend.IsDefined()) {
    return fields.error(node, "E_ALERT", "an alert needs spend or factor, one of them");
  }
  if (factor.IsDefined()) {
    const auto text = fields.text(factor, "E_ALERT", "factor");
    const auto value = text ? Rational::parse(*text) : std::nullopt;
    if (!value || value->num == 0) {
      return fields.error(factor, "E_ALERT", "factor: a positive decimal such as 14.4");
    }
    rule.factor = *value;
  } else {
    const auto text = fields.text(spend, "E_ALERT", "spend");
    const auto value = text ? SloFields::percent(*text) : std::nullopt;
    if (!value || value->num == 0 || value->num > value->den) {
      return fields.error(spend, "E_ALERT", "spend: a percentage of the budget such as 2%");
    }
    rule.spend = *value;
    rule.factor = *value * Rational::of(definition.window_ms, rule.long_ms);
  }
  if (!multiply(rule.factor, definition.budget())) {
    fields.error(node, "E_ALERT", "factor and target have too many digits to compare exactly");
  }
}

// Both windows; false after an error.
bool read_windows(SloFields& fields, const YAML::Node& node, const Definition& definition,
                  AlertRule& rule) {
  const YAML::Node long_node = node["long"];
  const YAML::Node short_node = node["short"];
  if (!long_node.IsDefined()) {
    fields.error(node, "E_ALERT", "an alert needs long: its window");
    return false;
  }
  const auto long_ms = fields.duration(long_node, "E_ALERT", "long");
  const auto short_ms =
      short_node.IsDefined() ? fields.duration(short_node, "E_ALERT", "short") : long_ms;
  if (!long_ms || !short_ms) return false;
  const auto whole = [&](DurationMs length) {
    return length > 0 && length % definition.step_ms == 0;
  };
  if (!whole(*long_ms) || !whole(*short_ms)) {
    fields.error(whole(*long_ms) ? short_node : long_node, "E_ALERT",
                 fmt::format("long and short must be multiples of the step {}",
                             format_duration(definition.step_ms)));
    return false;
  }
  if (*short_ms > *long_ms) {
    fields.error(short_node, "E_ALERT", "short is longer than long");
    return false;
  }
  rule.long_ms = *long_ms;
  rule.short_ms = *short_ms;
  return true;
}

void add_google(SloFields& fields, const YAML::Node& at, Definition& definition) {
  definition.alerts = slo::google_alerts(definition.window_ms);
  for (const AlertRule& rule : definition.alerts) {
    if (rule.short_ms % definition.step_ms == 0) continue;
    return fields.error(
        at, "E_ALERT",
        fmt::format("alerts: google has a window of {}, which is no multiple of "
                    "the step {}: write a list of your own, or none",
                    format_duration(rule.short_ms), format_duration(definition.step_ms)));
  }
}

}  // namespace

void read_alert(SloFields& fields, const YAML::Node& node, Definition& definition) {
  if (!node.IsMap()) {
    return fields.error(node, "E_ALERT",
                        "an alert is a map: {spend: 2%, long: 1h, short: 5m, as: page}");
  }
  fields.check_keys(node, names_of(alert_keys()));
  AlertRule rule;
  rule.line = SloFields::line_of(node);
  if (read_windows(fields, node, definition, rule)) read_factor(fields, node, definition, rule);
  if (const YAML::Node as = node["as"]; as.IsDefined()) {
    rule.as = fields.one_of(as, "E_ALERT", "as", kAsWords).value_or("page");
  }
  if (const YAML::Node op = node["op"]; op.IsDefined()) {
    rule.or_equal = fields.one_of(op, "E_ALERT", "op", kOpWords) == std::string_view("gte");
  }
  const Gates own = read_gates(fields, node);
  rule.min_bad = own.min_bad.value_or(rule.min_bad);
  rule.significance = own.significance ? own.significance : rule.significance;
  definition.alerts.push_back(std::move(rule));
}

void read_alerts(SloFields& fields, const YAML::Node& document, Definition& definition) {
  const YAML::Node alerts = document["alerts"];
  const Gates gates = read_gates(fields, document);
  if (!alerts.IsDefined() || (alerts.IsScalar() && alerts.Scalar() == "google")) {
    add_google(fields, alerts.IsDefined() ? alerts : document, definition);
  } else if (alerts.IsSequence()) {
    for (const YAML::Node& node : alerts) {
      // The document's gates are the defaults of each rule.
      const std::size_t before = definition.alerts.size();
      read_alert(fields, node, definition);
      if (definition.alerts.size() == before) continue;
      AlertRule& rule = definition.alerts.back();
      if (gates.min_bad && !node["min_bad"].IsDefined()) rule.min_bad = *gates.min_bad;
      if (gates.significance && !node["significance"].IsDefined()) {
        rule.significance = gates.significance;
      }
    }
    return;
  } else if (!alerts.IsScalar() || alerts.Scalar() != "none") {
    return fields.error(alerts, "E_ALERT", "alerts: google, none, or a list");
  }
  for (AlertRule& rule : definition.alerts) {
    rule.min_bad = gates.min_bad.value_or(rule.min_bad);
    rule.significance = gates.significance ? gates.significance : rule.significance;
  }
}

}  // namespace hygge::formats
