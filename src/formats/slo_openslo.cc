#include "formats/slo_openslo.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "formats/numbers.h"
#include "formats/slo_query.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

using slo::Definition;
using slo::Method;
using slo::Rational;
using slo::Test;

// A key that is not there is a node that throws when it is asked for its type.
bool is_map(const YAML::Node& node) { return node.IsDefined() && node.IsMap(); }

std::string scalar_of(const YAML::Node& map, const char* key) {
  if (!is_map(map)) return {};
  const YAML::Node value = map[key];
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string();
}

std::string name_of(const YAML::Node& object) { return scalar_of(object["metadata"], "name"); }

// "0.999" as "99.9": digits moved, so that what was written stays exact.
std::string percent_of(const std::string& share) {
  const std::size_t point = share.find('.');
  std::string digits = share.substr(0, point);
  std::string rest = point == std::string::npos ? std::string() : share.substr(point + 1);
  rest.resize(std::max<std::size_t>(rest.size(), 2), '0');
  digits += rest.substr(0, 2);
  rest.erase(0, 2);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  while (rest.ends_with('0')) rest.pop_back();
  return rest.empty() ? digits : digits + "." + rest;
}

class OpenSloReader {
 public:
  OpenSloReader(SloFile& out, const YAML::Node& document, const std::string& file,
                const OpenSloObjects& objects)
      : file_(out), fields_(out, file), document_(document), objects_(objects) {}

  std::optional<Definition> read() {
    constexpr std::array<std::string_view, 4> kDocument{"apiVersion", "kind", "metadata", "spec"};
    fields_.check_keys(document_, kDocument);
    const YAML::Node spec = document_["spec"];
    if (!is_map(spec)) {
      fields_.error(document_, "E_KEY", "an SLO of OpenSLO has metadata and spec");
      return std::nullopt;
    }
    constexpr std::array<std::string_view, 8> kSpec{
        "description", "service",         "indicator",  "indicatorRef",
        "timeWindow",  "budgetingMethod", "objectives", "alertPolicies"};
    fields_.check_keys(spec, kSpec);
    out_.file = fields_.file();
    out_.line = SloFields::line_of(document_);
    out_.alerts.clear();
    read_names(spec);
    read_openslo_window(fields_, spec, out_);
    const YAML::Node objective = objective_of(spec);
    if (objective.IsDefined()) {
      read_target(objective);
      read_method(spec, objective);
      read_indicator(spec, objective);
    }
    if (fields_.ok() && !failed_) read_alerts(spec);
    if (!fields_.ok() || failed_) return std::nullopt;
    if (const auto valid = validate(out_); !valid) {
      fields_.error(document_, "E_WINDOW", valid.error().message);
      return std::nullopt;
    }
    return std::move(out_);
  }

 private:
  void read_names(const YAML::Node& spec) {
    const YAML::Node metadata = document_["metadata"];
    out_.name = name_of(document_);
    if (!SloFields::is_name(out_.name)) {
      fields_.error(metadata.IsDefined() ? metadata : document_, "E_NAME",
                    fmt::format("metadata.name: {} is no name of letters, digits, _ . and -",
                                quoted(out_.name)));
    }
    out_.service = scalar_of(spec, "service");
    out_.description = scalar_of(spec, "description");
  }

  YAML::Node objective_of(const YAML::Node& spec) {
    const YAML::Node all = spec["objectives"];
    if (all.IsDefined() && all.IsSequence() && all.size() == 1 && all[0].IsMap()) {
      constexpr std::array<std::string_view, 7> kKeys{
          "displayName",    "op", "value", "target", "targetPercent", "timeSliceTarget",
          "timeSliceWindow"};
      fields_.check_keys(all[0], kKeys);
      return all[0];
    }
    const bool many = all.IsDefined() && all.IsSequence() && all.size() > 1;
    fields_.error(all.IsDefined() ? all : spec, many ? "E_UNSUPPORTED" : "E_TARGET",
                  many ? "objectives: more than one; write an SLO for each"
                       : "objectives: a list of one objective");
    return YAML::Node(YAML::NodeType::Undefined);
  }

