// Alert policies from files of their own: `alerts:` as in a definition, or Sloth's AlertWindows.
#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <array>

#include "formats/slo_alerts.h"
#include "formats/slo_document.h"
#include "formats/slo_fields.h"

namespace hygge::formats {

namespace {

using slo::AlertRule;
using slo::Definition;
using slo::Rational;

// One of Sloth's windows: {errorBudgetPercent: 2, shortWindow: 5m, longWindow: 1h}.
void read_sloth_window(SloFields& fields, const YAML::Node& node, const char* as,
                       Definition& definition) {
  constexpr std::array<std::string_view, 3> kKeys{"errorBudgetPercent", "shortWindow",
                                                  "longWindow"};
  if (!node.IsMap()) {
    return fields.error(node, "E_ALERT",
                        "a window is a map of errorBudgetPercent, shortWindow and longWindow");
  }
  fields.check_keys(node, kKeys);
  for (const std::string_view key : kKeys) {
    if (node[std::string(key)].IsDefined()) continue;
    return fields.error(node, "E_ALERT", fmt::format("{} is missing", key));
  }
  YAML::Node rule;
  rule["as"] = as;
  rule["spend"] = node["errorBudgetPercent"];
  rule["long"] = node["longWindow"];
  rule["short"] = node["shortWindow"];
  read_alert(fields, rule, definition);
}

void read_sloth(SloFields& fields, const YAML::Node& document, Definition& definition) {
  const YAML::Node spec = document["spec"];
  if (!spec.IsDefined() || !spec.IsMap())
    return fields.error(document, "E_ALERT", "AlertWindows need a spec");
  bool any = false;
  for (const char* as : {"page", "ticket"}) {
    for (const char* speed : {"quick", "slow"}) {
      const YAML::Node level = spec[as];
      if (!level.IsDefined() || !level.IsMap() || !level[speed].IsDefined()) continue;
      any = true;
      read_sloth_window(fields, level[speed], as, definition);
    }
  }
  if (!any) fields.error(spec, "E_ALERT", "no window in it: page and ticket, each quick and slow");
}

void read_policy(SloFields& fields, const YAML::Node& document, Definition& definition) {
  constexpr std::array<std::string_view, 3> kKeys{"alerts", "min_bad", "significance"};
  if (!document.IsMap()) {
    return fields.error(document, "E_KEY", "a policy is a map with the key alerts");
  }
  if (document["kind"].IsDefined() && document["kind"].IsScalar() &&
      document["kind"].Scalar() == "AlertWindows") {
    return read_sloth(fields, document, definition);
  }
  fields.check_keys(document, kKeys);
  if (!document["alerts"].IsDefined()) {
    return fields.error(document, "E_ALERT", "a policy needs alerts");
  }
  read_alerts(fields, document, definition);
}

// "policies/fast.yaml": "fast".
std::string stem_of(std::string_view path) {
  path.remove_prefix(std::min(path.rfind('/') + 1, path.size()));
  const std::size_t dot = path.rfind('.');
  return std::string(path.substr(0, dot == 0 ? path.size() : dot));
}

}  // namespace

Result<slo::Policy> parse_policy(std::string_view yaml, const std::string& name,
                                 const slo::Definition& definition) {
  SloFile file;
  Definition scratch = definition;
  scratch.alerts.clear();
  std::size_t documents = 0;
  for_each_document(yaml, name, file, [&](const YAML::Node& document) {
    SloFields fields(file, name);
    if (++documents == 1) return read_policy(fields, document, scratch);
    fields.error(document, "E_ALERT", "a policy file holds one document");
  });
  if (documents == 0 && file.errors.empty()) {
    file.errors.push_back({name, 1, 1, "E_YAML", "no policy in it"});
  }
  if (!file.errors.empty()) return tl::unexpected<Error>(error_of(file.errors));
  if (auto valid = validate(scratch); !valid) return tl::unexpected<Error>(valid.error());
  return slo::Policy{stem_of(name), std::move(scratch.alerts)};
}

Result<slo::Policy> load_policy(const std::string& path, const slo::Definition& definition) {
  const auto text = read_text_file(path);
  if (!text) return tl::unexpected<Error>(text.error());
  return parse_policy(*text, path, definition);
}

}  // namespace hygge::formats
