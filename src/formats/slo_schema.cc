// JSON Schema of SLO definition files, for editors, from the reader's own table of keys.
#include <hygge/slo_file.h>

#include "formats/slo_json.h"
#include "formats/slo_keys.h"

namespace hygge::formats {

namespace {

// Numbers may stand as text, with %; YAML does not mind.
constexpr std::string_view kPercentPattern = R"(^[0-9]+(\.[0-9]+)? ?%?$)";
constexpr std::string_view kDecimalPattern = R"(^[0-9]+(\.[0-9]+)?$)";

void write_text(Json& out, std::string_view pattern) {
  out.open('{').field("type", "string");
  if (!pattern.empty()) out.field("pattern", pattern);
  out.close('}');
}

// A number in a range, or text of the pattern. `limit` is the member that bounds it, "" for none.
void write_number(Json& out, std::string_view pattern, std::string_view least_word, double least,
                  std::string_view most_word, double most) {
  out.open('{').key("anyOf").open('[').open('{').field("type", "number");
  out.field(least_word, least);
  if (!most_word.empty()) out.field(most_word, most);
  out.close('}');
  write_text(out, pattern);
  out.close(']').close('}');
}

void write_integer(Json& out, double least, double most) {
  out.open('{').field("type", "integer").field("minimum", least);
  if (most > 0) out.field("maximum", most);
  out.close('}');
}

void write_words(Json& out, std::span<const std::string_view> words) {
  if (words.data() == kBoolWords.data()) {
    out.open('{').field("type", "boolean").close('}');
    return;
  }
  out.open('{').key("enum").open('[');
  for (const std::string_view word : words) out.value(word);
  out.close(']').close('}');
}

void write_ref(Json& out, std::string_view name) {
  out.open('{').field("$ref", "#/definitions/" + std::string(name)).close('}');
}

void write_list(Json& out, std::string_view of) {
  out.open('{').field("type", "array").key("items");
  write_ref(out, of);
  out.close('}');
}

void write_value(Json& out, const SloKey& key) {
  switch (key.value) {
    case SloValue::name:
      return write_text(out, "^[A-Za-z0-9_.-]{1,128}$");
    case SloValue::text:
    case SloValue::zone:
    case SloValue::selector:
      return write_text(out, "");
    case SloValue::target:
      return write_number(out, kPercentPattern, "minimum", 0, "exclusiveMaximum", 100);
    case SloValue::percent:
      return write_number(out, kPercentPattern, "exclusiveMinimum", 0, "maximum", 100);
    case SloValue::factor:
      return write_number(out, kDecimalPattern, "exclusiveMinimum", 0, "", 0);
    case SloValue::fraction:
      return write_number(out, kDecimalPattern, "minimum", 0, "maximum", 1);
    case SloValue::share:
      return write_number(out, kDecimalPattern, "exclusiveMinimum", 0, "exclusiveMaximum", 1);
    case SloValue::count:
      return write_integer(out, 1, 0);
    case SloValue::month:
      return write_integer(out, 1, 12);
    case SloValue::duration:
      return write_ref(out, "duration");
    case SloValue::time:
      return write_text(out,
                        R"(^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)"
                        R"((Z|[+-][0-9]{2}:?[0-9]{2})$)");
    case SloValue::every:
      return write_text(
          out, "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun|daily) +[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$");
    case SloValue::test:
      return write_text(out, "(<=|>=|==|!=|<|>) *[^ ]+ *$");
    case SloValue::method:
      return write_text(out, R"(^(occurrences|timeslices\(.+\)|ratio-timeslices\(.+\))$)");
    case SloValue::word:
      return write_words(out, key.words);
    case SloValue::window:
      out.open('{').key("anyOf").open('[');
      write_ref(out, "duration");
      write_ref(out, "calendar");
      out.close(']').close('}');
      return;
    case SloValue::alerts:
      out.open('{').key("anyOf").open('[').open('{').key("enum").open('[');
      out.value("google").value("none").close(']').close('}');
      write_list(out, "alert");
      out.close(']').close('}');
      return;
    case SloValue::exclusions:
      return write_list(out, "exclusion");
    case SloValue::parts:
      return write_list(out, "part");
  }
}

void write_strings(Json& out, std::string_view key, std::initializer_list<const char*> words) {
  out.key(key).open('[');
  for (const char* word : words) out.value(word);
  out.close(']');
}

// The members of a map; its brace stays open.
void write_members(Json& out, std::span<const SloKey> keys) {
  out.field("type", "object").field("additionalProperties", false);
  out.key("properties").open('{');
  for (const SloKey& key : keys) {
    // What a value is, and beside it what it means.
    out.key(key.name).open('{').key("allOf").open('[');
    write_value(out, key);
    out.close(']').field("description", key.about).close('}');
  }
  out.close('}');
}

// Exactly one of these sets of keys.
void write_one_of(Json& out, std::initializer_list<std::initializer_list<const char*>> sets) {
  out.key("oneOf").open('[');
  for (const auto& set : sets) {
    out.open('{');
    write_strings(out, "required", set);
    out.close('}');
  }
  out.close(']');
}

}  // namespace

std::string slo_schema() {
  Json out;
  out.open('{').field("$schema", "http://json-schema.org/draft-07/schema#");
  out.field("title", "SLO definitions of hygge, one in a YAML document");
  write_members(out, definition_keys());
  write_strings(out, "required", {"slo", "target"});
  write_one_of(out, {{"bad", "total"}, {"good", "total"}, {"ok"}, {"composite", "of"}});
  out.key("definitions").open('{').key("duration");
  write_text(out, "^([0-9]+(ms|s|m|h|d|w))+$");
  out.key("calendar").open('{');
  write_members(out, calendar_keys());
  write_strings(out, "required", {"calendar"});
  out.close('}').key("alert").open('{');
  write_members(out, alert_keys());
  write_strings(out, "required", {"long"});
  write_one_of(out, {{"spend"}, {"factor"}});
  out.close('}').key("exclusion").open('{');
  write_members(out, exclusion_keys());
  write_one_of(out, {{"from", "to"}, {"every"}});
  out.close('}').key("part").open('{');
  write_members(out, part_keys());
  write_strings(out, "required", {"slo"});
  out.close('}').close('}').close('}');
  return out.text + "\n";
}

}  // namespace hygge::formats