  void read_target(const YAML::Node& objective) {
    const YAML::Node share = objective["target"];
    const YAML::Node percent = objective["targetPercent"];
    if (share.IsDefined() == percent.IsDefined()) {
      return fields_.error(objective, "E_TARGET", "target or targetPercent, one of them");
    }
    const YAML::Node node = share.IsDefined() ? share : percent;
    const auto text = fields_.text(node, "E_TARGET", "target");
    if (!text) return;
    const bool plain = Rational::parse(*text).has_value();
    const std::string written = plain && share.IsDefined() ? percent_of(*text) : *text;
    const auto objective_share = plain ? SloFields::percent(written) : std::nullopt;
    if (!objective_share || objective_share->num >= objective_share->den) {
      return fields_.error(
          node, "E_TARGET",
          share.IsDefined()
              ? fmt::format("target: {} is not between 0 and 1", quoted(*text))
              : fmt::format("targetPercent: {} is no percentage below 100", quoted(*text)));
    }
    out_.objective = *objective_share;
    out_.target_percent = written;
  }

  void read_method(const YAML::Node& spec, const YAML::Node& objective) {
    const YAML::Node node = spec["budgetingMethod"];
    constexpr std::array<std::string_view, 3> kWords{"Occurrences", "Timeslices",
                                                     "RatioTimeslices"};
    const auto word = node.IsDefined() ? fields_.one_of(node, "E_METHOD", "budgetingMethod", kWords)
                                       : std::optional<std::string_view>(kWords[0]);
    if (!word) return;
    const YAML::Node slice = objective["timeSliceWindow"];
    const YAML::Node target = objective["timeSliceTarget"];
    if (*word == kWords[0]) {
      if (!slice.IsDefined() && !target.IsDefined()) return;
      return fields_.error(objective, "E_METHOD",
                           "timeSliceTarget and timeSliceWindow belong to Timeslices");
    }
    out_.method = *word == kWords[1] ? Method::timeslices : Method::ratio_timeslices;
    if (!slice.IsDefined()) {
      return fields_.error(objective, "E_METHOD",
                           fmt::format("{} needs timeSliceWindow: 5m, for example", *word));
    }
    const auto length = fields_.duration(slice, "E_METHOD", "timeSliceWindow");
    if (!length) return;
    if (*length <= 0 || kHourMs % *length != 0) {
      return fields_.error(slice, "E_STEP", "timeSliceWindow: it does not divide an hour");
    }
    out_.step_ms = *length;
    if (out_.method == Method::timeslices) read_slice_target(objective, target);
  }

  void read_slice_target(const YAML::Node& objective, const YAML::Node& target) {
    if (!target.IsDefined()) {
      // A gauge's slice is good where all of its samples are.
      if (objective["op"].IsDefined()) return;
      return fields_.error(objective, "E_METHOD", "Timeslices needs timeSliceTarget: 0.95, say");
    }
    const auto text = fields_.text(target, "E_METHOD", "timeSliceTarget");
    if (!text) return;
    const auto share = Rational::parse(*text);
    if (!share || share->num > share->den) {
      return fields_.error(
          target, "E_METHOD",
          fmt::format("timeSliceTarget: {} is not between 0 and 1", quoted(*text)));
    }
    out_.slice_target = *share;
  }

  // The spec of an object that stands in place, or elsewhere under the name of `…Ref`.
  struct Found {
    YAML::Node spec;
    std::string file;
  };
  std::optional<Found> resolve(const YAML::Node& holder, const YAML::Node& inside,
                               const std::string& kind, const std::string& name) {
    if (is_map(inside)) {
      const YAML::Node spec = inside["spec"];
      if (is_map(spec)) return Found{spec, fields_.file()};
      fields_.error(inside, "E_KEY", fmt::format("{}: spec is required", kind));
      return std::nullopt;
    }
    const OpenSloObjects::Object* found = objects_.find(kind, name);
    if (found != nullptr) {
      const YAML::Node spec = found->document["spec"];
      if (is_map(spec)) return Found{spec, found->file};
    }
    fields_.error(holder, "E_KEY",
                  fmt::format("no {} is called {} in these files", kind, quoted(name)));
    return std::nullopt;
  }

