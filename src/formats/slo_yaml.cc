// SLO definition files: YAML to structs, with the place of everything that is wrong.
#include <fmt/format.h>
#include <hygge/slo_file.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "formats/slo_alerts.h"
#include "formats/slo_composite.h"
#include "formats/slo_document.h"
#include "formats/slo_fields.h"
#include "formats/slo_keys.h"
#include "formats/slo_method.h"
#include "formats/slo_openslo.h"
#include "formats/slo_sloth.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

using slo::Definition;
using slo::Rational;
using slo::SliceRule;

// One document. Errors are collected, so that a file is mended in one go.
class DocumentReader {
 public:
  /// `known` are those that a composite may be made of.
  DocumentReader(SloFields& fields, const YAML::Node& document, std::span<const Definition> known)
      : fields_(fields), document_(document), known_(known) {}

  std::optional<Definition> read();

 private:
  // The value of a key, if it is there; undefined values are false.
  [[nodiscard]] YAML::Node at(const char* key) const { return document_[key]; }

  void read_names();
  void read_target();
  void read_selectors();
  void read_kind();
  void read_method_and_step();
  void read_slice_rules();
  void read_times();
  void read_shares();
  void check_window();
  void read_simple();
  void read_made_of_others();

  SloFields& fields_;
  const YAML::Node& document_;
  std::span<const Definition> known_;
  Definition out_;
};

void DocumentReader::read_names() {
  if (const YAML::Node node = at("slo"); !node.IsDefined()) {
    fields_.error(document_, "E_NAME", "slo: a name is required");
  } else if (const auto name = fields_.text(node, "E_NAME", "slo");
             name && !SloFields::is_name(*name)) {
    fields_.error(node, "E_NAME", "slo: a name of letters, digits, _ . and -, at most 128");
  } else {
    out_.name = name.value_or("");
  }
  for (const auto& [key, to] :
       {std::pair{"service", &out_.service}, std::pair{"description", &out_.description}}) {
    if (const YAML::Node node = at(key); node.IsDefined()) {
      *to = fields_.text(node, "E_VALUE", key).value_or("");
    }
  }
}

void DocumentReader::read_target() {
  const YAML::Node node = at("target");
  if (!node.IsDefined()) return fields_.error(document_, "E_TARGET", "target is required");
  const auto text = fields_.text(node, "E_TARGET", "target");
  if (!text) return;
  const auto objective = SloFields::percent(*text);
  if (!objective) {
    return fields_.error(
        node, "E_TARGET",
        fmt::format("target: {} is no decimal percentage such as 99.9", quoted(*text)));
  }
  if (objective->num >= objective->den) {
    return fields_.error(node, "E_TARGET",
                         fmt::format("target: {} leaves no budget; write less than 100", *text));
  }
  out_.objective = *objective;
  out_.target_percent = text->substr(0, text->find_first_of(" %"));
}

void DocumentReader::read_selectors() {
  const YAML::Node bad = at("bad");
  const YAML::Node good = at("good");
  const YAML::Node total = at("total");
  const YAML::Node ok = at("ok");
  if (ok.IsDefined()) {
    for (const YAML::Node& other : {bad, good, total}) {
      if (other.IsDefined()) {
        fields_.error(other, "E_SELECTOR", "ok stands instead of bad, good and total");
      }
    }
    out_.part_line = out_.total_line = SloFields::line_of(ok);
    return read_ok(fields_, ok, out_);
  }
  if (bad.IsDefined() && good.IsDefined()) {
    fields_.error(good, "E_SELECTOR", "bad and good: one of them");
  } else if (!bad.IsDefined() && !good.IsDefined()) {
    fields_.error(document_, "E_SELECTOR", "bad or good is required");
  } else {
    out_.part_is_good = good.IsDefined();
    const YAML::Node& part = out_.part_is_good ? good : bad;
    out_.part_line = SloFields::line_of(part);
    if (auto value = fields_.selector(part, out_.part_is_good ? "good" : "bad")) {
      out_.part = std::move(*value);
    }
  }
  if (!total.IsDefined()) return fields_.error(document_, "E_SELECTOR", "total is required");
  out_.total_line = SloFields::line_of(total);
  if (auto value = fields_.selector(total, "total")) out_.total = std::move(*value);
}

