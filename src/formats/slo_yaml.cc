// SLO definition files: YAML to structs, with the place of everything that is wrong.
#include <fmt/format.h>
#include <hygge/formats.h>
#include <hygge/slo_file.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "base/near.h"
#include "formats/slo_time.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

constexpr std::size_t kMaxErrors = 20;
constexpr std::size_t kMaxFileBytes = 1U << 20U;
constexpr int kMaxDepth = 16;

using slo::AlertRule;
using slo::Definition;
using slo::Rational;

// One document. Each key has a reader; errors are collected, so that a file is mended in one go.
class DocumentReader {
 public:
  DocumentReader(SloFile& out, const std::string& file) : out_(out), file_(file) {}

  void read(const YAML::Node& document);

 private:
  using Read = void (DocumentReader::*)(const YAML::Node&);

  void error(const YAML::Node& at, std::string_view code, std::string message) {
    if (out_.errors.size() >= kMaxErrors) return;
    failed_ = true;
    const YAML::Mark mark = at.Mark();
    const auto place = [](int value) {
      return value < 0 ? 0U : static_cast<std::uint32_t>(value) + 1;
    };
    out_.errors.push_back(
        {file_, place(mark.line), place(mark.column), std::string(code), std::move(message)});
  }
  void unsupported(const YAML::Node& at, std::string_view what) {
    error(at, "E_UNSUPPORTED", fmt::format("{} is not supported yet", what));
  }
  std::optional<std::string> scalar(const YAML::Node& node, std::string_view code,
                                    std::string_view key) {
    if (node.IsScalar()) return node.Scalar();
    error(node, code, fmt::format("{} must be a plain value", key));
    return std::nullopt;
  }
  std::optional<DurationMs> duration(const YAML::Node& node, std::string_view code,
                                     std::string_view key);
  std::optional<Selector> selector_at(const YAML::Node& node, std::string_view key);
  std::optional<Rational> percent(std::string text);
  std::optional<std::string_view> one_of(const YAML::Node& node, std::string_view code,
                                         std::string_view key,
                                         std::span<const std::string_view> allowed);

  void read_name(const YAML::Node& node);
  void read_service(const YAML::Node& node);
  void read_description(const YAML::Node& node);
  void read_target(const YAML::Node& node);
  void read_window(const YAML::Node& node);
  void read_bad(const YAML::Node& node);
  void read_good(const YAML::Node& node);
  void read_total(const YAML::Node& node);
  void read_kind(const YAML::Node& node);
  void read_method(const YAML::Node& node);
  void read_step(const YAML::Node& node);
  void read_since(const YAML::Node& node);
  void read_lookback(const YAML::Node& node);
  void read_delay(const YAML::Node& node);
  void read_no_data(const YAML::Node& node);
  void read_idle(const YAML::Node& node);
  void read_idle_when_absent(const YAML::Node& node);
  void read_min_coverage(const YAML::Node& node);
  void read_confidence(const YAML::Node& node);
  void read_alerts(const YAML::Node& node) { alerts_ = node; }
  void read_min_bad(const YAML::Node& node);
  void read_significance(const YAML::Node& node);
  void read_exclude(const YAML::Node& node) { unsupported(node, "exclude"); }
  void read_ok(const YAML::Node& node) { unsupported(node, "ok"); }
  void read_composite(const YAML::Node& node) { unsupported(node, "composite"); }
  void read_of(const YAML::Node& node) { unsupported(node, "of"); }

  void finish(const YAML::Node& document);
  void finish_alerts(const YAML::Node& document);
  std::optional<AlertRule> alert(const YAML::Node& node);
  void alert_factor(const YAML::Node& node, AlertRule& rule);
  void check_alert(const YAML::Node& node, const AlertRule& rule);
  std::optional<std::uint64_t> count(const YAML::Node& node, std::string_view code,
                                     std::string_view key);
  std::optional<double> share(const YAML::Node& node, std::string_view code, std::string_view key);

  static const std::map<std::string_view, Read>& keys();
  void unknown_key(const YAML::Node& node, const std::string& key,
                   std::span<const std::string_view> known);

  SloFile& out_;
  const std::string& file_;
  Definition definition_;
  std::optional<YAML::Node> alerts_;
  bool has_part_ = false;
  bool has_total_ = false;
  bool failed_ = false;
};

