// The replies of the SLO verbs as metrics: OpenMetrics for scrapers, lines for Mackerel's agent.
#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <iterator>

#include "formats/slo_json.h"

namespace hygge::formats {

namespace {

// One family, all its samples together as the format wants. Names of SLOs and durations need no
// escapes in labels.
class Family {
 public:
  explicit Family(std::string_view name) : name_(name) {}

  void add(const std::string& labels, const std::optional<double>& value) {
    if (!value) return;
    samples_ += fmt::format("{}{{{}}} {}\n", name_, labels, plain_number(*value));
  }
  [[nodiscard]] std::string text(std::string_view unit, std::string_view help) const {
    std::string out = fmt::format("# TYPE {} gauge\n", name_);
    if (!unit.empty()) out += fmt::format("# UNIT {} {}\n", name_, unit);
    return out + fmt::format("# HELP {} {}\n{}", name_, help, samples_);
  }

 private:
  std::string_view name_;
  std::string samples_;
};

std::string label(const slo::Definition& definition) {
  return fmt::format("slo=\"{}\"", definition.name);
}

class MackerelLines {
 public:
  MackerelLines(const slo::Definition& definition, TimeMs at_ms)
      : name_(definition.name), epoch_s_(at_ms / kSecondMs) {
    std::replace(name_.begin(), name_.end(), '.', '_');
  }
  void add(std::string_view what, const std::optional<double>& value) {
    if (!value) return;
    text += fmt::format("slo.{}.{}\t{}\t{}\n", name_, what, plain_number(*value), epoch_s_);
  }
  std::string text;

 private:
  std::string name_;
  TimeMs epoch_s_;
};

// 1 where a rule of the level fires, 0 where none does; none where that is not known.
std::optional<double> level_fires(const BurningSlo& slo, std::string_view as) {
  std::optional<double> out;
  bool unknown = false;
  for (std::size_t i = 0; i < slo.state.rules.size(); ++i) {
    if (slo.definition.alerts[i].as != as) continue;
    if (slo.state.rules[i].state == slo::RuleState::firing) return 1;
    unknown = unknown || slo.state.rules[i].state == slo::RuleState::unknown;
    out = 0;
  }
  return unknown ? std::nullopt : out;
}

// The burn rate of each window, those of the rules too; each once.
std::vector<std::pair<std::string, std::optional<double>>> burns_of(const BurningSlo& slo) {
  std::vector<std::pair<std::string, std::optional<double>>> out;
  const auto add = [&](DurationMs window_ms, const std::optional<double>& burn) {
    std::string name = slo::window_text(window_ms);
    const bool known =
        std::any_of(out.begin(), out.end(), [&](const auto& other) { return other.first == name; });
    if (!known) out.emplace_back(std::move(name), burn);
  };
  for (std::size_t i = 0; i < slo.state.rules.size(); ++i) {
    add(slo.definition.alerts[i].long_ms, slo.state.rules[i].long_burn);
    add(slo.definition.alerts[i].short_ms, slo.state.rules[i].short_burn);
  }
  for (const auto& window : slo.state.windows) add(window.window_ms, window.burn);
  return out;
}

constexpr std::string_view kEnd = "# EOF\n";

}  // namespace

std::string report_openmetrics(std::span<const ReportedSlo> slos) {
  Family sli("slo_sli_ratio"), objective("slo_objective_ratio");
  Family remaining("slo_budget_remaining_ratio"), coverage("slo_coverage_ratio");
  for (const ReportedSlo& one : slos) {
    const std::string labels = label(one.definition);
    sli.add(labels, one.report.sli);
    objective.add(labels, one.definition.objective.value());
    remaining.add(labels, one.report.remaining);
    coverage.add(labels, one.report.coverage);
  }
  return sli.text("ratio", "Good events of all, over the window.") +
         objective.text("ratio", "The target.") +
         remaining.text("ratio", "Share of the error budget that is left; below 0: overspent.") +
         coverage.text("ratio", "Share of the window with data.") + std::string(kEnd);
}

std::string burn_openmetrics(std::span<const BurningSlo> slos) {
  Family burn("slo_burn_rate"), firing("slo_alert_firing");
  for (const BurningSlo& one : slos) {
    const std::string labels = label(one.definition);
    for (const auto& [window, rate] : burns_of(one)) {
      burn.add(fmt::format("{},window=\"{}\"", labels, window), rate);
    }
    for (std::size_t i = 0; i < one.state.rules.size(); ++i) {
      const slo::AlertRule& rule = one.definition.alerts[i];
      const slo::RuleState state = one.state.rules[i].state;
      if (state == slo::RuleState::unknown) continue;
      firing.add(fmt::format("{},as=\"{}\",long=\"{}\",short=\"{}\"", labels, rule.as,
                             slo::window_text(rule.long_ms), slo::window_text(rule.short_ms)),
                 state == slo::RuleState::firing ? 1 : 0);
    }
  }
  return burn.text("", "Error ratio over the error budget.") +
         firing.text("", "1 where the rule fires.") + std::string(kEnd);
}

std::string forecast_openmetrics(std::span<const ForecastSlo> slos) {
  std::string samples;
  for (const ForecastSlo& one : slos) {
    if (!one.forecast.covered) continue;
    for (const auto& [how, gone] :
         {std::pair{"naive", one.forecast.naive}, std::pair{"aware", one.forecast.aware}}) {
      samples +=
          fmt::format("slo_budget_exhaustion_seconds{{{},how=\"{}\"}} {}\n", label(one.definition),
                      how, gone.in_s ? plain_number(*gone.in_s) : "+Inf");
    }
  }
  return Family("slo_budget_exhaustion_seconds")
             .text("seconds", "Until the error budget is gone.") +
         samples + std::string(kEnd);
}

std::string report_mackerel(std::span<const ReportedSlo> slos) {
  std::string out;
  for (const ReportedSlo& one : slos) {
    MackerelLines lines(one.definition, one.report.window.until);
    lines.add("sli", one.report.sli);
    lines.add("remaining", one.report.remaining);
    out += lines.text;
  }
  return out;
}

std::string burn_mackerel(std::span<const BurningSlo> slos) {
  std::string out;
  for (const BurningSlo& one : slos) {
    MackerelLines lines(one.definition, one.state.to_ms);
    for (const auto& [window, rate] : burns_of(one)) lines.add("burn_" + window, rate);
    for (const std::string_view as : {"page", "ticket"}) {
      lines.add(fmt::format("firing_{}", as), level_fires(one, as));
    }
    out += lines.text;
  }
  return out;
}

std::string forecast_mackerel(std::span<const ForecastSlo> slos) {
  std::string out;
  for (const ForecastSlo& one : slos) {
    if (!one.forecast.covered) continue;
    MackerelLines lines(one.definition, one.forecast.to_ms);
    lines.add("remaining", one.forecast.remaining);
    if (one.forecast.aware.in_s) lines.add("exhausts_hours", *one.forecast.aware.in_s / 3600);
    out += lines.text;
  }
  return out;
}

}  // namespace hygge::formats