void DocumentReader::read_kind() {
  const YAML::Node node = at("kind");
  if (!node.IsDefined()) return;
  const auto word = fields_.one_of(node, "E_KIND", "kind", kKindWords);
  if (!word) return;
  const bool gauge = *word == "gauge";
  if (at("ok").IsDefined()) {
    if (!gauge && *word != "auto") {
      fields_.error(node, "E_KIND", fmt::format("kind: {}: ok tests a gauge", *word));
    }
    return;
  }
  if (gauge) {
    return fields_.error(node, "E_KIND", "kind: gauge: a gauge is judged by ok, not by its sum");
  }
  out_.kind = *word == "counter" ? slo::Kind::counter
              : *word == "delta" ? slo::Kind::delta
                                 : slo::Kind::automatic;
}

void DocumentReader::read_method_and_step() {
  MethodKey method;
  const YAML::Node node = at("method");
  if (node.IsDefined()) method = read_method(fields_, node);
  out_.method = method.method;
  if (out_.method == slo::Method::timeslices) {
    if (method.slice_target) {
      out_.slice_target = *method.slice_target;
    } else if (!at("ok").IsDefined()) {
      fields_.error(node, "E_METHOD",
                    "method: timeslices needs what makes a slice good, as in "
                    "timeslices(5m, 99)");
    }
  }
  const YAML::Node step = at("step");
  if (step.IsDefined()) {
    out_.step_ms = fields_.duration(step, "E_STEP", "step").value_or(kMinuteMs);
    if (method.length_ms && *method.length_ms != out_.step_ms) {
      fields_.error(
          step, "E_STEP",
          fmt::format("step: the method's slices are {} long", format_duration(*method.length_ms)));
    }
  }
  out_.step_ms = method.length_ms.value_or(out_.step_ms);
  if (out_.step_ms > 0 && kHourMs % out_.step_ms == 0) return;
  fields_.error(step.IsDefined() ? step : node, "E_STEP",
                fmt::format("step: {} does not divide an hour", format_duration(out_.step_ms)));
  out_.step_ms = kMinuteMs;
}

void DocumentReader::read_slice_rules() {
  if (const YAML::Node node = at("no_data"); node.IsDefined()) {
    const auto word = fields_.one_of(node, "E_METHOD", "no_data", kNoDataWords);
    if (word && *word != "ignore" && out_.method == slo::Method::occurrences) {
      fields_.error(node, "E_METHOD",
                    fmt::format("no_data: {} needs a method of timeslices: occurrences has no "
                                "count to invent",
                                *word));
    }
    out_.no_data = word == std::string_view("good")  ? SliceRule::good
                   : word == std::string_view("bad") ? SliceRule::bad
                                                     : SliceRule::ignore;
  }
  if (const YAML::Node node = at("idle"); node.IsDefined()) {
    const auto word = fields_.one_of(node, "E_METHOD", "idle", kIdleWords);
    out_.idle = word == std::string_view("ignore") ? SliceRule::ignore : SliceRule::good;
  }
  if (const YAML::Node node = at("idle_when_absent"); node.IsDefined()) {
    out_.idle_when_absent =
        fields_.one_of(node, "E_VALUE", "idle_when_absent", kBoolWords) == std::string_view("true");
  }
}

