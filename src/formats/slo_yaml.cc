// SLO definition files: YAML to structs, with the place of everything that is wrong.
#include <fmt/format.h>
#include <hygge/formats.h>
#include <hygge/slo_file.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "formats/slo_alerts.h"
#include "formats/slo_fields.h"
#include "formats/slo_method.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

constexpr std::size_t kMaxErrors = SloFields::kMaxErrors;
constexpr std::size_t kMaxFileBytes = 1U << 20U;

using slo::Definition;
using slo::Rational;
using slo::SliceRule;

constexpr std::array<std::string_view, 26> kKeys{
    "slo",          "service",    "description", "target",  "window",       "bad",
    "good",         "total",      "ok",          "kind",    "method",       "step",
    "since",        "lookback",   "delay",       "no_data", "idle",         "idle_when_absent",
    "min_coverage", "confidence", "alerts",      "min_bad", "significance", "exclude",
    "composite",    "of"};

// Walks over documents and notes where each begins.
class DocumentStarts final : public YAML::EventHandler {
 public:
  [[nodiscard]] const YAML::Mark& last() const noexcept { return last_; }

  void OnDocumentStart(const YAML::Mark& mark) override { last_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark last_ = YAML::Mark::null_mark();
};

// The documents of a text. yaml-cpp 0.7 takes a stray "," or "]" between documents for an empty one
// and never gets past it (LoadAll would loop for ever): two documents that begin at one place are
// that, and an error.
std::vector<YAML::Node> load_documents(const std::string& yaml) {
  std::istringstream text(yaml);
  YAML::Parser parser(text);
  DocumentStarts starts;
  int before = -1;
  while (parser.HandleNextDocument(starts)) {
    if (starts.last().pos == before) {
      throw YAML::ParserException(starts.last(), "a stray character where a document may begin");
    }
    before = starts.last().pos;
  }
  return YAML::LoadAll(yaml);
}

// One document. Errors are collected, so that a file is mended in one go.
class DocumentReader {
 public:
  DocumentReader(SloFields& fields, const YAML::Node& document)
      : fields_(fields), document_(document) {}

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

  SloFields& fields_;
  const YAML::Node& document_;
  Definition out_;
};

bool is_name(std::string_view text) {
  constexpr std::size_t kMaxBytes = 128;
  return !text.empty() && text.size() <= kMaxBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

void DocumentReader::read_names() {
  if (const YAML::Node node = at("slo"); !node.IsDefined()) {
    fields_.error(document_, "E_NAME", "slo: a name is required");
  } else if (const auto name = fields_.text(node, "E_NAME", "slo"); name && !is_name(*name)) {
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
  constexpr std::array<std::string_view, 4> kWords{"auto", "counter", "delta", "gauge"};
  const auto word = fields_.one_of(node, "E_KIND", "kind", kWords);
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
    constexpr std::array<std::string_view, 3> kWords{"ignore", "good", "bad"};
    const auto word = fields_.one_of(node, "E_METHOD", "no_data", kWords);
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
    constexpr std::array<std::string_view, 2> kWords{"good", "ignore"};
    const auto word = fields_.one_of(node, "E_METHOD", "idle", kWords);
    out_.idle = word == std::string_view("ignore") ? SliceRule::ignore : SliceRule::good;
  }
  if (const YAML::Node node = at("idle_when_absent"); node.IsDefined()) {
    constexpr std::array<std::string_view, 2> kWords{"true", "false"};
    out_.idle_when_absent =
        fields_.one_of(node, "E_VALUE", "idle_when_absent", kWords) == std::string_view("true");
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

std::optional<Definition> DocumentReader::read() {
  out_.file = fields_.file();
  out_.line = SloFields::line_of(document_);
  fields_.check_keys(document_, kKeys);
  bool later = false;
  for (const char* key : {"composite", "of"}) {
    if (!at(key).IsDefined()) continue;
    later = true;
    fields_.unsupported(at(key), key);
  }
  read_names();
  read_target();
  if (!later) read_selectors();
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
  if (!fields_.ok()) return std::nullopt;
  if (const auto valid = validate(out_); !valid) {
    fields_.error(document_, "E_WINDOW", valid.error().message);
    return std::nullopt;
  }
  return std::move(out_);
}

void read_document(SloFile& out, const YAML::Node& document, const std::string& file) {
  SloFields fields(out, file);
  if (!document.IsMap()) {
    return fields.error(document, "E_KEY",
                        "a definition is a map of keys: slo, target, bad, total, …");
  }
  auto definition = DocumentReader(fields, document).read();
  if (definition) out.definitions.push_back(std::move(*definition));
}

// YAML nested too deeply would exhaust the stack of its reader: as brackets, as indentation, and as
// a run of indicators, "- - - …", where each level takes a column at least.
bool too_deep(std::string_view yaml) {
  constexpr int kMaxBrackets = 64;
  constexpr int kMaxColumn = 256;
  int brackets = 0;
  int lead = 0;  // of the line, up to the first other character; negative: past it
  for (const char c : yaml) {
    if (c == '[' || c == '{') ++brackets;
    if ((c == ']' || c == '}') && brackets > 0) --brackets;
    if (c == '\n') {
      lead = 0;
    } else if (lead >= 0) {
      lead = c == ' ' || c == '-' || c == '?' || c == ':' || c == '\t' ? lead + 1 : -1;
    }
    if (brackets > kMaxBrackets || lead > kMaxColumn) return true;
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
    for (const YAML::Node& document : load_documents(std::string(yaml))) {
      if (!document.IsNull()) read_document(out, document, name);
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
  std::stable_sort(out.errors.begin(), out.errors.end(),
                   [](const SloFileError& a, const SloFileError& b) { return a.line < b.line; });
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