const std::map<std::string_view, DocumentReader::Read>& DocumentReader::keys() {
  using R = DocumentReader;
  static const std::map<std::string_view, Read> table{
      {"slo", &R::read_name},
      {"service", &R::read_service},
      {"description", &R::read_description},
      {"target", &R::read_target},
      {"window", &R::read_window},
      {"bad", &R::read_bad},
      {"good", &R::read_good},
      {"total", &R::read_total},
      {"ok", &R::read_ok},
      {"kind", &R::read_kind},
      {"method", &R::read_method},
      {"step", &R::read_step},
      {"since", &R::read_since},
      {"lookback", &R::read_lookback},
      {"delay", &R::read_delay},
      {"no_data", &R::read_no_data},
      {"idle", &R::read_idle},
      {"idle_when_absent", &R::read_idle_when_absent},
      {"min_coverage", &R::read_min_coverage},
      {"confidence", &R::read_confidence},
      {"alerts", &R::read_alerts},
      {"min_bad", &R::read_min_bad},
      {"significance", &R::read_significance},
      {"exclude", &R::read_exclude},
      {"composite", &R::read_composite},
      {"of", &R::read_of},
  };
  return table;
}

void DocumentReader::unknown_key(const YAML::Node& node, const std::string& key,
                                 std::span<const std::string_view> known) {
  const std::string_view near = nearest(key, known);
  error(node, "E_KEY",
        near.empty() ? fmt::format("unknown key \"{}\"", key)
                     : fmt::format("unknown key \"{}\" (did you mean \"{}\"?)", key, near));
}

void DocumentReader::read(const YAML::Node& document) {
  if (!document.IsMap()) {
    error(document, "E_KEY", "a definition is a map of keys: slo, target, bad, total, …");
    return;
  }
  const YAML::Mark mark = document.Mark();
  definition_.file = file_;
  definition_.line = mark.line < 0 ? 0 : static_cast<std::uint32_t>(mark.line) + 1;
  std::vector<std::string_view> known;
  for (const auto& [name, read] : keys()) known.push_back(name);
  std::set<std::string> seen;
  for (const auto& entry : document) {
    if (!entry.first.IsScalar()) {
      error(entry.first, "E_KEY", "a key must be a word");
      continue;
    }
    const std::string& key = entry.first.Scalar();
    const auto at = keys().find(key);
    if (at == keys().end()) {
      unknown_key(entry.first, key, known);
    } else if (!seen.insert(key).second) {
      error(entry.first, "E_KEY", fmt::format("key \"{}\" twice", key));
    } else {
      (this->*at->second)(entry.second);
    }
  }
  finish(document);
  if (!failed_) out_.definitions.push_back(std::move(definition_));
}

std::optional<DurationMs> DocumentReader::duration(const YAML::Node& node, std::string_view code,
                                                   std::string_view key) {
  const auto text = scalar(node, code, key);
  if (!text) return std::nullopt;
  const auto parsed = parse_duration(*text);
  if (!parsed) {
    error(node, code, fmt::format("{}: {}", key, parsed.error().message));
    return std::nullopt;
  }
  if (*parsed < 0) {
    error(node, code, fmt::format("{}: {} is negative", key, *text));
    return std::nullopt;
  }
  return *parsed;
}

std::optional<Selector> DocumentReader::selector_at(const YAML::Node& node, std::string_view key) {
  const auto text = scalar(node, "E_SELECTOR", key);
  if (!text) return std::nullopt;
  auto parsed = selector(*text);
  if (!parsed) {
    error(node, "E_SELECTOR",
          fmt::format("{}: {} (at {}:{} of the selector)", key, parsed.error().message,
                      parsed.error().place.line, parsed.error().place.column));
    return std::nullopt;
  }
  return *parsed;
}

