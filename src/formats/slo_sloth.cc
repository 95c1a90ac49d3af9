#include "formats/slo_sloth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/slo_fields.h"
#include "formats/slo_query.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

using slo::Definition;

class SlothReader {
 public:
  SlothReader(SloFields& fields, const YAML::Node& node, const std::string& service)
      : fields_(fields), node_(node) {
    out_.service = service;
  }

  std::optional<Definition> read() {
    constexpr std::array<std::string_view, 6> kKeys{"name",   "description", "objective",
                                                    "labels", "sli",         "alerting"};
    if (!node_.IsMap()) {
      fields_.error(node_, "E_KEY", "an SLO of Sloth is a map: name, objective, sli, alerting");
      return std::nullopt;
    }
    fields_.check_keys(node_, kKeys);
    out_.file = fields_.file();
    out_.line = SloFields::line_of(node_);
    out_.kind = slo::Kind::counter;
    read_names();
    read_sli();
    out_.alerts = slo::google_alerts(out_.window_ms);
    for (const char* as : {"page", "ticket"}) drop_disabled(as);
    if (!fields_.ok()) return std::nullopt;
    if (const auto valid = validate(out_); !valid) {
      fields_.error(node_, "E_WINDOW", valid.error().message);
      return std::nullopt;
    }
    return std::move(out_);
  }

 private:
  void read_names() {
    const auto name = required(node_, "name", "E_NAME");
    out_.name = out_.service + "-" + name.value_or("");
    if (name && !SloFields::is_name(out_.name)) {
      fields_.error(node_["name"], "E_NAME",
                    fmt::format("{} is no name of letters, digits, _ . and -", quoted(out_.name)));
    }
    if (const YAML::Node text = node_["description"]; text.IsDefined()) {
      out_.description = fields_.text(text, "E_VALUE", "description").value_or("");
    }
    const auto target = required(node_, "objective", "E_TARGET");
    if (!target) return;
    const auto objective = SloFields::percent(*target);
    if (!objective || objective->num >= objective->den) {
      return fields_.error(
          node_["objective"], "E_TARGET",
          fmt::format("objective: {} is no percentage below 100", quoted(*target)));
    }
    out_.objective = *objective;
    out_.target_percent = *target;
  }

  std::optional<std::string> required(const YAML::Node& map, const char* key, const char* code) {
    const YAML::Node value = map[key];
    if (value.IsDefined()) return fields_.text(value, code, key);
    fields_.error(map, code, fmt::format("{} is required", key));
    return std::nullopt;
  }

  void read_sli() {
    const YAML::Node sli = node_["sli"];
    if (!sli.IsDefined() || !sli.IsMap()) {
      return fields_.error(node_, "E_SELECTOR", "sli: events or raw is required");
    }
    constexpr std::array<std::string_view, 3> kKeys{"events", "raw", "plugin"};
    fields_.check_keys(sli, kKeys);
    const YAML::Node events = sli["events"];
    const YAML::Node raw = sli["raw"];
    if (const YAML::Node plugin = sli["plugin"]; plugin.IsDefined()) {
      return fields_.unsupported(plugin, "sli.plugin");
    }
    if (events.IsDefined() && events.IsMap()) {
      const auto bad = required(events, "error_query", "E_SELECTOR");
      const auto total = required(events, "total_query", "E_SELECTOR");
      if (bad) set(events["error_query"], "error_query", *bad, out_.part);
      if (total) set(events["total_query"], "total_query", *total, out_.total);
    } else if (raw.IsDefined() && raw.IsMap()) {
      read_raw(raw);
    } else {
      fields_.error(sli, "E_SELECTOR", "sli: events or raw is required");
    }
  }

  void read_raw(const YAML::Node& raw) {
    const auto query = required(raw, "error_ratio_query", "E_SELECTOR");
    if (!query) return;
    const YAML::Node node = raw["error_ratio_query"];
    const auto ratio = ratio_of_query(*query);
    if (!ratio) return unsupported(node, "error_ratio_query", *query);
    out_.part_is_good = ratio->inverted;
    set(node, "error_ratio_query", ratio->part, out_.part);
    set(node, "error_ratio_query", ratio->total, out_.total);
  }

  void set(const YAML::Node& node, const char* key, const std::string& query, Selector& out) {
    const auto text = selector_of_query(query);
    auto selector = text ? hygge::selector(*text) : Result<Selector>(tl::unexpect, Error{});
    if (!selector) return unsupported(node, key, query);
    out = std::move(*selector);
    (&out == &out_.part ? out_.part_line : out_.total_line) = SloFields::line_of(node);
  }

  void unsupported(const YAML::Node& node, const char* key, const std::string& query) {
    fields_.error(
        node, "E_UNSUPPORTED",
        fmt::format(
            "{}: {} is no selector, sum(rate(SELECTOR[...])) or "
            "sum(increase(SELECTOR[...])){}",
            key, quoted(query),
            key == std::string_view("error_ratio_query") ? ", A / B of them or 1 - (A / B)" : ""));
  }

  // `alerting.page_alert.disable: true`.
  void drop_disabled(const char* as) {
    const YAML::Node alerting = node_["alerting"];
    if (!alerting.IsDefined() || !alerting.IsMap()) return;
    const YAML::Node alert = alerting[std::string(as) + "_alert"];
    if (!alert.IsDefined() || !alert.IsMap()) return;
    const YAML::Node disable = alert["disable"];
    if (!disable.IsDefined() || !disable.IsScalar() || disable.Scalar() != "true") return;
    std::erase_if(out_.alerts, [&](const slo::AlertRule& rule) { return rule.as == as; });
  }

  SloFields& fields_;
  const YAML::Node& node_;
  Definition out_;
};

}  // namespace

bool is_sloth(const YAML::Node& document) {
  if (!document.IsMap()) return false;
  const YAML::Node version = document["version"];
  return version.IsDefined() && version.IsScalar() && version.Scalar() == "prometheus/v1";
}

void read_sloth_slos(SloFile& out, const YAML::Node& document, const std::string& file) {
  constexpr std::array<std::string_view, 4> kKeys{"version", "service", "labels", "slos"};
  SloFields fields(out, file);
  fields.check_keys(document, kKeys);
  const YAML::Node service = document["service"];
  const YAML::Node slos = document["slos"];
  if (!service.IsDefined() || !slos.IsDefined() || !slos.IsSequence()) {
    return fields.error(document, "E_KEY", "Sloth's file has a service and a list of slos");
  }
  const std::string name = fields.text(service, "E_NAME", "service").value_or("");
  for (const YAML::Node& node : slos) {
    SloFields own(out, file);
    if (auto definition = SlothReader(own, node, name).read()) {
      out.definitions.push_back(std::move(*definition));
    }
  }
}

}  // namespace hygge::formats
