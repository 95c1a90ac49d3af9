// Prometheus rule files: YAML to structs, with the place of everything that is wrong.
#include <fmt/format.h>
#include <hygge/rule_file.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>

#include "base/near.h"
#include "base/utf8.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

constexpr std::size_t kMaxRuleErrors = 100;
constexpr std::size_t kMaxRuleFileBytes = 16U << 20U;

FilePlace place_at(const YAML::Mark& mark) {
  if (mark.line < 0) return {1, 1};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// Walks a scalar as it is written beside its value, so that each byte of the value has a place:
// quotes, escapes, indentation and folded lines are the difference between the two.
class ScalarPlaces {
 public:
  ScalarPlaces(std::string_view yaml, const YAML::Mark& mark)
      : yaml_(yaml), place_(place_at(mark)) {
    at_ = std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), yaml.size());
    const char first = at_ < yaml.size() ? yaml[at_] : '\0';
    if (first == '|' || first == '>') {
      while (at_ < yaml.size() && yaml[at_] != '\n') step();
    } else if (first == '"' || first == '\'') {
      quote_ = first;
      step();
    }
  }

  std::vector<FilePlace> of(std::string_view value) {
    std::vector<FilePlace> result;
    result.reserve(value.size() + 1);
    for (const char c : value) result.push_back(next(c));
    result.push_back(place_);
    return result;
  }

 private:
  void step() {
    if (yaml_[at_] == '\n') {
      ++place_.line;
      place_.column = 1;
    } else {
      ++place_.column;
    }
    ++at_;
  }

  FilePlace next(char c) {
    if (is_blank(c)) {
      const FilePlace here = place_;
      if (at_ < yaml_.size() && is_blank(yaml_[at_])) step();
      return here;
    }
    while (at_ < yaml_.size() && is_blank(yaml_[at_]) && yaml_[at_] != c) step();
    if (quote_ == '"' && at_ + 1 < yaml_.size() && yaml_[at_] == '\\') step();
    if (quote_ == '\'' && c == '\'' && at_ + 1 < yaml_.size() && yaml_[at_ + 1] == '\'') step();
    const FilePlace here = place_;
    if (at_ < yaml_.size()) step();
    return here;
  }

  std::string_view yaml_;
  FilePlace place_;
  std::size_t at_ = 0;
  char quote_ = '\0';
};

class RuleReader {
 public:
  RuleReader(std::string_view yaml, RuleFile& out) : yaml_(yaml), out_(out) {}

  void read(const YAML::Node& root) {
    constexpr std::array<std::string_view, 1> kKeys{"groups"};
    if (!root.IsMap()) return error(root, "a rule file is a map with the key groups");
    check_keys(root, kKeys);
    const YAML::Node groups = root["groups"];
    if (!groups.IsDefined() || groups.IsNull()) return;
    if (!groups.IsSequence()) return error(groups, "groups must be a list");
    std::set<std::string> names;
    for (const YAML::Node& node : groups) {
      RuleGroup group = read_group(node);
      if (!group.name.empty() && !names.insert(group.name).second) {
        error(node, fmt::format("group {} stands twice in the file", quoted(group.name)));
      }
      out_.groups.push_back(std::move(group));
    }
  }

 private:
  void error(const YAML::Node& at, std::string message) {
    error(place_at(at.Mark()), std::move(message));
  }
  void error(FilePlace at, std::string message) {
    if (out_.errors.size() < kMaxRuleErrors) out_.errors.push_back({at, std::move(message)});
  }