std::optional<std::string_view> DocumentReader::one_of(const YAML::Node& node,
                                                       std::string_view code, std::string_view key,
                                                       std::span<const std::string_view> allowed) {
  const auto text = scalar(node, code, key);
  if (!text) return std::nullopt;
  for (const std::string_view word : allowed) {
    if (word == *text) return word;
  }
  const std::string_view near = nearest(*text, allowed);
  error(node, code,
        fmt::format("{}: \"{}\" is not one of {}{}", key, *text, fmt::join(allowed, ", "),
                    near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  return std::nullopt;
}

// "99.9" or "99.9 %" as a fraction of 1.
std::optional<Rational> DocumentReader::percent(std::string text) {
  while (!text.empty() && (text.back() == '%' || text.back() == ' ')) text.pop_back();
  const auto value = Rational::parse(text);
  if (!value || value->den > 1'000'000'000'000) return std::nullopt;
  return *value * Rational{1, 100};
}

void DocumentReader::read_name(const YAML::Node& node) {
  const auto text = scalar(node, "E_NAME", "slo");
  if (!text) return;
  constexpr std::size_t kMaxName = 128;
  const bool good = !text->empty() && text->size() <= kMaxName &&
                    std::all_of(text->begin(), text->end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
                    });
  if (!good) {
    error(node, "E_NAME", "slo: a name of letters, digits, _ . and -, at most 128");
    return;
  }
  definition_.name = *text;
}
void DocumentReader::read_service(const YAML::Node& node) {
  definition_.service = scalar(node, "E_VALUE", "service").value_or("");
}
void DocumentReader::read_description(const YAML::Node& node) {
  definition_.description = scalar(node, "E_VALUE", "description").value_or("");
}

void DocumentReader::read_target(const YAML::Node& node) {
  const auto text = scalar(node, "E_TARGET", "target");
  if (!text) return;
  const auto objective = percent(*text);
  if (!objective) {
    error(node, "E_TARGET",
          fmt::format("target: {} is no decimal percentage such as 99.9", quoted(*text)));
    return;
  }
  if (objective->num >= objective->den) {
    error(node, "E_TARGET", fmt::format("target: {} leaves no budget; write less than 100", *text));
    return;
  }
  definition_.objective = *objective;
  definition_.target_percent = text->substr(0, text->find_first_of(" %"));
}

void DocumentReader::read_window(const YAML::Node& node) {
  if (node.IsMap()) return unsupported(node, "a calendar window");
  if (const auto value = duration(node, "E_WINDOW", "window")) definition_.window_ms = *value;
}

void DocumentReader::read_bad(const YAML::Node& node) {
  if (has_part_) return error(node, "E_SELECTOR", "bad and good: one of them");
  has_part_ = true;
  if (auto value = selector_at(node, "bad")) definition_.part = std::move(*value);
}
void DocumentReader::read_good(const YAML::Node& node) {
  if (has_part_) return error(node, "E_SELECTOR", "bad and good: one of them");
  has_part_ = true;
  definition_.part_is_good = true;
  if (auto value = selector_at(node, "good")) definition_.part = std::move(*value);
}
void DocumentReader::read_total(const YAML::Node& node) {
  has_total_ = true;
  if (auto value = selector_at(node, "total")) definition_.total = std::move(*value);
}

void DocumentReader::read_kind(const YAML::Node& node) {
  constexpr std::array<std::string_view, 4> kWords{"auto", "counter", "delta", "gauge"};
  const auto word = one_of(node, "E_KIND", "kind", kWords);
  if (!word) return;
  if (*word == "gauge") return unsupported(node, "kind: gauge");
  definition_.kind = *word == "counter" ? slo::Kind::counter
                     : *word == "delta" ? slo::Kind::delta
                                        : slo::Kind::automatic;
}

void DocumentReader::read_method(const YAML::Node& node) {
  const auto text = scalar(node, "E_METHOD", "method");
  if (!text || *text == "occurrences") return;
  if (text->starts_with("timeslices") || text->starts_with("ratio-timeslices")) {
    return unsupported(node, fmt::format("method {}", *text));
  }
  error(node, "E_METHOD",
        fmt::format("method: {} is not one of occurrences, timeslices(L, s), "
                    "ratio-timeslices(L)",
                    quoted(*text)));
}

void DocumentReader::read_step(const YAML::Node& node) {
  const auto value = duration(node, "E_STEP", "step");
  if (!value) return;
  if (*value <= 0 || kHourMs % *value != 0) {
    return error(node, "E_STEP", fmt::format("step: {} does not divide an hour", node.Scalar()));
  }
  definition_.step_ms = *value;
}
void DocumentReader::read_since(const YAML::Node& node) {
  const auto text = scalar(node, "E_SINCE", "since");
  if (!text) return;
  const auto time = parse_iso_time(*text);
  if (!time) {
    return error(node, "E_SINCE",
                 fmt::format("since: {} is no time such as 2026-03-01T09:00:00Z", quoted(*text)));
  }
  definition_.since_ms = *time;
}
void DocumentReader::read_lookback(const YAML::Node& node) {
  if (const auto value = duration(node, "E_LOOKBACK", "lookback")) definition_.lookback_ms = *value;
}
void DocumentReader::read_delay(const YAML::Node& node) {
  if (const auto value = duration(node, "E_DELAY", "delay")) definition_.delay_ms = *value;
}
void DocumentReader::read_no_data(const YAML::Node& node) {
  constexpr std::array<std::string_view, 3> kWords{"ignore", "good", "bad"};
  const auto word = one_of(node, "E_METHOD", "no_data", kWords);
  if (word && *word != "ignore") {
    error(
        node, "E_METHOD",
        fmt::format("no_data: {} needs a method of timeslices: occurrences has no count to invent",
                    *word));
  }
}
void DocumentReader::read_idle(const YAML::Node& node) {
  constexpr std::array<std::string_view, 2> kWords{"good", "ignore"};
  static_cast<void>(one_of(node, "E_METHOD", "idle", kWords));
}
void DocumentReader::read_idle_when_absent(const YAML::Node& node) {
  constexpr std::array<std::string_view, 2> kWords{"true", "false"};
  const auto word = one_of(node, "E_VALUE", "idle_when_absent", kWords);
  definition_.idle_when_absent = word && *word == "true";
}

void DocumentReader::read_min_coverage(const YAML::Node& node) {
  const auto text = scalar(node, "E_VALUE", "min_coverage");
  if (!text) return;
  const auto value = Rational::parse(*text);
  if (!value || value->num > value->den || value->den > 1'000'000) {
    return error(node, "E_VALUE", fmt::format("min_coverage: {} is not in 0 … 1", quoted(*text)));
  }
  definition_.min_coverage = *value;
}
void DocumentReader::read_confidence(const YAML::Node& node) {
  const auto text = scalar(node, "E_VALUE", "confidence");
  if (!text) return;
  const auto value = percent(*text);
  if (!value || value->num <= 0 || value->num >= value->den) {
    return error(node, "E_VALUE",
                 fmt::format("confidence: {} is no percentage between 0 and 100", quoted(*text)));
  }
  definition_.confidence = *value;
}

std::optional<std::uint64_t> DocumentReader::count(const YAML::Node& node, std::string_view code,
                                                   std::string_view key) {
  const auto text = scalar(node, code, key);
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  const auto [at, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (failure == std::errc{} && at == text->data() + text->size() && value >= 1) return value;
  error(node, code, fmt::format("{}: {} is no whole number of 1 or more", key, quoted(*text)));
  return std::nullopt;
}
std::optional<double> DocumentReader::share(const YAML::Node& node, std::string_view code,
                                            std::string_view key) {
  const auto text = scalar(node, code, key);
  if (!text) return std::nullopt;
  const auto value = Rational::parse(*text);
  if (value && value->num > 0 && value->num < value->den) return value->value();
  error(node, code, fmt::format("{}: {} is not between 0 and 1", key, quoted(*text)));
  return std::nullopt;
}

void DocumentReader::read_min_bad(const YAML::Node& node) {
  // For all rules; a rule's own value wins (finish_alerts).
  static_cast<void>(count(node, "E_ALERT", "min_bad"));
}
void DocumentReader::read_significance(const YAML::Node& node) {
  static_cast<void>(share(node, "E_ALERT", "significance"));
}

void DocumentReader::alert_factor(const YAML::Node& node, AlertRule& rule) {
  const YAML::Node factor = node["factor"];
  const YAML::Node spend = node["spend"];
  if (factor.IsDefined() == spend.IsDefined()) {
    return error(node, "E_ALERT", "an alert needs spend or factor, one of them");
  }
  if (factor.IsDefined()) {
    const auto text = scalar(factor, "E_ALERT", "factor");
    const auto value = text ? Rational::parse(*text) : std::nullopt;
    if (!value || value->num <= 0 || value->den > 1'000'000) {
      return error(factor, "E_ALERT", "factor: a positive decimal such as 14.4");
    }
    rule.factor = *value;
    return;
  }
  const auto text = scalar(spend, "E_ALERT", "spend");
  const auto value = text ? percent(*text) : std::nullopt;
  if (!value || value->num <= 0 || value->num > value->den || value->den > 1'000'000'000) {
    return error(spend, "E_ALERT", "spend: a percentage of the budget such as 2%");
  }
  rule.spend = *value;
  if (rule.long_ms > 0) {
    rule.factor = *value * Rational::of(definition_.window_ms, rule.long_ms);
  }
}

void DocumentReader::check_alert(const YAML::Node& node, const AlertRule& rule) {
  const auto bad_length = [&](DurationMs length) {
    return length <= 0 || length % definition_.step_ms != 0;
  };
  if (bad_length(rule.long_ms) || bad_length(rule.short_ms)) {
    error(node, "E_ALERT",
          fmt::format("long and short must be multiples of the step {}",
                      format_duration(definition_.step_ms)));
  } else if (rule.short_ms > rule.long_ms) {
    error(node, "E_ALERT", "short is longer than long");
  } else if (rule.long_ms > definition_.window_ms) {
    error(node, "E_ALERT", "long is longer than the SLO's window");
  }
}

std::optional<AlertRule> DocumentReader::alert(const YAML::Node& node) {
  constexpr std::array<std::string_view, 8> kKeys{"spend", "factor", "long",    "short",
                                                  "as",    "op",     "min_bad", "significance"};
  if (!node.IsMap()) {
    error(node, "E_ALERT", "an alert is a map: {spend: 2%, long: 1h, short: 5m, as: page}");
    return std::nullopt;
  }
  const std::size_t errors_before = out_.errors.size();
  for (const auto& entry : node) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      unknown_key(entry.first, key, kKeys);
    }
  }
  AlertRule rule;
  const YAML::Mark mark = node.Mark();
  rule.line = mark.line < 0 ? 0 : static_cast<std::uint32_t>(mark.line) + 1;
  if (!node["long"].IsDefined()) {
    error(node, "E_ALERT", "an alert needs long: its window");
    return std::nullopt;
  }
  rule.long_ms = duration(node["long"], "E_ALERT", "long").value_or(0);
  rule.short_ms = node["short"].IsDefined()
                      ? duration(node["short"], "E_ALERT", "short").value_or(0)
                      : rule.long_ms;
  alert_factor(node, rule);
  if (node["as"].IsDefined()) {
    constexpr std::array<std::string_view, 2> kWords{"page", "ticket"};
    rule.as = one_of(node["as"], "E_ALERT", "as", kWords).value_or("page");
  }
  if (node["op"].IsDefined()) {
    constexpr std::array<std::string_view, 2> kWords{"gt", "gte"};
    rule.or_equal = one_of(node["op"], "E_ALERT", "op", kWords) == std::string_view("gte");
  }
  if (node["min_bad"].IsDefined()) {
    rule.min_bad = count(node["min_bad"], "E_ALERT", "min_bad").value_or(1);
  }
  if (node["significance"].IsDefined()) {
    rule.significance = share(node["significance"], "E_ALERT", "significance");
  }
  if (out_.errors.size() == errors_before) check_alert(node, rule);
  return rule;
}