  void read_indicator(const YAML::Node& spec, const YAML::Node& objective) {
    const YAML::Node inside = spec["indicator"];
    const std::string name = scalar_of(spec, "indicatorRef");
    if (!inside.IsDefined() && name.empty()) {
      return fields_.error(spec, "E_SELECTOR", "indicator or indicatorRef is required");
    }
    const auto found = resolve(spec, inside, "SLI", name);
    if (!found) return;
    SloFields fields(file_, found->file);
    constexpr std::array<std::string_view, 3> kKeys{"description", "ratioMetric",
                                                    "thresholdMetric"};
    fields.check_keys(found->spec, kKeys);
    const YAML::Node ratio = found->spec["ratioMetric"];
    const YAML::Node threshold = found->spec["thresholdMetric"];
    if (is_map(ratio)) {
      read_ratio(fields, ratio);
    } else if (is_map(threshold)) {
      read_threshold(fields, threshold, objective);
    } else {
      fields.error(found->spec, "E_SELECTOR", "an SLI has ratioMetric or thresholdMetric");
    }
    failed_ = failed_ || !fields.ok();
  }

  void read_ratio(SloFields& fields, const YAML::Node& ratio) {
    constexpr std::array<std::string_view, 6> kKeys{"counter", "good",    "bad",
                                                    "total",   "rawType", "raw"};
    fields.check_keys(ratio, kKeys);
    for (const char* key : {"raw", "rawType"}) {
      if (ratio[key].IsDefined()) {
        return fields.unsupported(ratio[key], fmt::format("ratioMetric.{}", key));
      }
    }
    if (ratio["good"].IsDefined() == ratio["bad"].IsDefined() || !ratio["total"].IsDefined()) {
      return fields.error(ratio, "E_SELECTOR", "ratioMetric: good or bad, and total");
    }
    out_.kind = scalar_of(ratio, "counter") == "true" ? slo::Kind::counter : slo::Kind::delta;
    out_.part_is_good = ratio["good"].IsDefined();
    const char* part = out_.part_is_good ? "good" : "bad";
    if (auto selector = metric(fields, ratio[part], part, &out_.part_line)) out_.part = *selector;
    if (auto selector = metric(fields, ratio["total"], "total", &out_.total_line)) {
      out_.total = *selector;
    }
  }

  void read_threshold(SloFields& fields, const YAML::Node& threshold, const YAML::Node& objective) {
    auto selector = metric(fields, threshold, "thresholdMetric", &out_.total_line);
    if (!selector) return;
    constexpr std::array<std::string_view, 4> kOps{"lt", "lte", "gt", "gte"};
    constexpr std::array<Test::Op, 4> kTests{Test::Op::lt, Test::Op::le, Test::Op::gt,
                                             Test::Op::ge};
    if (!objective["op"].IsDefined() || !objective["value"].IsDefined()) {
      return fields_.error(objective, "E_SELECTOR", "thresholdMetric needs op and value");
    }
    const auto op = fields_.one_of(objective["op"], "E_SELECTOR", "op", kOps);
    const auto value = fields_.text(objective["value"], "E_SELECTOR", "value");
    if (!op || !value) return;
    const auto limit = parse_number(*value);
    if (!limit || !std::isfinite(*limit)) {
      return fields_.error(objective["value"], "E_SELECTOR",
                           fmt::format("value: {} is no number", quoted(*value)));
    }
    const auto at =
        static_cast<std::size_t>(std::find(kOps.begin(), kOps.end(), *op) - kOps.begin());
    out_.ok = Test{kTests[at], *limit};
    out_.part = out_.total = std::move(*selector);
    out_.part_line = out_.total_line;
  }

