#include "formats/slo_composite.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/near.h"
#include "formats/slo_keys.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

using slo::Composite;
using slo::Definition;
using slo::Rational;

const Definition* find(SloFields& fields, const YAML::Node& node, std::span<const Definition> known,
                       const std::string& name) {
  const auto at = std::find_if(known.begin(), known.end(),
                               [&](const Definition& one) { return one.name == name; });
  if (at != known.end()) return &*at;
  std::vector<std::string> names;
  for (const Definition& one : known) names.push_back(one.name);
  constexpr std::size_t kMaxEdits = 2;
  const std::string_view near = nearest(name, std::span<const std::string>(names), kMaxEdits);
  fields.error(
      node, "E_COMPOSITE",
      fmt::format("of: there is no SLO {} in these files{}, or it is a composite itself",
                  quoted(name), near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  return nullptr;
}

// `{slo: a, weight: 2}`.
void read_part(SloFields& fields, const YAML::Node& node, std::span<const Definition> known,
               Definition& out) {
  if (!node.IsMap() || !node["slo"].IsDefined()) {
    return fields.error(node, "E_COMPOSITE", "of: a list of {slo: NAME, weight: 2}");
  }
  fields.check_keys(node, names_of(part_keys()));
  const auto name = fields.text(node["slo"], "E_COMPOSITE", "slo");
  if (!name) return;
  Composite::Part part{*name};
  if (const YAML::Node weight = node["weight"]; weight.IsDefined()) {
    const auto text = fields.text(weight, "E_COMPOSITE", "weight");
    const auto value = text ? Rational::parse(*text) : std::nullopt;
    if (out.composite->how != Composite::How::weighted) {
      return fields.error(weight, "E_COMPOSITE", "weight goes with composite: weighted");
    }
    if (!value || value->num == 0) {
      return fields.error(weight, "E_COMPOSITE", "weight: a positive decimal such as 2");
    }
    part.weight = *value;
  }
  const bool twice = std::any_of(out.composite->of.begin(), out.composite->of.end(),
                                 [&](const Composite::Part& other) { return other.slo == *name; });
  if (twice) return fields.error(node, "E_COMPOSITE", fmt::format("of: {} twice", *name));
  const Definition* component = find(fields, node["slo"], known, *name);
  if (component == nullptr) return;
  if (!out.components.empty() && out.components[0].step_ms != component->step_ms) {
    return fields.error(
        node, "E_STEP",
        fmt::format("of: {} has the step {}, {} has {}: components have one step",
                    out.components[0].name, format_duration(out.components[0].step_ms), *name,
                    format_duration(component->step_ms)));
  }
  out.composite->of.push_back(std::move(part));
  out.components.push_back(*component);
}

}  // namespace

bool is_composite(const YAML::Node& document) {
  return document.IsMap() && (document["composite"].IsDefined() || document["of"].IsDefined());
}

void read_composite(SloFields& fields, const YAML::Node& document,
                    std::span<const Definition> known, Definition& out) {
  const YAML::Node how = document["composite"];
  const YAML::Node of = document["of"];
  if (!how.IsDefined() || !of.IsDefined()) {
    return fields.error(document, "E_COMPOSITE", "a composite needs composite and of");
  }
  const auto word = fields.one_of(how, "E_COMPOSITE", "composite", kHowWords);
  if (!word) return;
  out.composite.emplace();
  for (std::size_t i = 0; i < kHowWords.size(); ++i) {
    if (*word == kHowWords[i]) out.composite->how = static_cast<Composite::How>(i);
  }
  if (!of.IsSequence() || of.size() == 0) {
    return fields.error(of, "E_COMPOSITE", "of: a list of {slo: NAME, weight: 2}");
  }
  constexpr std::size_t kMaxParts = 100;
  if (of.size() > kMaxParts) {
    return fields.error(of, "E_COMPOSITE", fmt::format("of: at most {}", kMaxParts));
  }
  for (const YAML::Node& node : of) read_part(fields, node, known, out);
  if (!out.components.empty()) out.step_ms = out.components[0].step_ms;
  out.method = out.composite->how == Composite::How::all ? slo::Method::timeslices
                                                         : slo::Method::ratio_timeslices;
}

}  // namespace hygge::formats