void DocumentReader::finish_alerts(const YAML::Node& document) {
  if (!alerts_ || (alerts_->IsScalar() && alerts_->Scalar() == "google")) {
    definition_.alerts = slo::google_alerts(definition_.window_ms);
    std::erase_if(definition_.alerts, [&](const AlertRule& rule) {
      return rule.short_ms % definition_.step_ms != 0 || rule.long_ms > definition_.window_ms;
    });
  } else if (alerts_->IsSequence()) {
    for (const YAML::Node& node : *alerts_) {
      if (auto rule = alert(node)) definition_.alerts.push_back(std::move(*rule));
    }
  } else if (!alerts_->IsScalar() || alerts_->Scalar() != "none") {
    error(*alerts_, "E_ALERT", "alerts: google, none, or a list");
  }
  const YAML::Node min_bad = document["min_bad"];
  const YAML::Node significance = document["significance"];
  if (failed_) return;
  for (std::size_t i = 0; i < definition_.alerts.size(); ++i) {
    AlertRule& rule = definition_.alerts[i];
    const bool own = alerts_ && alerts_->IsSequence();
    if (min_bad.IsDefined() && !(own && (*alerts_)[i]["min_bad"].IsDefined())) {
      rule.min_bad = count(min_bad, "E_ALERT", "min_bad").value_or(1);
    }
    if (significance.IsDefined() && !(own && (*alerts_)[i]["significance"].IsDefined())) {
      rule.significance = share(significance, "E_ALERT", "significance");
    }
  }
}

