#include "formats/slo_json.h"

#include <algorithm>

namespace hygge::formats {

std::string plain_number(double number) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const bool whole = std::trunc(number) == number && std::fabs(number) < kExact;
  return whole ? fmt::format("{}", static_cast<std::int64_t>(number)) : fmt::format("{}", number);
}

std::string cell(const std::optional<double>& number) {
  return number ? plain_number(*number) : std::string();
}

std::string grouped(double number) {
  std::string out = plain_number(number);
  const std::size_t digits = std::min(out.find_first_of(".e"), out.size());
  for (std::size_t i = digits; i > 3 + (out[0] == '-' ? 1U : 0U); i -= 3) out.insert(i - 3, ",");
  return out;
}

std::string percent(double share, int decimals) {
  return fmt::format("{:.{}f}", share * 100, decimals);
}

std::string percent_or_none(const std::optional<double>& share, int decimals) {
  return share ? percent(*share, decimals) + " %" : "–";
}

double rounded(double number) { return std::round(number * 10) / 10; }

void Json::string(std::string_view word) {
  text += '"';
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\n') {
      text += "\\n";
    } else if (byte < 0x20) {
      text += fmt::format("\\u{:04x}", byte);
    } else {
      text += c;
    }
  }
  text += '"';
}

Json begin_reply(std::string_view verb, TimeMs at_ms) {
  Json out;
  out.open('{').field("schema", fmt::format("hygge.slo.{}/1", verb)).field("at_ms", at_ms);
  out.key("slos").open('[');
  return out;
}

std::string end_reply(Json out) {
  out.close(']').close('}');
  out.text += '\n';
  return std::move(out.text);
}

std::string window_spec(DurationMs window_ms, const std::optional<slo::Calendar>& calendar) {
  return calendar ? std::string(to_string(calendar->unit)) : slo::window_text(window_ms);
}

void write_rule(Json& out, const slo::AlertRule& rule, const slo::Rational& budget) {
  out.field("as", rule.as).field("long_s", seconds(rule.long_ms));
  out.field("short_s", seconds(rule.short_ms)).key("spend");
  if (rule.spend) {
    out.value(rule.spend->value());
  } else {
    out.null();
  }
  out.field("factor", rule.factor.value()).field("threshold", (rule.factor * budget).value());
  out.field("op", rule.or_equal ? "gte" : "gt");
}

}  // namespace hygge::formats
