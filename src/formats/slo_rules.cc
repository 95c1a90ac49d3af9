// Recording and alerting rules for teams that page through Prometheus.
#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <map>
#include <vector>

#include "formats/slo_document.h"
#include "formats/slo_json.h"

namespace hygge::formats {

namespace {

using slo::AlertRule;
using slo::Definition;

std::string quote(std::string_view text) {
  Json json;
  json.value(text);
  return json.text;
}

std::string_view suffix_of(std::string_view metric) {
  for (const std::string_view suffix : {"_total", "_count", "_sum", "_bucket"}) {
    if (metric.ends_with(suffix)) return suffix;
  }
  return {};
}

std::string_view metric_of(const Selector& selector) {
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name == "__name__" && matcher.op == MatchOp::equal) return matcher.value;
  }
  return {};
}

// Writes the group of one definition; what Prometheus cannot say is collected.
class Group {
 public:
  Group(const Definition& definition, bool partial) : definition_(definition), partial_(partial) {}

  std::vector<SloFileError> errors;

  // Nothing where all of it has to be left out.
  [[nodiscard]] std::string text() {
    if (!countable()) return comments();
    std::string rules;
    for (const DurationMs window : windows()) rules += record(window);
    for (const AlertRule& rule : definition_.alerts) rules += alert(rule);
    std::string out = comments();
    if (rules.empty()) return out + "  # " + definition_.name + " has no alerts\n";
    return out + fmt::format("  - name: {}\n    rules:\n", quote("slo:" + definition_.name)) +
           rules;
  }

 private:
  void cannot(std::uint32_t line, std::string_view key, std::string_view why) {
    if (!partial_) {
      errors.push_back(
          {definition_.file, line, 1, "E_UNSUPPORTED",
           fmt::format("{}: {}: {}; --partial leaves it out", definition_.name, key, why)});
    } else {
      left_out_.push_back(fmt::format("{}: {}", key, why));
    }
  }

  // Whether there are counts that rate() can be taken of; and what else cannot be said.
  bool countable() {
    const std::uint32_t line = definition_.line;
    bool out = true;
    const auto none = [&](std::string_view key, std::string_view why) {
      cannot(line, key, why);
      out = false;
    };
    if (definition_.composite) none("composite", "Prometheus' rules cannot join SLOs' slices");
    if (definition_.ok) none("ok", "Prometheus' rules count series, not samples that pass a test");
    if (!definition_.composite && definition_.method != slo::Method::occurrences) {
      none("method", "Prometheus' rules have no slices");
    }
    if (!out) return false;
    if (definition_.kind == slo::Kind::automatic) {
      for (const Selector* selector : {&definition_.part, &definition_.total}) {
        if (!suffix_of(metric_of(*selector)).empty()) continue;
        errors.push_back(
            {definition_.file, line, 1, "E_KIND",
             fmt::format("{}: {} is no counter by its name, and without a database its "
                         "type is not known: set kind: counter or kind: delta",
                         definition_.name, to_string(*selector))});
        return false;
      }
    }
    if (!definition_.exclusions.empty()) {
      cannot(line, "exclude", "Prometheus' rules know no maintenance");
    }
    return true;
  }

  [[nodiscard]] std::string comments() const {
    std::string out;
    for (const std::string& one : left_out_) {
      out += fmt::format("  # left out of {}: {}\n", definition_.name, one);
    }
    return out;
  }

  [[nodiscard]] std::vector<DurationMs> windows() const {
    std::vector<DurationMs> out;
    for (const AlertRule& rule : definition_.alerts) {
      out.push_back(rule.long_ms);
      out.push_back(rule.short_ms);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  // sum(rate(SELECTOR[1h])), or what counts whole events.
  [[nodiscard]] std::string sum(const Selector& selector, DurationMs window, bool whole) const {
    const bool delta = definition_.kind == slo::Kind::delta;
    const std::string_view function = delta ? "sum_over_time" : whole ? "increase" : "rate";
    const std::string later =
        definition_.delay_ms > 0 ? " offset " + slo::window_text(definition_.delay_ms) : "";
    return fmt::format("sum({}({}[{}]{}))", function, to_string(selector), slo::window_text(window),
                       later);
  }

  [[nodiscard]] static std::string name_of(DurationMs window) {
    return "slo:error_ratio:rate" + slo::window_text(window);
  }

  static std::string block(std::string_view expression) {
    return fmt::format("        expr: |-\n          {}\n", expression);
  }

  [[nodiscard]] std::string record(DurationMs window) const {
    const std::string ratio =
        fmt::format("({} or vector(0)) / ({} > 0)", sum(definition_.part, window, false),
                    sum(definition_.total, window, false));
    return fmt::format("      - record: {}\n", name_of(window)) +
           block(definition_.part_is_good ? "1 - (" + ratio + ")" : ratio) +
           fmt::format("        labels:\n          slo: {}\n", quote(definition_.name));
  }

  [[nodiscard]] std::string alert(const AlertRule& rule) {
    if (rule.significance) {
      cannot(rule.line == 0 ? definition_.line : rule.line, "significance",
             "Prometheus' rules have no binomial test");
    }
    const std::string limit = plain_number((rule.factor * definition_.budget()).value());
    const auto above = [&](DurationMs window) {
      return fmt::format("{}{{slo={}}} {} {}", name_of(window), quote(definition_.name),
                         rule.or_equal ? ">=" : ">", limit);
    };
    std::string expression = above(rule.long_ms);
    if (rule.short_ms != rule.long_ms) {
      expression += "\n          and " + above(rule.short_ms);
    }
    if (rule.min_bad > 1) {
      const std::string part = sum(definition_.part, rule.long_ms, true);
      const std::string bad = definition_.part_is_good
                                  ? fmt::format("({} - ({} or vector(0)))",
                                                sum(definition_.total, rule.long_ms, true), part)
                                  : part;
      expression += fmt::format("\n          and on () {} >= {}", bad, rule.min_bad);
    }
    std::string out = "      - alert: SloBurn\n" + block(expression) + "        labels:\n";
    out += fmt::format("          slo: {}\n", quote(definition_.name));
    if (!definition_.service.empty()) {
      out += fmt::format("          service: {}\n", quote(definition_.service));
    }
    // With the windows, so that no two rules of an SLO look alike.
    return out + fmt::format("          as: {}\n          long: {}\n          short: {}\n",
                             quote(rule.as), quote(slo::window_text(rule.long_ms)),
                             quote(slo::window_text(rule.short_ms)));
  }

  const Definition& definition_;
  const bool partial_;
  std::vector<std::string> left_out_;
};

}  // namespace

Result<std::string> prometheus_rules(std::span<const slo::Definition> definitions, bool partial) {
  std::string out = "# Written by `hygge slo rules --to prometheus`.\ngroups:\n";
  bool any = false;
  std::vector<SloFileError> errors;
  for (const Definition& definition : definitions) {
    Group group(definition, partial);
    const std::string text = group.text();
    any = any || text.find("  - name: ") != std::string::npos;
    out += text;
    errors.insert(errors.end(), group.errors.begin(), group.errors.end());
  }
  if (!errors.empty()) return tl::unexpected<Error>(error_of(errors));
  // A list that is empty would be no list.
  if (!any) out.replace(out.find("groups:\n"), 8, "groups: []\n");
  return out;
}

}  // namespace hygge::formats