void DocumentReader::finish(const YAML::Node& document) {
  if (!document["slo"].IsDefined()) error(document, "E_NAME", "slo: a name is required");
  if (!document["target"].IsDefined()) error(document, "E_TARGET", "target is required");
  const bool later = document["ok"].IsDefined() || document["composite"].IsDefined();
  if (!later && !has_part_) error(document, "E_SELECTOR", "bad or good is required");
  if (!later && !has_total_) error(document, "E_SELECTOR", "total is required");
  const DurationMs window = definition_.window_ms;
  if (window % definition_.step_ms != 0 || window < 2 * definition_.step_ms) {
    const YAML::Node node = document["window"];
    error(node.IsDefined() ? node : document, "E_WINDOW",
          fmt::format("window: {} is no multiple of the step {}, or less than two steps",
                      format_duration(window), format_duration(definition_.step_ms)));
  }
  finish_alerts(document);
}

// YAML nested too deeply would exhaust the stack of the reader itself.
bool too_deep(std::string_view yaml) {
  int depth = 0;
  for (const char c : yaml) {
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kMaxDepth) return true;
  }
  std::size_t dashes = 0;
  for (const char c : yaml) {
    dashes = c == '-' || c == ' ' || c == '?' ? dashes + (c != ' ' ? 1 : 0) : 0;
    if (dashes > 64) return true;
  }
  return false;
}

}  // namespace