  void check_keys(const YAML::Node& map, std::span<const std::string_view> known) {
    std::set<std::string> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) {
        error(entry.first, "a key must be a word");
        continue;
      }
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) error(entry.first, fmt::format("key {} twice", quoted(key)));
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string_view near = nearest(key, known);
      error(entry.first,
            fmt::format("unknown key {}{}", quoted(key),
                        near.empty() ? "" : fmt::format(" (did you mean {}?)", quoted(near))));
    }
  }

  std::string text(const YAML::Node& map, const char* key) {
    const YAML::Node node = map[key];
    if (!node.IsDefined() || node.IsNull()) return {};
    if (node.IsScalar()) return node.Scalar();
    error(node, fmt::format("{} must be a plain value", key));
    return {};
  }

  DurationMs duration(const YAML::Node& map, const char* key) {
    const std::string word = text(map, key);
    if (word.empty()) return 0;
    const auto parsed = word == "0" ? Result<DurationMs>(0) : parse_duration(word);
    if (parsed && *parsed >= 0) return *parsed;
    error(map[key], fmt::format("{}: {} is no duration", key, quoted(word)));
    return 0;
  }

  std::vector<std::pair<std::string, std::string>> pairs(const YAML::Node& map, const char* key,
                                                         bool labels) {
    std::vector<std::pair<std::string, std::string>> result;
    const YAML::Node node = map[key];
    if (!node.IsDefined() || node.IsNull()) return result;
    if (!node.IsMap()) {
      error(node, fmt::format("{} must be a map", key));
      return result;
    }
    for (const auto& entry : node) {
      if (!entry.first.IsScalar() || !(entry.second.IsScalar() || entry.second.IsNull())) {
        error(entry.first, fmt::format("{} must be plain values", key));
        continue;
      }
      const std::string& name = entry.first.Scalar();
      if (labels && (name.empty() || name == "__name__" || !is_utf8(name))) {
        error(entry.first, fmt::format("invalid label name: {}", quoted(name)));
      }
      result.emplace_back(name, entry.second.IsNull() ? "" : entry.second.Scalar());
    }
    return result;
  }

  RuleGroup read_group(const YAML::Node& node) {
    constexpr std::array<std::string_view, 6> kKeys{"name",         "interval", "limit",
                                                    "query_offset", "labels",   "rules"};
    RuleGroup group;
    if (!node.IsMap()) {
      error(node, "a group must be a map");
      return group;
    }
    check_keys(node, kKeys);
    group.name = text(node, "name");
    if (group.name.empty()) error(node, "a group needs a name");
    group.interval_ms = duration(node, "interval");
    (void)duration(node, "query_offset");
    (void)pairs(node, "labels", true);
    const YAML::Node rules = node["rules"];
    if (!rules.IsDefined() || rules.IsNull()) return group;
    if (!rules.IsSequence()) {
      error(rules, "rules must be a list");
      return group;
    }
    for (const YAML::Node& rule : rules) {
      if (auto read = read_rule(rule)) group.rules.push_back(std::move(*read));
    }
    return group;
  }

  std::optional<Rule> read_rule(const YAML::Node& node) {
    constexpr std::array<std::string_view, 7> kKeys{
        "record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"};
    if (!node.IsMap()) {
      error(node, "a rule must be a map");
      return std::nullopt;
    }
    check_keys(node, kKeys);
    Rule rule;
    rule.place = place_at(node.Mark());
    const std::string record = text(node, "record");
    const std::string alert = text(node, "alert");
    if (record.empty() == alert.empty()) {
      error(node, record.empty() ? "one of record or alert must be set"
                                 : "only one of record and alert must be set");
    }
    rule.alert = !alert.empty();
    rule.name = rule.alert ? alert : record;
    rule.for_ms = duration(node, "for");
    rule.keep_firing_for_ms = duration(node, "keep_firing_for");
    rule.labels = pairs(node, "labels", true);
    rule.annotations = pairs(node, "annotations", false);
    if (!rule.alert) check_recording(node, rule);
    const YAML::Node expression = node["expr"];
    if (!expression.IsDefined() || !expression.IsScalar() || expression.Scalar().empty()) {
      error(expression.IsDefined() ? expression : node, "expr must be set in a rule");
      return std::nullopt;
    }
    rule.expression = expression.Scalar();
    rule.expression_places = ScalarPlaces(yaml_, expression.Mark()).of(rule.expression);
    return rule;
  }

  void check_recording(const YAML::Node& node, const Rule& rule) {
    for (const char* key : {"for", "keep_firing_for", "annotations"}) {
      if (node[key].IsDefined()) {
        error(node[key], fmt::format("{} is of alerts, not of a recording rule", key));
      }
    }
    if (!rule.name.empty() && !is_utf8(rule.name)) {
      error(node["record"], fmt::format("invalid recording rule name: {}", quoted(rule.name)));
    }
  }

  std::string_view yaml_;
  RuleFile& out_;
};

}  // namespace

FilePlace Rule::place_of(std::size_t offset) const {
  if (expression_places.empty()) return place;
  return expression_places[std::min(offset, expression_places.size() - 1)];
}

RuleFile parse_rules(std::string_view yaml) {
  RuleFile out;
  if (yaml.size() > kMaxRuleFileBytes) {
    out.errors.push_back({{1, 1}, "a rule file of more than 16 MiB"});
    return out;
  }
  try {
    for (const YAML::Node& document : YAML::LoadAll(std::string(yaml))) {
      if (!document.IsNull()) RuleReader(yaml, out).read(document);
    }
  } catch (const YAML::Exception& error) {
    out.errors.push_back({place_at(error.mark), fmt::format("YAML: {}", error.msg)});
  }
  return out;
}

}  // namespace hygge::formats