  // metricSource: {spec: {query: …}} or {spec: {selector: …}}.
  std::optional<Selector> metric(SloFields& fields, const YAML::Node& node, const char* what,
                                 std::uint32_t* line) {
    const YAML::Node source = is_map(node) ? node["metricSource"] : YAML::Node();
    const YAML::Node spec = is_map(source) ? source["spec"] : YAML::Node();
    const bool has = is_map(spec) && (spec["query"].IsDefined() || spec["selector"].IsDefined());
    if (!has) {
      fields.error(node, "E_SELECTOR",
                   fmt::format("{}: metricSource.spec.query or .selector is required", what));
      return std::nullopt;
    }
    const YAML::Node query = spec["query"].IsDefined() ? spec["query"] : spec["selector"];
    const auto text = fields.text(query, "E_SELECTOR", what);
    if (!text) return std::nullopt;
    *line = SloFields::line_of(query);
    const auto inside = selector_of_query(*text);
    auto selector = inside ? hygge::selector(*inside) : Result<Selector>(tl::unexpect, Error{});
    if (selector) return std::move(*selector);
    fields.error(query, "E_UNSUPPORTED",
                 fmt::format("{}: {} is no selector, sum(rate(SELECTOR[...])) or "
                             "sum(increase(SELECTOR[...]))",
                             what, quoted(*text)));
    return std::nullopt;
  }

  void read_alerts(const YAML::Node& spec) {
    const YAML::Node metadata = document_["metadata"];
    const YAML::Node annotations = is_map(metadata) ? metadata["annotations"] : YAML::Node();
    if (scalar_of(annotations, "hygge/alerts") == "google") {
      out_.alerts = slo::google_alerts(out_.window_ms);
    }
    const YAML::Node policies = spec["alertPolicies"];
    if (!policies.IsDefined()) return;
    if (!policies.IsSequence()) return fields_.error(policies, "E_ALERT", "alertPolicies: a list");
    for (const YAML::Node& policy : policies) {
      const std::string name =
          policy.IsScalar() ? policy.Scalar() : scalar_of(policy, "alertPolicyRef");
      const YAML::Node inside = name.empty() ? policy : YAML::Node(YAML::NodeType::Undefined);
      if (const auto found = resolve(policy, inside, "AlertPolicy", name)) read_policy(*found);
    }
  }

  void read_policy(const Found& policy) {
    SloFields fields(file_, policy.file);
    const YAML::Node conditions = policy.spec["conditions"];
    if (!conditions.IsDefined() || !conditions.IsSequence() || conditions.size() != 1) {
      failed_ = true;
      return fields.error(policy.spec, "E_ALERT", "an AlertPolicy has one condition");
    }
    if (scalar_of(policy.spec, "alertWhenNoData") == "true") {
      fields.unsupported(policy.spec["alertWhenNoData"], "alertWhenNoData");
    }
    failed_ = failed_ || !fields.ok();
    const YAML::Node one = conditions[0];
    const std::string name = one.IsScalar() ? one.Scalar() : scalar_of(one, "conditionRef");
    const YAML::Node inside = name.empty() ? one : YAML::Node(YAML::NodeType::Undefined);
    if (const auto found = resolve(one, inside, "AlertCondition", name)) read_condition(*found);
  }

  void read_condition(const Found& found) {
    SloFields fields(file_, found.file);
    read_rule(fields, found.spec);
    failed_ = failed_ || !fields.ok();
  }