void DocumentReader::read_times() {
  if (const YAML::Node node = at("window"); node.IsDefined()) read_window(fields_, node, out_);
  if (const YAML::Node node = at("since"); node.IsDefined()) {
    out_.since_ms = fields_.time(node, "E_SINCE", "since");
  }
  if (const YAML::Node node = at("lookback"); node.IsDefined()) {
    out_.lookback_ms = fields_.duration(node, "E_LOOKBACK", "lookback").value_or(kHourMs);
  }
  if (const YAML::Node node = at("delay"); node.IsDefined()) {
    out_.delay_ms = fields_.duration(node, "E_DELAY", "delay").value_or(0);
  }
}

void DocumentReader::read_shares() {
  if (const YAML::Node node = at("min_coverage"); node.IsDefined()) {
    const auto text = fields_.text(node, "E_VALUE", "min_coverage");
    const auto value = text ? Rational::parse(*text) : std::nullopt;
    constexpr std::int64_t kMaxDenominator = 1'000'000;
    if (value && value->num <= value->den && value->den <= kMaxDenominator) {
      out_.min_coverage = *value;
    } else {
      fields_.error(node, "E_VALUE", "min_coverage: a decimal in 0 … 1, such as 0.9");
    }
  }
  if (const YAML::Node node = at("confidence"); node.IsDefined()) {
    const auto text = fields_.text(node, "E_VALUE", "confidence");
    const auto value = text ? SloFields::percent(*text) : std::nullopt;
    if (value && value->num > 0 && value->num < value->den) {
      out_.confidence = *value;
    } else {
      fields_.error(node, "E_VALUE", "confidence: a percentage between 0 and 100, such as 95");
    }
  }
}

void DocumentReader::check_window() {
  const YAML::Node node = at("window");
  const YAML::Node& place = node.IsDefined() ? node : document_;
  const DurationMs window = out_.window_ms;
  if (window % out_.step_ms != 0 || window < 2 * out_.step_ms) {
    return fields_.error(place, "E_WINDOW",
                         fmt::format("window: {} is no multiple of the step {}, or less than two "
                                     "steps",
                                     format_duration(window), format_duration(out_.step_ms)));
  }
  if (out_.calendar && !step_fits(*out_.calendar, out_.step_ms)) {
    return fields_.error(place, "E_STEP",
                         fmt::format("step: days of {} do not begin at multiples of {}",
                                     out_.calendar->tz, format_duration(out_.step_ms)));
  }
}

void DocumentReader::read_simple() {
  fields_.check_keys(document_, names_of_definition(false));
  read_selectors();
  read_kind();
  read_method_and_step();
  read_slice_rules();
  read_times();
  read_shares();
  check_window();
  if (const YAML::Node node = at("exclude"); node.IsDefined()) {
    read_exclusions(fields_, node, out_);
  }
  read_alerts(fields_, document_, out_);
}

void DocumentReader::read_made_of_others() {
  fields_.check_keys(document_, names_of_definition(true));
  read_times();
  read_shares();
  read_composite(fields_, document_, known_, out_);
  check_window();
  if (!out_.composite || out_.composite->has_slices()) {
    read_alerts(fields_, document_, out_);
    return;
  }
  const YAML::Node alerts = at("alerts");
  if (alerts.IsDefined() && !(alerts.IsScalar() && alerts.Scalar() == "none")) {
    fields_.error(alerts, "E_ALERT",
                  fmt::format("alerts need slices, which composite: {} has not; write none, or "
                              "leave it out",
                              to_string(out_.composite->how)));
  }
}

std::optional<Definition> DocumentReader::read() {
  out_.file = fields_.file();
  out_.line = SloFields::line_of(document_);
  read_names();
  read_target();
  if (is_composite(document_)) {
    read_made_of_others();
  } else {
    read_simple();
  }
  if (!fields_.ok()) return std::nullopt;
  if (const auto valid = validate(out_); !valid) {
    fields_.error(document_, "E_WINDOW", valid.error().message);
    return std::nullopt;
  }
  return std::move(out_);
}