std::string SloFileError::text() const {
  return fmt::format("{}:{}:{}: {}: {}", file, line, column, code, message);
}

SloFile parse_slos(std::string_view yaml, const std::string& name) {
  SloFile out;
  if (yaml.size() > kMaxFileBytes || too_deep(yaml)) {
    out.errors.push_back({name, 1, 1, "E_YAML", "larger than 1 MiB, or nested too deeply"});
    return out;
  }
  // yaml-cpp throws; nothing of that leaves this function.
  try {
    for (const YAML::Node& document : YAML::LoadAll(std::string(yaml))) {
      if (document.IsNull()) continue;
      DocumentReader(out, name).read(document);
    }
    if (out.definitions.empty() && out.errors.empty()) {
      out.errors.push_back({name, 1, 1, "E_YAML", "no definition in it"});
    }
  } catch (const YAML::Exception& e) {
    const auto place = [](int value) {
      return value < 0 ? 0U : static_cast<std::uint32_t>(value) + 1;
    };
    out.errors.push_back({name, place(e.mark.line), place(e.mark.column), "E_YAML", e.msg});
  } catch (const std::exception& e) {
    out.errors.push_back({name, 1, 1, "E_YAML", e.what()});
  }
  return out;
}

namespace {

// A whole file, "-" for standard input; a byte more than is allowed at most.
Result<std::string> read_all(const std::string& path) {
  auto input = path == "-" ? Result<Input>(Input::from_descriptor(0, "stdin")) : Input::open(path);
  if (!input) return tl::unexpected<Error>(input.error());
  std::string text;
  std::array<char, 4096> block{};
  while (text.size() <= kMaxFileBytes) {
    auto got = input->read(block.data(), block.size());
    if (!got) return tl::unexpected<Error>(got.error());
    if (*got == 0) break;
    text.append(block.data(), *got);
  }
  return text;
}

}  // namespace

Result<std::vector<slo::Definition>> load_slos(std::span<const std::string> paths) {
  std::vector<slo::Definition> out;
  std::vector<SloFileError> errors;
  std::map<std::string, std::string> names;
  for (const std::string& path : paths) {
    auto text = read_all(path);
    if (!text) return tl::unexpected<Error>(text.error());
    SloFile file = parse_slos(*text, path);
    errors.insert(errors.end(), file.errors.begin(), file.errors.end());
    for (slo::Definition& definition : file.definitions) {
      const auto [at, fresh] = names.emplace(definition.name, path);
      if (!fresh) {
        errors.push_back(
            {path, definition.line, 1, "E_DUP",
             fmt::format("slo \"{}\" is defined in {} already", definition.name, at->second)});
      }
      out.push_back(std::move(definition));
    }
  }
  if (errors.empty()) return out;
  std::string message;
  for (std::size_t i = 0; i < std::min(errors.size(), kMaxErrors); ++i) {
    message += (i == 0 ? "" : "\n") + errors[i].text();
  }
  Error error{ErrorCode::parse, std::move(message), {}, {}};
  error.place.line = errors[0].line;
  error.place.column = errors[0].column;
  return tl::unexpected<Error>(std::move(error));
}

Result<std::vector<slo::Definition>> load_slos(const std::string& path) {
  return load_slos(std::span(&path, 1));
}

}  // namespace hygge::formats
