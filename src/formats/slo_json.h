// What the replies of the SLO verbs are written with: JSON, and numbers for people.
#pragma once

#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hygge::formats {

/// Whole numbers without a fraction or an exponent, others in their shortest form.
[[nodiscard]] std::string plain_number(double number);
/// The same, nothing for none: a cell of a table.
[[nodiscard]] std::string cell(const std::optional<double>& number);
/// 1234567 as 1,234,567; fractions as they are.
[[nodiscard]] std::string grouped(double number);
/// 0.1234 as "12.3".
[[nodiscard]] std::string percent(double share, int decimals);
/// The same with " %"; none as a dash.
[[nodiscard]] std::string percent_or_none(const std::optional<double>& share, int decimals);
/// At most a decimal; counts of events have none anyway.
[[nodiscard]] double rounded(double number);

/// Just enough JSON to write: commas where they belong, text escaped.
class Json {
 public:
  std::string text;

  Json& open(char bracket) {
    comma();
    text += bracket;
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    text += bracket;
    first_ = false;
    return *this;
  }
  Json& key(std::string_view name) {
    comma();
    string(name);
    text += ':';
    first_ = true;  // its value follows without a comma
    return *this;
  }
  Json& value(std::string_view word) {
    comma();
    string(word);
    return *this;
  }
  Json& value(const char* word) { return value(std::string_view(word)); }
  Json& value(bool flag) { return raw(flag ? "true" : "false"); }
  Json& value(double number) { return raw(std::isfinite(number) ? plain_number(number) : "null"); }
  template <typename Integer>
  requires std::is_integral_v<Integer> Json& value(Integer number) {
    return raw(fmt::format("{}", number));
  }
  template <typename T>
  Json& value(const std::optional<T>& number) {
    return number ? value(*number) : raw("null");
  }
  Json& null() { return raw("null"); }
  Json& value(const std::string& word) { return value(std::string_view(word)); }
  template <typename T>
  Json& field(std::string_view name, const T& what) {
    return key(name).value(what);
  }

 private:
  void comma() {
    if (!first_) text += ',';
    first_ = false;
  }
  Json& raw(std::string_view token) {
    comma();
    text += token;
    return *this;
  }
  void string(std::string_view word);
  bool first_ = true;
};

[[nodiscard]] inline double seconds(DurationMs ms) { return static_cast<double>(ms) / kSecondMs; }

/// {"schema":"hygge.slo.VERB/1","at_ms":…,"slos":[ and its end.
[[nodiscard]] Json begin_reply(std::string_view verb, TimeMs at_ms);
[[nodiscard]] std::string end_reply(Json out);
/// The reply of a verb: `entry` writes what there is of each.
template <typename Slo>
[[nodiscard]] std::string reply(std::string_view verb, TimeMs at_ms, std::span<const Slo> slos,
                                void (*entry)(Json& out, const Slo& slo)) {
  Json out = begin_reply(verb, at_ms);
  for (const Slo& slo : slos) entry(out, slo);
  return end_reply(std::move(out));
}

/// The members that say what a rule is, without its braces.
void write_rule(Json& out, const slo::AlertRule& rule, const slo::Rational& budget);

}  // namespace hygge::formats