void read_document(SloFile& out, const YAML::Node& document, const std::string& file,
                   std::span<const Definition> known) {
  SloFields fields(out, file);
  if (!document.IsMap()) {
    return fields.error(document, "E_KEY",
                        "a definition is a map of keys: slo, target, bad, total, …");
  }
  auto definition = DocumentReader(fields, document, known).read();
  if (definition) out.definitions.push_back(std::move(*definition));
}

// Composites are read when everything that they may be made of has been.
enum class Pass : std::uint8_t { simple, composites };

void read_documents(SloFile& out, std::string_view yaml, const std::string& name, Pass pass,
                    std::span<const Definition> known, const OpenSloObjects& objects) {
  for_each_document(yaml, name, out, [&](const YAML::Node& document) {
    if (is_composite(document) != (pass == Pass::composites)) return;
    if (is_openslo(document)) return read_openslo(out, document, name, objects);
    if (is_sloth(document)) return read_sloth_slos(out, document, name);
    read_document(out, document, name, known);
  });
}

// What an SLO of OpenSLO may name, in a text; what is wrong with that is said by the other passes.
void collect_objects(OpenSloObjects& out, std::string_view yaml, const std::string& name) {
  SloFile unused;
  for_each_document(yaml, name, unused, [&](const YAML::Node& document) {
    if (is_openslo(document)) out.add(document, name);
  });
}

// The second pass over a text, and the order of its lines.
void finish_file(SloFile& out, std::string_view yaml, const std::string& name,
                 std::span<const Definition> known, bool may_be_empty) {
  const bool is_yaml = std::none_of(out.errors.begin(), out.errors.end(), [](const auto& error) {
    return error.code == std::string_view("E_YAML");
  });
  if (is_yaml) read_documents(out, yaml, name, Pass::composites, known, {});
  if (out.definitions.empty() && out.errors.empty() && !may_be_empty) {
    out.errors.push_back({name, 1, 1, "E_YAML", "no definition in it"});
  }
  const auto by_line = [](const auto& a, const auto& b) { return a.line < b.line; };
  std::stable_sort(out.definitions.begin(), out.definitions.end(), by_line);
  std::stable_sort(out.errors.begin(), out.errors.end(), by_line);
}

}  // namespace

std::string SloFileError::text() const {
  return fmt::format("{}:{}:{}: {}: {}", file, line, column, code, message);
}

SloFile parse_slos(std::string_view yaml, const std::string& name) {
  SloFile out;
  OpenSloObjects objects;
  collect_objects(objects, yaml, name);
  read_documents(out, yaml, name, Pass::simple, {}, objects);
  const std::vector<Definition> known = out.definitions;
  finish_file(out, yaml, name, known, false);
  return out;
}

Result<std::vector<slo::Definition>> load_slos(std::span<const std::string> paths) {
  std::vector<std::string> texts;
  std::vector<SloFile> files;
  std::vector<Definition> known;
  // OpenSLO's objects may stand in files of their own.
  OpenSloObjects objects;
  std::vector<bool> has_objects;
  for (const std::string& path : paths) {
    auto text = read_text_file(path);
    if (!text) return tl::unexpected<Error>(text.error());
    texts.push_back(std::move(*text));
    const std::size_t before = objects.size();
    collect_objects(objects, texts.back(), path);
    has_objects.push_back(objects.size() > before);
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    SloFile& file = files.emplace_back();
    read_documents(file, texts[i], paths[i], Pass::simple, {}, objects);
    known.insert(known.end(), file.definitions.begin(), file.definitions.end());
  }
  std::vector<slo::Definition> out;
  std::vector<SloFileError> errors;
  std::map<std::string, std::string> names;
  for (std::size_t i = 0; i < files.size(); ++i) {
    SloFile& file = files[i];
    const std::string& path = paths[i];
    finish_file(file, texts[i], path, known, has_objects[i] && !known.empty());
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
  return tl::unexpected<Error>(error_of(errors));
}

Result<std::vector<slo::Definition>> load_slos(const std::string& path) {
  return load_slos(std::span(&path, 1));
}

}  // namespace hygge::formats