  // A burn rate over one window, which is both the long and the short one.
  void read_rule(SloFields& fields, const YAML::Node& spec) {
    const YAML::Node condition = spec["condition"];
    if (!is_map(condition)) {
      return fields.error(spec, "E_ALERT", "an AlertCondition has a condition");
    }
    constexpr std::array<std::string_view, 5> kKeys{"kind", "op", "threshold", "lookbackWindow",
                                                    "alertAfter"};
    fields.check_keys(condition, kKeys);
    slo::AlertRule rule;
    rule.line = SloFields::line_of(condition);
    if (scalar_of(condition, "kind") != "burnrate") {
      return fields.unsupported(condition, "a condition of another kind than burnrate");
    }
    constexpr std::array<std::string_view, 2> kSeverities{"page", "ticket"};
    if (const YAML::Node severity = spec["severity"]; severity.IsDefined()) {
      const auto word = fields.one_of(severity, "E_ALERT", "severity", kSeverities);
      if (word) rule.as = *word;
    }
    if (const YAML::Node op = condition["op"]; op.IsDefined()) {
      const std::string word = op.IsScalar() ? op.Scalar() : std::string();
      if (word != "gt" && word != "gte") return fields.unsupported(op, "op other than gt and gte");
      rule.or_equal = word == "gte";
    }
    if (const YAML::Node after = condition["alertAfter"]; after.IsDefined()) {
      const auto wait = fields.duration(after, "E_ALERT", "alertAfter");
      if (wait && *wait != 0) return fields.unsupported(after, "alertAfter");
    }
    const auto factor = Rational::parse(scalar_of(condition, "threshold"));
    const YAML::Node length = condition["lookbackWindow"];
    if (!factor || factor->num == 0 || !length.IsDefined()) {
      return fields.error(condition, "E_ALERT",
                          "a condition has threshold, a number above 0, and lookbackWindow");
    }
    const auto window = fields.duration(length, "E_ALERT", "lookbackWindow");
    if (!window) return;
    if (*window <= 0 || *window % out_.step_ms != 0) {
      return fields.error(length, "E_ALERT",
                          fmt::format("lookbackWindow must be a multiple of the step {}",
                                      format_duration(out_.step_ms)));
    }
    rule.factor = *factor;
    rule.long_ms = rule.short_ms = *window;
    out_.alerts.push_back(std::move(rule));
  }

  SloFile& file_;
  SloFields fields_;
  const YAML::Node& document_;
  const OpenSloObjects& objects_;
  Definition out_;
  bool failed_ = false;  // in an object of another document
};

}  // namespace

bool is_openslo(const YAML::Node& document) {
  return document.IsMap() && scalar_of(document, "apiVersion").starts_with("openslo");
}

void OpenSloObjects::add(const YAML::Node& document, const std::string& file) {
  const std::string kind = scalar_of(document, "kind");
  if (kind.empty() || kind == "SLO") return;
  by_name_.emplace(std::pair(kind, name_of(document)), Object{document, file});
}

const OpenSloObjects::Object* OpenSloObjects::find(const std::string& kind,
                                                   const std::string& name) const {
  const auto at = by_name_.find({kind, name});
  return at == by_name_.end() ? nullptr : &at->second;
}

void read_openslo(SloFile& out, const YAML::Node& document, const std::string& file,
                  const OpenSloObjects& objects) {
  SloFields fields(out, file);
  const std::string version = scalar_of(document, "apiVersion");
  if (version != "openslo/v1") {
    return fields.error(document["apiVersion"], "E_UNSUPPORTED",
                        fmt::format("apiVersion: {}; only openslo/v1 is read", quoted(version)));
  }
  constexpr std::array<std::string_view, 7> kKinds{
      "SLO",     "SLI",       "AlertPolicy", "AlertCondition", "AlertNotificationTarget",
      "Service", "DataSource"};
  const YAML::Node kind = document["kind"];
  if (!kind.IsDefined()) return fields.error(document, "E_KEY", "kind is required");
  const auto word = fields.one_of(kind, "E_KEY", "kind", kKinds);
  if (!word) return;
  if (const OpenSloObjects::Object* first = objects.find(std::string(*word), name_of(document));
      first != nullptr &&
      !(first->file == file && first->document.Mark().pos == document.Mark().pos)) {
    fields.error(document, "E_DUP",
                 fmt::format("{} {} is defined in {} already", *word, quoted(name_of(document)),
                             first->file));
  }
  if (*word != "SLO") return;
  if (auto definition = OpenSloReader(out, document, file, objects).read()) {
    out.definitions.push_back(std::move(*definition));
  }
}

}  // namespace hygge::formats
